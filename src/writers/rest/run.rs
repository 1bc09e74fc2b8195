use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use futures::TryStreamExt;

use super::experiment::made_from;
use super::late::look_for;
use super::refused::{Refused, is_refusal, not_made};
use super::run_writer::RestRunWriter;
use super::{ImportedRun, MAX_TRIES, RestWriter};
use crate::entities::{ExperimentId, Lifecycle, Run, RunId, RunStatus, ids_in, names_model, rewrite, tag};
use crate::error::{Class, Result};
use crate::io::strict;
use crate::rest::{BatchItem, NewRun, takes_tag, takes_tag_value};
use crate::writers::{Existing, OpenRun, TargetExperiment, Unresolved};

impl RestWriter {
    pub(super) async fn find_or_make_run(
        &self,
        place: &TargetExperiment,
        run: &Run,
        again: bool,
    ) -> Result<OpenRun> {
        let (existing, found) = match self.known_run(&place.id, &run.id) {
            Some(existing) if !again && is_complete(&existing, run) => (existing, Existing::Everything),
            Some(existing) => (existing, Existing::Partial),
            None => {
                self.reopen_experiment(place).await?;
                let (existing, written) = self.make_run(place, run).await?;
                if run.name.is_empty() {
                    self.nameless.fetch_add(1, Ordering::Relaxed);
                }
                self.id_map.opened(&run.id, &existing.id)?;
                let (items, refused) = self.items(run, &existing.id, &BTreeMap::new(), &written)?;
                let writer = RestRunWriter::new(&self.shared, run, &existing, place.to_be_deleted);
                let writer = Box::new(writer.starting_with(items, refused));
                return Ok(OpenRun { id: existing.id, found: Existing::Nothing, writer });
            }
        };
        self.id_map.opened(&run.id, &existing.id)?;
        let mut writer = RestRunWriter::new(&self.shared, run, &existing, place.to_be_deleted);
        if found == Existing::Partial {
            let now = self.reopened(place, &existing).await?;
            let is_left = |key: &String| {
                !run.tags.contains_key(key) && !tag::is_ours(key) && !key.starts_with("mlflow.")
            };
            if now.tags.keys().any(is_left) {
                self.with_more_tags.fetch_add(1, Ordering::Relaxed);
            }
            // Params cannot be changed: existing ones stay as they are.
            let (items, refused) = self.items(run, &existing.id, &now.params, &now.tags)?;
            writer = writer.starting_with(items, refused).adding_to(now.latest.into_keys());
        }
        Ok(OpenRun { id: existing.id, found, writer: Box::new(writer) })
    }

    /// Reads an existing run. A deleted run is restored, because it accepts no writes; it is deleted again when it is
    /// closed.
    async fn reopened(&self, place: &TargetExperiment, existing: &ImportedRun) -> Result<Run> {
        self.reopen_experiment(place).await?;
        let run = self.client.run(&existing.id).await?;
        if run.lifecycle.is_deleted() {
            self.client.set_run_lifecycle(&existing.id, Lifecycle::Active).await?;
        }
        Ok(run)
    }

    pub(super) async fn reopen_experiment(&self, place: &TargetExperiment) -> Result<()> {
        if self.deleted().remove(&place.id) {
            self.client.set_experiment_lifecycle(&place.id, Lifecycle::Active).await?;
        }
        Ok(())
    }

    /// Creates the run with its identity tag and all of its tags. If the server refuses one of them, the run is created
    /// with the identifying tags only. Returns the tags that the run has.
    async fn make_run(
        &self,
        place: &TargetExperiment,
        run: &Run,
    ) -> Result<(ImportedRun, BTreeMap<String, String>)> {
        let mut tags = self.tags_at_creation(run);
        match self.create_run(place, run, &tags).await {
            Err(e) if is_refusal(&e) => {
                tags.retain(|key, _| {
                    [tag::SOURCE_RUN_ID, tag::PARENT_RUN_ID, tag::RUN_NAME].contains(&key.as_str())
                });
                // If this is refused, too, the first reason is more useful.
                let made = self.create_run(place, run, &tags).await.map_err(|_| e)?;
                Ok((made, tags))
            }
            made => Ok((made?, tags)),
        }
    }

    /// Creates the run. If the reply is lost, the tag shows whether it was created.
    async fn create_run(
        &self,
        place: &TargetExperiment,
        run: &Run,
        tags: &BTreeMap<String, String>,
    ) -> Result<ImportedRun> {
        let new = NewRun::new(run, &place.id, tags);
        let mut tries = 1;
        loop {
            match self.client.create_run(&new).await {
                Err(e) if e.class() == Class::Ambiguous => {
                    self.unanswered.in_experiment(&place.id);
                    if let Some(made) = look_for(|| self.imported_run(&place.id, &run.id)).await? {
                        return Ok(made.into());
                    }
                    if tries == MAX_TRIES {
                        return Err(not_made(e));
                    }
                    tries += 1;
                }
                other => return other.map(ImportedRun::from),
            }
        }
    }

    async fn imported_run(&self, experiment: &ExperimentId, source: &RunId) -> Result<Option<Run>> {
        let filter = format!("tags.`{}` = '{source}'", tag::SOURCE_RUN_ID);
        let page = strict(self.client.runs(experiment, &filter)).try_next().await?;
        Ok(page.and_then(|runs| runs.into_iter().find(|run| made_from(run).is_some())))
    }

    fn tags_at_creation(&self, run: &Run) -> BTreeMap<String, String> {
        let mut tags: BTreeMap<String, String> = run
            .tags
            .iter()
            .filter(|(key, _)| !tag::is_ours(key))
            .map(|(key, value)| (key.clone(), self.rewritten(key, value)))
            .collect();
        tags.insert(tag::SOURCE_RUN_ID.to_owned(), run.id.to_string());
        // The server refuses a name tag that differs from the name.
        if tags.contains_key(tag::RUN_NAME) {
            tags.insert(tag::RUN_NAME.to_owned(), run.given_name().to_owned());
        }
        tags
    }

    /// The params that are not in `existing`, and the tags that differ from `written`, which are the tags that the run
    /// already has. After a creation, these are tags that name the run itself or a later object; on a later visit, they
    /// are all changed tags. A tag that names a run which does not exist yet is stored for later. Params that name a
    /// logged model are written with the run's other links to models. Also returns the parts that cannot be changed.
    fn items(
        &self,
        run: &Run,
        target: &RunId,
        existing: &BTreeMap<String, String>,
        written: &BTreeMap<String, String>,
    ) -> Result<(Vec<BatchItem>, Refused)> {
        let missing =
            run.params.iter().filter(|(key, value)| !existing.contains_key(*key) && !names_model(value));
        let params = missing.map(|(key, value)| BatchItem::Param(key.clone(), value.clone()));
        let (mut items, mut refused): (Vec<BatchItem>, _) = (params.collect(), Refused::default());
        for (key, value) in run.tags.iter().filter(|(key, _)| !tag::is_ours(key)) {
            let ids = ids_in(key, value);
            let wanted = self.rewritten(key, value);
            let is_name = key == tag::RUN_NAME && written.get(key) == Some(&run.name);
            let is_as_wanted = is_name || written.get(key) == Some(&wanted);
            // The new value would be cut or refused. The existing value is complete.
            let must_stay = !takes_tag(key) || !takes_tag_value(&wanted);
            let names_old = written.get(key).is_some_and(|known| self.rewritten(key, known) == wanted);
            let is_unknown = |id: &&str| self.id_map.target_of(&RunId::from(*id)).is_none();
            if ids.iter().any(is_unknown) || (must_stay && names_old && !is_as_wanted) {
                let (on, key, value) = (target.to_string(), key.clone(), value.clone());
                self.id_map.unresolved(Unresolved { on, key, value })?;
            }
            match (is_as_wanted, must_stay) {
                (true, _) => {}
                (false, false) => items.push(BatchItem::Tag(key.clone(), value.clone())),
                (false, true) if names_old => {}
                (false, true) => {
                    refused.add("tag", key, "an existing run accepts no tag of this name or length")
                }
            }
        }
        Ok((items, refused))
    }

    pub(super) fn rewritten(&self, key: &str, value: &str) -> String {
        rewrite(key, value, |id| self.id_map.target_of(id)).unwrap_or_else(|| value.to_owned())
    }
}

/// True for a run that needs no further writes. The status and the deletion are written last. A run that is still
/// running at the source may have new data.
fn is_complete(existing: &ImportedRun, run: &Run) -> bool {
    let deleted = existing.lifecycle.is_deleted();
    !existing.lacking && (deleted || (existing.status != RunStatus::Running && !run.lifecycle.is_deleted()))
}
