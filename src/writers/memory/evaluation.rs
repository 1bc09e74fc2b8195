//! Writes evaluation datasets and scorers.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::Shared;
use crate::entities::{EvaluationDataset, ExperimentId, Record, Scorer, tag};
use crate::error::{Error, Result};
use crate::writers::{DatasetWriter, Existing, OpenDataset};

/// A placeholder uses the number of a deleted version.
const PLACEHOLDER: &str = r#"{"mlferry": "placeholder"}"#;

/// Finds the dataset by its tag, or creates it. The time of its last update is written last and shows that the dataset
/// is complete.
pub(super) fn open_dataset(shared: &Arc<Shared>, dataset: &EvaluationDataset) -> Result<OpenDataset> {
    let updated = dataset.last_update_time.unwrap_or_default().to_string();
    let experiments: Vec<ExperimentId> =
        dataset.experiment_ids.iter().filter_map(|id| shared.new_experiment(id)).collect();
    let mut data = shared.data();
    let made_from = |known: &EvaluationDataset| known.tags.get(tag::SOURCE_DATASET_ID).cloned();
    let existing = data.datasets.values().map(|stored| &stored.dataset);
    let existing =
        existing.into_iter().find(|known| made_from(known) == Some(Value::from(dataset.id.as_str())));
    let (id, found) = match existing.cloned() {
        None => {
            let mut tags = dataset.tags.clone();
            tags.insert(tag::SOURCE_DATASET_ID.to_owned(), Value::from(dataset.id.as_str()));
            (data.create_dataset(&dataset.name, experiments, tags), Existing::Nothing)
        }
        Some(existing) => {
            let known = &mut data.dataset(&existing.id)?.dataset.experiment_ids;
            known.extend(experiments);
            known.sort();
            known.dedup();
            let whole = existing.tags.get(tag::SOURCE_UPDATE_TIME) == Some(&Value::from(updated.as_str()));
            (existing.id, if whole { Existing::Everything } else { Existing::Partial })
        }
    };
    let writer = MemoryDatasetWriter { shared: Arc::clone(shared), id: id.clone(), updated };
    Ok(OpenDataset { id, found, writer: Box::new(writer) })
}

struct MemoryDatasetWriter {
    shared: Arc<Shared>,
    id: String,
    updated: String,
}

#[async_trait]
impl DatasetWriter for MemoryDatasetWriter {
    async fn records(&mut self, records: Vec<Record>) -> Result<()> {
        self.shared.data().upsert_records(&self.id, records)
    }

    async fn close(self: Box<Self>, _dataset: &EvaluationDataset) -> Result<()> {
        let mut data = self.shared.data();
        let tags = &mut data.dataset(&self.id)?.dataset.tags;
        tags.insert(tag::SOURCE_UPDATE_TIME.to_owned(), Value::from(self.updated.as_str()));
        Ok(())
    }
}

impl Shared {
    pub(super) fn write_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>> {
        let place = self
            .new_experiment(experiment)
            .ok_or_else(|| Error::permanent(format!("its experiment {experiment} is not on the target")))?;
        Ok(scorers.iter().map(|scorer| self.write_scorer(&place, scorer)).collect())
    }

    fn write_scorer(&self, place: &ExperimentId, scorer: &Scorer) -> Result<Existing> {
        let mut data = self.data();
        let key = (place.clone(), scorer.name.clone(), scorer.version);
        if let Some(existing) = data.scorers.get(&key) {
            return match existing.has_same_content(scorer) {
                true => Ok(Existing::Everything),
                false => Err(Error::permanent(format!("the target has another {}", scorer.label()))),
            };
        }
        let mut placeholders = Vec::new();
        loop {
            let made = data.register_scorer(place, &scorer.name, PLACEHOLDER);
            if made >= scorer.version {
                data.delete_scorer(place, &scorer.name, made);
                let made = data.register_scorer(place, &scorer.name, &scorer.content);
                placeholders.iter().for_each(|number| data.delete_scorer(place, &scorer.name, *number));
                return if made == scorer.version {
                    Ok(Existing::Nothing)
                } else {
                    Err(Error::permanent(format!("the number of {} was used before", scorer.label())))
                };
            }
            placeholders.push(made);
        }
    }
}
