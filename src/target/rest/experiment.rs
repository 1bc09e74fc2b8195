use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use futures::TryStreamExt;

use super::{Place, RestTarget, TRIES};
use crate::entities::{Experiment, ExperimentId, RunId, ids_in, tag};
use crate::error::{Class, Error, Result};
use crate::rest::strict;
use crate::target::Unresolved;

/// Only runs that an import has made carry this tag.
const IMPORTED: &str = "tags.`mlferry.source.run_id` != ''";

impl RestTarget {
    pub(super) async fn find_or_make_experiment(&self, experiment: &Experiment, name: &str) -> Result<Place> {
        let to_be_deleted = experiment.lifecycle.is_deleted();
        let place = |id| Place { id, to_be_deleted };
        let Some(there) = self.client.experiment_by_name(name).await? else {
            return Ok(place(self.make_experiment(experiment, name).await?));
        };
        let ours =
            there.tags.get(tag::SOURCE_EXPERIMENT_ID).map(String::as_str) == Some(experiment.id.as_str());
        match (there.lifecycle.is_deleted(), ours && to_be_deleted) {
            (true, true) => {
                self.look_for_runs(&there.id).await?;
                self.deleted().insert(there.id.clone());
                Ok(place(there.id))
            }
            (true, false) => Err(held_by_deleted(name)),
            (false, _) => {
                self.merge_tags(experiment, &there).await?;
                self.look_for_runs(&there.id).await?;
                // Somebody else's active experiment is not ours to delete.
                Ok(Place { to_be_deleted: to_be_deleted && ours, ..place(there.id) })
            }
        }
    }

    async fn make_experiment(&self, experiment: &Experiment, name: &str) -> Result<ExperimentId> {
        let tags = self.tags_of(experiment);
        let mut tries = 1;
        loop {
            match self.client.create_experiment(name, &tags).await {
                Err(e) if e.class() == Class::Ambiguous => {
                    if let Some(made) = self.client.experiment_by_name(name).await? {
                        return Ok(made.id);
                    }
                    if tries == TRIES {
                        return Err(e);
                    }
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// The source's tags, and what cannot be set as tags of ours.
    fn tags_of(&self, experiment: &Experiment) -> BTreeMap<String, String> {
        let theirs = experiment.tags.iter().filter(|(key, _)| !tag::is_ours(key));
        let mut tags: BTreeMap<String, String> =
            theirs.map(|(key, value)| (key.clone(), value.clone())).collect();
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

    /// Adds the tags that the target's experiment lacks. What it has is never overwritten.
    async fn merge_tags(&self, experiment: &Experiment, there: &Experiment) -> Result<()> {
        for (key, value) in self.tags_of(experiment) {
            // Without ours: an experiment that was here before stays somebody else's.
            if !tag::is_ours(&key) && !there.tags.contains_key(&key) {
                self.client.set_experiment_tag(&there.id, &key, &value).await?;
            }
        }
        Ok(())
    }

    /// Learns which runs earlier imports have made here, and which of their tags still name a run of the source: an
    /// import that was broken off may have left such tags, and its journal may be lost.
    async fn look_for_runs(&self, id: &ExperimentId) -> Result<()> {
        let (mut found, mut naming) = (HashMap::new(), Vec::new());
        let mut pages = strict(self.client.runs(id, IMPORTED));
        while let Some(page) = pages.try_next().await? {
            for run in page {
                let Some(source) = run.tags.get(tag::SOURCE_RUN_ID).map(|id| RunId::from(id.as_str())) else {
                    continue;
                };
                self.ledger.opened(&source, &run.id)?;
                let tags = run
                    .tags
                    .iter()
                    .filter(|(key, value)| !tag::is_ours(key) && !ids_in(key, value).is_empty());
                naming.extend(tags.map(|(key, value)| Unresolved {
                    on: run.id.to_string(),
                    key: key.clone(),
                    value: value.clone(),
                }));
                found.insert(source, run.into());
            }
        }
        let models = self.imported_models(id).await?;
        for reference in naming {
            let is_new = |id: &&str| self.ledger.is_target(&RunId::from(*id));
            if !ids_in(&reference.key, &reference.value).iter().all(is_new) {
                self.ledger.unresolved(reference)?;
            }
        }
        self.there.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), found);
        self.models_there.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), models);
        Ok(())
    }
}

fn held_by_deleted(name: &str) -> Error {
    Error::permanent(format!("the target has a deleted experiment named {name:?}, which keeps that name taken"))
        .hint("restore it on the target, or remove it for good with `mlflow gc`, or give this one another name with --experiment-rename-file")
}
