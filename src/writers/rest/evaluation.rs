use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use serde_json::Value;

use super::RestWriter;
use super::refused::{Refusals, Refused, in_parts, is_refusal, not_made};
use super::registry::insert_times;
use crate::entities::{EvaluationDataset, ExperimentId, Kind, Record, tag};
use crate::error::{Class, Error, Result};
use crate::io::strict;
use crate::rest::Client;
use crate::writers::{DatasetWriter, Existing, OpenDataset};

impl RestWriter {
    pub(super) async fn find_or_make_dataset(&self, dataset: &EvaluationDataset) -> Result<OpenDataset> {
        if !self.can.evaluation {
            return Err(Error::permanent("the target does not support evaluation datasets")
                .hint("use MLflow 3.4 or newer with a database"));
        }
        let existing = self.existing_datasets.get_or_try_init(|| self.imported_datasets()).await?;
        let updated = dataset.last_update_time.unwrap_or_default().to_string();
        let (id, found) = match existing.get(&dataset.id) {
            None => (self.make_dataset(dataset).await?, Existing::Nothing),
            Some(existing) => {
                self.add_to_experiments(dataset, existing).await?;
                self.follow_tags(dataset, existing).await?;
                let is_whole =
                    existing.tags.get(tag::SOURCE_UPDATE_TIME) == Some(&Value::from(updated.as_str()));
                (existing.id.clone(), if is_whole { Existing::Everything } else { Existing::Partial })
            }
        };
        let writer = RestDatasetWriter {
            client: Arc::clone(&self.client),
            id: id.clone(),
            updated,
            refusals: Arc::clone(&self.refusals),
            refused: Refused::default(),
        };
        Ok(OpenDataset { id, found, writer: Box::new(writer) })
    }

    /// The datasets that earlier imports made, by their ids on the source.
    async fn imported_datasets(&self) -> Result<HashMap<String, EvaluationDataset>> {
        let all: Vec<EvaluationDataset> = strict(self.client.evaluation_datasets()).try_concat().await?;
        let imported = all.into_iter().filter_map(|dataset| {
            let source = dataset.tags.get(tag::SOURCE_DATASET_ID)?.as_str()?.to_owned();
            Some((source, dataset))
        });
        Ok(imported.collect())
    }

    async fn make_dataset(&self, dataset: &EvaluationDataset) -> Result<String> {
        let mut own = BTreeMap::from([(tag::SOURCE_DATASET_ID.to_owned(), dataset.id.clone())]);
        // The time of the last update is written at the end and shows that the dataset is complete.
        insert_times(&mut own, dataset.created_time, None, &dataset.created_by);
        let mut tags = self.dataset_tags(dataset);
        tags.extend(own.into_iter().map(|(key, value)| (key, Value::from(value))));
        match self.create_dataset(dataset, &tags).await {
            // The server may refuse one of the tags. Then the others are written, and this one is reported.
            Err(e) if is_refusal(&e) => {
                let (own, user_tags): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    tags.into_iter().partition(|(key, _)| tag::is_ours(key));
                let id = self.create_dataset(dataset, &own).await.map_err(|_| e)?;
                self.set_dataset_tags(dataset, &id, user_tags).await?;
                Ok(id)
            }
            other => other,
        }
    }

    /// The source's own tags, with new ids.
    fn dataset_tags(&self, dataset: &EvaluationDataset) -> BTreeMap<String, Value> {
        let user_tags = dataset.tags.iter().filter(|(key, _)| !tag::is_ours(key));
        let rewritten = user_tags.map(|(key, value)| {
            let new = value.as_str().map(|text| Value::from(self.rewritten(key, text)));
            (key.clone(), new.unwrap_or_else(|| value.clone()))
        });
        rewritten.collect()
    }

    /// Sets tags. Those that the server refuses are reported.
    async fn set_dataset_tags(
        &self,
        dataset: &EvaluationDataset,
        id: &str,
        tags: BTreeMap<String, Value>,
    ) -> Result<()> {
        let set = |part: Vec<(String, Value)>| async move {
            self.client.set_dataset_tags(id, &part.into_iter().collect()).await
        };
        let mut refused = Refused::default();
        for ((key, _), error) in in_parts(tags.into_iter().collect(), set).await? {
            refused.add("tag", &key, error.to_string());
        }
        self.refusals.add(Kind::EvaluationDataset, &dataset.id, refused);
        Ok(())
    }

    /// Adds the tags that the target lacks; differing tags are changed only in an update.
    async fn follow_tags(&self, dataset: &EvaluationDataset, existing: &EvaluationDataset) -> Result<()> {
        let mut tags = self.dataset_tags(dataset);
        tags.retain(|key, value| match existing.tags.get(key) {
            None => true,
            Some(known) => known != value && self.drift.sets("tags of evaluation datasets"),
        });
        self.set_dataset_tags(dataset, &existing.id, tags).await
    }

    /// Creates the dataset. If the reply is lost, the tag shows whether it was created.
    async fn create_dataset(
        &self,
        dataset: &EvaluationDataset,
        tags: &BTreeMap<String, Value>,
    ) -> Result<String> {
        let experiments = self.dataset_places(dataset);
        match self.client.create_dataset(&dataset.name, &experiments, tags).await {
            Err(e) if e.class() == Class::Ambiguous => {
                match self.imported_datasets().await?.remove(&dataset.id) {
                    Some(made) => Ok(made.id),
                    None => Err(not_made(e)),
                }
            }
            other => other,
        }
    }

    /// The dataset's experiments that are on the target.
    fn dataset_places(&self, dataset: &EvaluationDataset) -> Vec<ExperimentId> {
        dataset.experiment_ids.iter().filter_map(|id| self.new_experiment(id)).collect()
    }

    /// Adds the dataset to further experiments, because an earlier import may have covered fewer of them.
    async fn add_to_experiments(
        &self,
        dataset: &EvaluationDataset,
        existing: &EvaluationDataset,
    ) -> Result<()> {
        let mut missing = self.dataset_places(dataset);
        if missing.is_empty() {
            return Ok(());
        }
        let known = self.client.dataset_experiments(&existing.id).await?;
        missing.retain(|id| !known.contains(id));
        if missing.is_empty() {
            Ok(())
        } else {
            self.client.add_dataset_to_experiments(&existing.id, &missing).await
        }
    }
}

struct RestDatasetWriter {
    client: Arc<Client>,
    id: String,
    updated: String,
    refusals: Arc<Refusals>,
    refused: Refused,
}

#[async_trait]
impl DatasetWriter for RestDatasetWriter {
    async fn records(&mut self, records: Vec<Record>) -> Result<()> {
        let (client, id) = (&self.client, &self.id);
        let upsert = |part: Vec<Record>| async move { client.upsert_records(id, &part).await };
        for (record, error) in in_parts(records, upsert).await? {
            self.refused.add("record", record.inputs.get(), error.to_string());
        }
        Ok(())
    }

    async fn close(self: Box<Self>, dataset: &EvaluationDataset) -> Result<()> {
        if !self.refused.is_empty() {
            // The dataset is not marked as complete, so the next import writes it again.
            self.refusals.add(Kind::EvaluationDataset, &dataset.id, self.refused);
            return Ok(());
        }
        let whole = [(tag::SOURCE_UPDATE_TIME.to_owned(), Value::from(self.updated.as_str()))].into();
        self.client.set_dataset_tags(&self.id, &whole).await
    }
}
