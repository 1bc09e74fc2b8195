use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use futures::TryStreamExt;

use super::merge::has_identity;
use super::refused::{Refused, is_refusal, not_made};
use super::{ImportedRun, MAX_TRIES, RestWriter, TargetExperiment};
use crate::entities::{Experiment, ExperimentId, Kind, Run, RunId, ids_in, tag};
use crate::error::{Class, Error, Result};
use crate::io::strict;
use crate::writers::{Placement, Unresolved};

/// The filter for imported runs: only they carry this tag.
const IMPORTED: &str = "tags.`mlferry.source.run_id` != ''";

impl RestWriter {
    pub(super) async fn find_or_make_experiment(
        &self,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Result<TargetExperiment> {
        let name = placement.name;
        let to_be_deleted = experiment.lifecycle.is_deleted();
        let place = |id| TargetExperiment { id, to_be_deleted };
        let named = self.client.experiment_by_name(name).await?;
        let existing = match named {
            Some(existing) if is_made_from(&existing, experiment) => existing,
            named => match (self.moved_before(experiment, placement).await?, named) {
                (Some(moved), _) if is_made_from(&moved, experiment) => {
                    self.follow_rename(&moved.id, experiment, name).await?
                }
                // Its name belongs to another source.
                (Some(moved), _) => {
                    self.note_kept_name(name, &moved.name, "it was only merged into that experiment");
                    moved
                }
                (None, Some(existing)) => match self.copied_from_another(&existing, experiment, placement) {
                    None => existing,
                    Some(other) => {
                        self.rename_copied(&existing.id, other, name).await?;
                        return Ok(place(self.make_experiment(experiment, name).await?));
                    }
                },
                (None, None) => return Ok(place(self.make_experiment(experiment, name).await?)),
            },
        };
        let is_imported = is_made_from(&existing, experiment);
        match (existing.lifecycle.is_deleted(), is_imported && to_be_deleted) {
            (true, true) => {
                self.look_for_runs(&existing.id).await?;
                self.deleted().insert(existing.id.clone());
                Ok(place(existing.id))
            }
            (true, false) if !is_imported => Err(held_by_deleted(name)),
            _ => {
                let existing = self.restored_experiment(existing, experiment).await?;
                self.look_for_runs(&existing.id).await?;
                self.ensure_may_join(experiment, &existing, placement, is_imported).await?;
                self.merge_tags(experiment, &existing, is_imported).await?;
                // An active experiment that this program did not create, or that others share, must not be deleted.
                let is_shared = is_imported && existing.is_merged();
                if to_be_deleted && is_imported {
                    self.note(match is_shared {
                        true => format!(
                            "experiment {name:?} is deleted on the source, but not on the target: it holds runs of other sources"
                        ),
                        false => format!("experiment {name:?} was deleted on the target, as on the source"),
                    });
                }
                let to_be_deleted = to_be_deleted && is_imported && !is_shared;
                Ok(TargetExperiment { to_be_deleted, ..place(existing.id) })
            }
        }
    }

    async fn make_experiment(&self, experiment: &Experiment, name: &str) -> Result<ExperimentId> {
        let mut tags = self.tags_of(experiment);
        tags.insert(tag::GIVEN_NAME.to_owned(), name.to_owned());
        tags.insert(tag::SOURCE_NAME.to_owned(), experiment.name.clone());
        match self.create_experiment(name, &tags).await {
            // The server may refuse one of the tags. Then the others are written, and this one is reported.
            Err(e) if is_refusal(&e) => {
                let (own, user_tags): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    tags.into_iter().partition(|(key, _)| tag::is_ours(key));
                // If this is refused, too, the first reason is more useful.
                let id = self.create_experiment(name, &own).await.map_err(|_| e)?;
                let refused = self.set_experiment_tags(&id, user_tags).await?;
                self.refusals.add(Kind::Experiment, experiment.id.as_str(), refused);
                Ok(id)
            }
            other => other,
        }
    }

    async fn set_experiment_tags(
        &self,
        id: &ExperimentId,
        tags: BTreeMap<String, String>,
    ) -> Result<Refused> {
        let mut refused = Refused::default();
        for (key, value) in tags {
            match self.client.set_experiment_tag(id, &key, &value).await {
                Err(e) if is_refusal(&e) => refused.add("tag", &key, e.to_string()),
                other => other?,
            }
        }
        Ok(refused)
    }

    /// Creates the experiment. If the reply is lost, the name shows whether it was created.
    async fn create_experiment(&self, name: &str, tags: &BTreeMap<String, String>) -> Result<ExperimentId> {
        let mut tries = 1;
        loop {
            match self.client.create_experiment(name, tags).await {
                Err(e) if e.class() == Class::Ambiguous => {
                    if let Some(made) = self.client.experiment_by_name(name).await? {
                        return Ok(made.id);
                    }
                    if tries == MAX_TRIES {
                        return Err(not_made(e));
                    }
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// The source's tags, and mlferry's own tags for values that cannot be set.
    fn tags_of(&self, experiment: &Experiment) -> BTreeMap<String, String> {
        let user_tags = experiment.tags.iter().filter(|(key, _)| !tag::is_ours(key));
        let mut tags: BTreeMap<String, String> =
            user_tags.map(|(key, value)| (key.clone(), value.clone())).collect();
        tags.insert(tag::SOURCE_EXPERIMENT_ID.to_owned(), experiment.id.to_string());
        let times = [
            (tag::SOURCE_CREATION_TIME, experiment.creation_time),
            (tag::SOURCE_UPDATE_TIME, experiment.last_update_time),
        ];
        for (key, time) in times {
            if let Some(time) = time {
                tags.insert(key.to_owned(), time.to_string());
            }
        }
        tags
    }

    /// Adds the tags that the target's experiment lacks. Existing tags are not changed, unless an import made the
    /// experiment and this import is an update.
    async fn merge_tags(
        &self,
        experiment: &Experiment,
        existing: &Experiment,
        is_imported: bool,
    ) -> Result<()> {
        let mut missing = self.tags_of(experiment);
        // mlferry's own tags are excluded: an experiment that existed before does not become an imported one.
        missing.retain(|key, _| !tag::is_ours(key));
        missing
            .extend(experiment.merged_tag().filter(|_| !is_imported).map(|key| (key, String::from("true"))));
        missing.retain(|key, value| match existing.tags.get(key) {
            None => true,
            Some(known) => is_imported && known != value && self.drift.sets("tags of experiments"),
        });
        missing.extend(
            self.drift.kept_time(&existing.tags, experiment.last_update_time).filter(|_| is_imported),
        );
        let refused = self.set_experiment_tags(&existing.id, missing).await?;
        self.refusals.add(Kind::Experiment, experiment.id.as_str(), refused);
        Ok(())
    }

    /// The experiment that an earlier import made from this one, or merged it into, under any name.
    pub(super) async fn moved_before(
        &self,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Result<Option<Experiment>> {
        let marked = self.marked_experiments.get_or_try_init(|| self.find_marked()).await?;
        if !has_identity(experiment) {
            // Other sources have the same id, so the runs decide.
            let same_id = marked.iter().filter(|existing| is_made_from(existing, experiment));
            for existing in same_id.filter(|existing| !existing.lifecycle.is_deleted()) {
                if self.holds_one_of(&existing.id, placement).await? {
                    return Ok(Some(existing.clone()));
                }
            }
            return Ok(None);
        }
        let merged = experiment.merged_tag();
        let is_match = |existing: &&Experiment| {
            is_made_from(existing, experiment) && existing.tags.contains_key(tag::SOURCE_CREATION_TIME)
                || merged.as_ref().is_some_and(|key| existing.tags.contains_key(key))
        };
        // Only the source that made an experiment restores it.
        let takes = |existing: &&Experiment| {
            !existing.lifecycle.is_deleted()
                || experiment.lifecycle.is_deleted()
                || is_made_from(existing, experiment)
        };
        let all = marked.iter().filter(is_match).filter(takes);
        Ok(all.min_by_key(|existing| (existing.lifecycle.is_deleted(), existing.creation_time)).cloned())
    }

    async fn find_marked(&self) -> Result<Vec<Experiment>> {
        let all: Vec<Experiment> = strict(self.client.experiments()).try_concat().await?;
        Ok(all.into_iter().filter(|one| one.tags.keys().any(|key| tag::is_ours(key))).collect())
    }

    /// Looks for runs that exist twice: another import made the second one, or the target made it after its answer was
    /// lost.
    pub(super) async fn resolve_duplicates(&self, id: &ExperimentId) -> Result<()> {
        let mut found = HashMap::new();
        let mut pages = strict(self.client.runs(id, IMPORTED));
        while let Some(page) = pages.try_next().await? {
            for run in page {
                self.add_imported(&mut found, run).await?;
            }
        }
        if self.can.logged_models {
            self.imported_models(id).await?;
        }
        Ok(())
    }

    async fn add_imported(&self, found: &mut HashMap<RunId, ImportedRun>, run: Run) -> Result<()> {
        let Some(source) = made_from(&run) else { return Ok(()) };
        match found.entry(source) {
            Entry::Vacant(place) => _ = place.insert(ImportedRun::from(run)),
            Entry::Occupied(mut place) => {
                let source = place.key().clone();
                self.resolve_duplicate_run(&source, place.get_mut(), run.into()).await?;
            }
        }
        Ok(())
    }

    /// Finds the runs that earlier imports made here, and their tags that still name a run of the source: an
    /// interrupted import may have left such tags, and its journal may be lost.
    async fn look_for_runs(&self, id: &ExperimentId) -> Result<()> {
        let (mut found, mut naming) = (HashMap::new(), Vec::new());
        let mut pages = strict(self.client.runs(id, IMPORTED));
        while let Some(page) = pages.try_next().await? {
            for run in page {
                if made_from(&run).is_none() {
                    continue;
                }
                let tags = run
                    .tags
                    .iter()
                    .filter(|(key, value)| !tag::is_ours(key) && !ids_in(key, value).is_empty());
                naming.extend(tags.map(|(key, value)| Unresolved {
                    on: run.id.to_string(),
                    key: key.clone(),
                    value: value.clone(),
                }));
                self.add_imported(&mut found, run).await?;
            }
        }
        for (source, existing) in &found {
            self.id_map.opened(source, &existing.id)?;
        }
        let models = self.imported_models(id).await?;
        for reference in naming {
            let is_new = |id: &&str| self.id_map.is_target(&RunId::from(*id));
            if !ids_in(&reference.key, &reference.value).iter().all(is_new) {
                self.id_map.unresolved(reference)?;
            }
        }
        self.existing.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), found);
        self.existing_models.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), models);
        Ok(())
    }
}

/// True when an import made the experiment `existing` from this one. The ids of a database are small numbers that every
/// source has, so the creation time distinguishes the sources, if both sides have it.
pub(super) fn is_made_from(existing: &Experiment, experiment: &Experiment) -> bool {
    existing.tags.get(tag::SOURCE_EXPERIMENT_ID).map(String::as_str) == Some(experiment.id.as_str())
        && existing.was_created_as(experiment)
}

fn held_by_deleted(name: &str) -> Error {
    Error::permanent(format!("the target has a deleted experiment named {name:?}, which still holds that name"))
        .hint("restore it on the target, or remove it with `mlflow gc`, or give this experiment another name with --experiments-prefix or --experiment-rename-file")
}

/// The source run of an imported run. `None` for a late copy of another run.
pub(super) fn made_from(run: &Run) -> Option<RunId> {
    let source = run.tags.get(tag::SOURCE_RUN_ID).filter(|_| !run.tags.contains_key(tag::LATE_COPY));
    source.map(|id| RunId::from(id.as_str()))
}
