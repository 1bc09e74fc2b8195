use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::files::{Delivery, RestFiles};
use super::logged_model::ModelThere;
use super::run_writer::of_model;
use crate::entities::{
    FileEntry, Lifecycle, LoggedModel, ModelId, ModelMetric, ModelStatus, PointIdentity, RunId, rewrite, tag,
};
use crate::error::{Error, Result};
use crate::rest::{BatchItem, Client, MetricOf, entries_per_batch};
use crate::target::{FileWriter, Ledger, ModelWriter};

/// Writes one logged model: its files, what its creation could not say, its status last.
pub struct RestModelWriter {
    client: Arc<Client>,
    ledger: Arc<dyn Ledger>,
    id: ModelId,
    files: RestFiles,
}

/// What tells one point of a model from another on one server.
type Identity<'a> = (&'a str, PointIdentity, RunId, &'a Option<String>, &'a Option<String>);

impl RestModelWriter {
    pub fn new(by: Arc<Delivery>, model: &LoggedModel, there: &ModelThere) -> Self {
        let (client, ledger) = (Arc::clone(&by.client), Arc::clone(&by.ledger));
        let files = RestFiles::new(by, (model.artifact_uri.clone(), there.artifact_uri.clone()));
        Self { client, ledger, id: there.id.clone(), files }
    }

    async fn add_params(&self, model: &LoggedModel, there: &LoggedModel) -> Result<()> {
        let missing = model.params.iter().filter(|(key, _)| !there.params.contains_key(*key));
        let missing = self.rewritten(missing);
        if missing.is_empty() {
            Ok(())
        } else {
            self.client.log_logged_model_params(&self.id, &missing).await
        }
    }

    async fn add_tags(&self, model: &LoggedModel, there: &LoggedModel) -> Result<()> {
        let theirs = model.tags.iter().filter(|(key, _)| !tag::is_ours(key) && *key != tag::MODEL_VERSIONS);
        let mut tags = self.rewritten(theirs);
        tags.retain(|key, value| there.tags.get(key) != Some(value));
        if tags.is_empty() { Ok(()) } else { self.client.set_logged_model_tags(&self.id, &tags).await }
    }

    fn rewritten<'a>(
        &self,
        pairs: impl Iterator<Item = (&'a String, &'a String)>,
    ) -> BTreeMap<String, String> {
        let new = |key: &str, value: &str| {
            rewrite(key, value, |id| self.ledger.target_of(id)).unwrap_or_else(|| value.to_owned())
        };
        pairs.map(|(key, value)| (key.clone(), new(key, value))).collect()
    }

    /// Points are written through the runs whose metrics they are.
    async fn add_points(&self, model: &LoggedModel, there: &LoggedModel) -> Result<()> {
        let known: HashSet<Identity<'_>> =
            there.metrics.iter().map(|metric| identity(metric, metric.run_id.clone())).collect();
        let (mut by_run, mut gone) = (BTreeMap::<RunId, Vec<BatchItem>>::new(), None);
        for metric in &model.metrics {
            let Some(run) = self.ledger.target_of(&metric.run_id) else {
                gone = Some(metric);
                continue;
            };
            if known.contains(&identity(metric, run.clone())) {
                continue;
            }
            let of = metric_of(&self.id, metric);
            by_run.entry(run).or_default().push(BatchItem::Metric(
                metric.key.clone(),
                metric.point,
                Some(of),
            ));
        }
        for (run, mut items) in by_run {
            self.log(&run, &mut items).await?;
        }
        gone.map_or(Ok(()), |metric| Err(not_there(metric)))
    }

    /// A deleted run takes nothing: it is restored for the moment.
    async fn log(&self, run: &RunId, items: &mut Vec<BatchItem>) -> Result<()> {
        let is_deleted = self.client.run(run).await?.lifecycle.is_deleted();
        if is_deleted {
            self.client.set_run_lifecycle(run, Lifecycle::Active).await?;
        }
        while !items.is_empty() {
            let count = entries_per_batch(items.iter());
            let batch: Vec<BatchItem> = items.drain(..count).collect();
            self.client.log_batch(run, &batch).await?;
        }
        match is_deleted {
            true => self.client.set_run_lifecycle(run, Lifecycle::Deleted).await,
            false => Ok(()),
        }
    }
}

pub fn metric_of(model: &ModelId, metric: &ModelMetric) -> MetricOf {
    let (dataset_name, dataset_digest) = (metric.dataset_name.clone(), metric.dataset_digest.clone());
    MetricOf { model_id: model.clone(), dataset_name, dataset_digest }
}

fn identity(metric: &ModelMetric, run: RunId) -> Identity<'_> {
    (&metric.key, of_model(metric.point).identity(), run, &metric.dataset_name, &metric.dataset_digest)
}

fn not_there(metric: &ModelMetric) -> Error {
    Error::permanent(format!(
        "its metric {:?} belongs to the run {}, which is not on the target",
        metric.key, metric.run_id
    ))
    .hint("move that run too, unless it is gone from the source for good")
}

#[async_trait]
impl ModelWriter for RestModelWriter {
    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    async fn complete(&self, model: &LoggedModel) -> Result<()> {
        let there = self.client.logged_model(&self.id).await?;
        self.add_params(model, &there).await?;
        self.add_tags(model, &there).await?;
        self.add_points(model, &there).await
    }

    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        _files: Vec<FileEntry>,
        _missing: Vec<(String, String)>,
        _lacking: bool,
    ) -> Result<()> {
        match model.status {
            // What it is from its creation on.
            ModelStatus::Pending | ModelStatus::Unspecified => Ok(()),
            status => self.client.set_logged_model_status(&self.id, status).await,
        }
    }
}
