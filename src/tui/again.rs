//! One item again: a second import, a second comparison, its curve.

use super::effect::{At, Job};
use super::hands;
use super::work::Failed;
use crate::engine::validate::{self, ArtifactCheck, Curve, Difference};
use crate::engine::{Event, Outcome, StateDir, open, single};
use crate::entities::Plan;
use crate::error::{Error, Result};

/// Both sides of a metric of a run.
#[derive(Clone)]
pub struct Drawing {
    pub source: At,
    pub target: At,
    pub source_id: String,
    pub target_id: String,
    pub metric: String,
}

/// What is to be done to one item.
#[derive(Clone)]
pub struct Again {
    pub source: At,
    pub target: At,
    /// Where it is imported from first, if it is.
    pub import_from: Option<At>,
    /// The least that takes the item.
    pub plan: Plan,
    pub artifacts: ArtifactCheck,
    pub difference: Difference,
}

/// What of a job has failed, and is to be tried by itself.
#[derive(Clone)]
pub struct Retry {
    pub source: At,
    pub target: At,
    /// Of the whole job.
    pub plan: Plan,
    pub failed: Failed,
}

pub async fn curve(drawing: Drawing) -> Result<Curve> {
    let Drawing { source, target, source_id, target_id, metric } = drawing;
    let (source, target) = tokio::try_join!(
        open(&source.uri, source.end, source.access),
        open(&target.uri, target.end, target.access)
    )?;
    let (source, target) = (source.snapshot()?, target.snapshot()?);
    validate::curve((source.as_ref(), &source_id), (target.as_ref(), &target_id), &metric).await
}

/// What of the item differs now.
pub async fn again(again: Again, state: StateDir) -> Result<Vec<Difference>> {
    let Again { source, target, import_from, plan, artifacts, difference } = again;
    if let Some(from) = import_from {
        import(from, target.clone(), plan.clone(), state.clone()).await?;
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
/// What failed again, and where nothing less than the whole job takes the item.
pub async fn retry(retry: Retry, state: StateDir) -> Result<()> {
    let Retry { source, target, plan, failed } = retry;
    let opened = open(&source.uri, source.end, source.access.clone()).await?.snapshot()?;
    let plan = single::plan_of(opened.as_ref(), failed.kind, &failed.id, &failed.name, &plan).await?;
    let Some(plan) = plan else {
        let error = Error::usage("this cannot be tried alone");
        return Err(error.hint("R tries everything that failed again"));
    };
    import(source, target, plan, state).await
}

/// What the target has is looked into: a journal would take it for done. The first failure is the error.
async fn import(source: At, target: At, plan: Plan, state: StateDir) -> Result<()> {
    let mut failed = None;
    let job = Job::Import { source, target, plan, update: true };
    run(job, state, |event| match event {
        Event::ItemFailed { reason, hint, .. } if failed.is_none() => {
            let error = Error::permanent(reason);
            failed = Some(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
        _ => {}
    })
    .await?;
    failed.map_or(Ok(()), Err)
}

async fn run(job: Job, state: StateDir, mut hear: impl FnMut(Event)) -> Result<Outcome> {
    let mut job = hands::begin(job, state).await?;
    while let Some(event) = job.events.recv().await {
        hear(event);
    }
    job.outcome().await
}
