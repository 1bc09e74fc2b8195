//! Work on a single item: a second import, a second comparison, its curve.

use crate::engine::selection::single;
use crate::engine::validate::{self, Curve, Difference};
use crate::engine::{Event, Outcome, StateDir, open};
use crate::entities::Kind;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::tui::effect::{CurveRequest, ItemRecheck, ItemRetry, Job};
use crate::tui::model::endpoint::EndpointRef;
use crate::tui::model::job::Failed;
use crate::tui::runner;

pub async fn curve(drawing: CurveRequest) -> Result<Curve> {
    let CurveRequest { source, target, source_id, target_id, metric } = drawing;
    let (source, target) = tokio::try_join!(
        open(&source.uri, source.end, source.access),
        open(&target.uri, target.end, target.access)
    )?;
    let (source, target) = (source.reader()?, target.reader()?);
    validate::curve((source.as_ref(), &source_id), (target.as_ref(), &target_id), &metric).await
}

/// Returns the current differences of the item.
pub async fn recheck(again: ItemRecheck, state: StateDir) -> Result<Vec<Difference>> {
    let ItemRecheck { source, target, import_from, plan, artifacts, difference } = again;
    if let Some(from) = import_from {
        import(from, target.clone(), plan.clone(), None, state.clone()).await?;
    }
    let compare = Job::Validate { source, target, plan, artifacts, reports: Vec::new() };
    let mut found = Vec::new();
    run(compare, state, |event| match event {
        Event::Difference(other) if difference.covers(&other) => found.push(other),
        _ => {}
    })
    .await?;
    Ok(found)
}

/// # Errors
/// Returns an error if the item fails again, or if only the whole job can include the item.
pub async fn retry(retry: ItemRetry, state: StateDir) -> Result<()> {
    let ItemRetry { source, target, plan, failed } = retry;
    let opened = open(&source.uri, source.end, source.access.clone()).await?.reader()?;
    let Failed { kind, id, name, .. } = &failed;
    let plan = single::plan_of(opened.as_ref(), *kind, id, name, &plan).await?;
    let Some(plan) = plan else {
        let error = Error::usage("this item cannot be retried on its own");
        return Err(error.hint("R retries all failed items"));
    };
    import(source, target, plan, Some((*kind, id)), state).await
}

/// Runs an import with `update`: it also checks objects that the target already has, which the journal counts as done.
/// `item` is the single item to import, if there is one.
async fn import(
    source: EndpointRef,
    target: EndpointRef,
    plan: Plan,
    item: Option<(Kind, &str)>,
    state: StateDir,
) -> Result<()> {
    let mut end = ItemResult::new(item);
    let job = Job::Import { source, target, plan, update: true };
    run(job, state, |event| end.on_event(event)).await?;
    end.into_result()
}

/// The result of an import for the requested item.
struct ItemResult<'a> {
    item: Option<(Kind, &'a str)>,
    /// The result of the item itself.
    own: Option<Result<()>>,
    /// The first failure of any other item.
    first: Option<Error>,
}

impl<'a> ItemResult<'a> {
    fn new(item: Option<(Kind, &'a str)>) -> Self {
        Self { item, own: None, first: None }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::ItemDone { kind, id, .. } | Event::ItemSkipped { kind, id, .. }
                if self.item == Some((kind, &id)) =>
            {
                self.own = Some(Ok(()));
            }
            Event::ItemFailed { kind, id, reason, hint, .. } => {
                let error = Error::permanent(reason);
                let error = match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                };
                if self.item == Some((kind, &id)) {
                    self.own = Some(Err(error));
                } else {
                    self.first.get_or_insert(error);
                }
            }
            _ => {}
        }
    }

    /// The result of the item, independent of other items. If the import did not reach the item, an earlier failure
    /// explains why.
    fn into_result(self) -> Result<()> {
        match (self.own, self.first) {
            (Some(own), _) => own,
            (None, Some(error)) => Err(error),
            (None, None) if self.item.is_none() => Ok(()),
            (None, None) => Err(Error::permanent("the source does not have this item any more")),
        }
    }
}

async fn run(job: Job, state: StateDir, mut on_event: impl FnMut(Event)) -> Result<Outcome> {
    let mut job = runner::begin(job, state).await?;
    while let Some(event) = job.events.recv().await {
        on_event(event);
    }
    job.outcome().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One file has been moved, two files have not.
    fn about(id: Option<&str>) -> std::result::Result<(), String> {
        let (kind, name) = (Kind::Artifact, String::new());
        let mut end = ItemResult::new(id.map(|id| (kind, id)));
        end.on_event(Event::ItemDone { kind, id: "r/a".into(), name: name.clone() });
        for id in ["r/b", "r/c"] {
            let (id, reason) = (id.to_owned(), format!("no {id}"));
            end.on_event(Event::ItemFailed {
                kind,
                id,
                name: name.clone(),
                reason,
                hint: None,
                attempts: 1,
                cause: None,
            });
        }
        end.into_result().map_err(|error| error.to_string())
    }

    #[test]
    fn an_item_ends_with_its_own_event() {
        assert_eq!(about(Some("r/a")), Ok(()));
        assert_eq!(about(Some("r/c")), Err("no r/c".into()));
        assert_eq!(about(Some("r/d")), Err("no r/b".into()), "the import did not reach it");
        assert_eq!(about(None), Err("no r/b".into()));
        assert!(ItemResult::new(None).into_result().is_ok());
        assert!(ItemResult::new(Some((Kind::Run, "r"))).into_result().is_err(), "no event has arrived");
    }
}
