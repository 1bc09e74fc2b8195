use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;

use super::run_writer::RestRunWriter;
use super::{RestTarget, TRIES, There};
use crate::entities::{ExperimentId, Lifecycle, Run, RunId, RunStatus, ids_in, names_model, rewrite, tag};
use crate::error::{Class, Result};
use crate::rest::{BatchItem, NewRun, takes_tag};
use crate::target::{Found, OpenRun, Place, Unresolved};

impl RestTarget {
    pub(super) async fn find_or_make_run(&self, place: &Place, run: &Run, again: bool) -> Result<OpenRun> {
        let written = self.tags_at_creation(run);
        let (there, found) = match self.there(&place.id, &run.id) {
            Some(there) if !again && is_complete(&there, run) => (there, Found::Everything),
            Some(there) => (there, Found::Partial),
            None => {
                self.reopen_experiment(place).await?;
                (self.make_run(place, run, &written).await?, Found::Nothing)
            }
        };
        self.ledger.opened(&run.id, &there.id)?;
        let items = match found {
            Found::Everything => Vec::new(),
            Found::Nothing => self.items(run, &there.id, &BTreeMap::new(), &written)?,
            // Params cannot be changed: those that are there stay as they are.
            Found::Partial => {
                let params = self.reopened(place, &there).await?.params;
                self.items(run, &there.id, &params, &BTreeMap::new())?
            }
        };
        let delivery = Arc::clone(&self.delivery);
        let writer = RestRunWriter::new(delivery, run, &there, place.to_be_deleted).starting_with(items);
        Ok(OpenRun { id: there.id, found, writer: Box::new(writer) })
    }

    /// A deleted run takes nothing; it is deleted again when it is closed.
    async fn reopened(&self, place: &Place, there: &There) -> Result<Run> {
        self.reopen_experiment(place).await?;
        let run = self.client.run(&there.id).await?;
        if run.lifecycle.is_deleted() {
            self.client.set_run_lifecycle(&there.id, Lifecycle::Active).await?;
        }
        Ok(run)
    }

    pub(super) async fn reopen_experiment(&self, place: &Place) -> Result<()> {
        if self.deleted().remove(&place.id) {
            self.client.set_experiment_lifecycle(&place.id, Lifecycle::Active).await?;
        }
        Ok(())
    }

    /// Creates the run under its identity tag. When the reply is lost, the tag tells whether it was made.
    async fn make_run(&self, place: &Place, run: &Run, tags: &BTreeMap<String, String>) -> Result<There> {
        let new = NewRun::new(run, &place.id, tags);
        let mut tries = 1;
        loop {
            match self.client.create_run(&new).await {
                Err(e) if e.class() == Class::Ambiguous => {
                    if let Some(made) = self.imported_run(&place.id, &run.id).await? {
                        return Ok(made.into());
                    }
                    if tries == TRIES {
                        return Err(e);
                    }
                    tries += 1;
                }
                other => return other.map(There::from),
            }
        }
    }

    async fn imported_run(&self, experiment: &ExperimentId, source: &RunId) -> Result<Option<Run>> {
        let filter = format!("tags.`{}` = '{source}'", tag::SOURCE_RUN_ID);
        let page = self.client.runs(experiment, &filter).try_next().await?;
        Ok(page.and_then(|runs| runs.into_iter().next()))
    }

    fn tags_at_creation(&self, run: &Run) -> BTreeMap<String, String> {
        let mut tags: BTreeMap<String, String> = run
            .tags
            .iter()
            .filter(|(key, _)| !tag::is_ours(key))
            .map(|(key, value)| (key.clone(), self.rewritten(key, value)))
            .collect();
        tags.insert(tag::SOURCE_RUN_ID.to_owned(), run.id.to_string());
        // The server refuses a name tag that says otherwise than the name.
        if tags.contains_key(tag::RUN_NAME) {
            tags.insert(tag::RUN_NAME.to_owned(), run.given_name().to_owned());
        }
        tags
    }

    /// The params that are not there, and the tags that are not as they were `written` at creation: those that name
    /// the run itself or what has been made since, and on a second visit all that may have changed. Tags that name a
    /// run which is not there yet are put down for later; params that name a logged model are written with the run's
    /// other links to models.
    fn items(
        &self,
        run: &Run,
        target: &RunId,
        there: &BTreeMap<String, String>,
        written: &BTreeMap<String, String>,
    ) -> Result<Vec<BatchItem>> {
        let missing =
            run.params.iter().filter(|(key, value)| !there.contains_key(*key) && !names_model(value));
        let params = missing.map(|(key, value)| BatchItem::Param(key.clone(), value.clone()));
        let mut items: Vec<BatchItem> = params.collect();
        for (key, value) in run.tags.iter().filter(|(key, _)| !tag::is_ours(key)) {
            let ids = ids_in(key, value);
            if ids.iter().any(|id| self.ledger.target_of(&RunId::from(*id)).is_none()) {
                self.ledger.unresolved(Unresolved {
                    on: target.to_string(),
                    key: key.clone(),
                    value: value.clone(),
                })?;
            }
            let is_name = key == tag::RUN_NAME && written.contains_key(key);
            if !is_name && takes_tag(key) && written.get(key) != Some(&self.rewritten(key, value)) {
                items.push(BatchItem::Tag(key.clone(), value.clone()));
            }
        }
        Ok(items)
    }

    pub(super) fn rewritten(&self, key: &str, value: &str) -> String {
        rewrite(key, value, |id| self.ledger.target_of(id)).unwrap_or_else(|| value.to_owned())
    }
}

/// The status and the deletion are written last. A run that still runs at the source may have grown.
fn is_complete(there: &There, run: &Run) -> bool {
    let deleted = there.lifecycle.is_deleted();
    deleted || (there.status != RunStatus::Running && !run.lifecycle.is_deleted())
}
