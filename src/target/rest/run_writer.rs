use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;

use super::There;
use super::files::{Delivery, RestFiles};
use super::model_writer::metric_of;
use crate::entities::{
    FileEntry, Lifecycle, MetricChunk, ModelId, ModelMetric, Point, PointIdentity, Run, RunId, RunStatus,
    rewrite,
};
use crate::error::Result;
use crate::rest::{BatchItem, Client, MetricOf, entries_per_batch};
use crate::target::{FileWriter, Ledger, RunWriter};

/// What each point of one metric says of logged models.
type PointModels = HashMap<PointIdentity, Vec<MetricOf>>;

/// Entries that are waited for before a batch is sent, so that it goes out full.
const FULL: usize = 1_000;

/// Writes one run: params and points together in as few requests as the limits allow, one request at a time,
/// because two batches at once may both take theirs for the latest point.
pub struct RestRunWriter {
    client: Arc<Client>,
    ledger: Arc<dyn Ledger>,
    run: Run,
    id: RunId,
    files: RestFiles,
    /// Deleting the experiment will delete this run.
    deleted_with_experiment: bool,
    waiting: VecDeque<BatchItem>,
    /// By metric; models are called by their ids on the source.
    of_models: HashMap<String, PointModels>,
    /// Points that another model has too, with how many had it before: each needs a batch of its own.
    again: Vec<(usize, BatchItem)>,
}

impl RestRunWriter {
    pub fn new(by: Arc<Delivery>, run: &Run, there: &There, deleted_with_experiment: bool) -> Self {
        // What the search page brought along is not kept: the page goes away while this run is written.
        let run =
            Run { params: BTreeMap::new(), tags: BTreeMap::new(), latest: BTreeMap::new(), ..run.clone() };
        let roots = (run.artifact_uri.clone(), there.artifact_uri.clone());
        let (client, ledger) = (Arc::clone(&by.client), Arc::clone(&by.ledger));
        let files = RestFiles::new(by, roots).of_run(&there.id);
        Self {
            client,
            ledger,
            run,
            id: there.id.clone(),
            files,
            deleted_with_experiment,
            waiting: VecDeque::new(),
            of_models: HashMap::new(),
            again: Vec::new(),
        }
    }

    #[must_use]
    pub fn starting_with(mut self, items: Vec<BatchItem>) -> Self {
        self.waiting.extend(items);
        self
    }

    async fn send_batch(&mut self) -> Result<()> {
        let count = entries_per_batch(&self.waiting);
        let ledger = self.ledger.as_ref();
        let items: Vec<BatchItem> =
            self.waiting.drain(..count).map(|item| with_new_ids(ledger, item)).collect();
        self.client.log_batch(&self.id, &items).await
    }
}

/// The point as a model has it: no store keeps a model's NaN (MLflow 3.0 to 3.16 store 0).
pub(super) fn of_model(point: Point) -> Point {
    Point { value: if point.value.is_nan() { 0.0 } else { point.value }, ..point }
}

/// As late as can be: runs that are created beside this one are known by now.
fn with_new_ids(ledger: &dyn Ledger, item: BatchItem) -> BatchItem {
    let new = |key: &str, value: String| rewrite(key, &value, |id| ledger.target_of(id)).unwrap_or(value);
    match item {
        BatchItem::Param(key, value) => BatchItem::Param(key.clone(), new(&key, value)),
        BatchItem::Tag(key, value) => BatchItem::Tag(key.clone(), new(&key, value)),
        // One that is not there yet gets the point when it is completed.
        BatchItem::Metric(key, point, of) => {
            let of = of.and_then(|of| Some(MetricOf { model_id: ledger.model_of(&of.model_id)?, ..of }));
            BatchItem::Metric(key, point, of)
        }
    }
}

#[async_trait]
impl RunWriter for RestRunWriter {
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()> {
        let of_models = self.of_models.remove(&chunk.key);
        for point in chunk.points {
            match of_models.as_ref().and_then(|all| all.get(&of_model(point).identity())) {
                None => self.waiting.push_back(BatchItem::Metric(chunk.key.clone(), point, None)),
                Some(models) => {
                    let item = |of: &MetricOf| BatchItem::Metric(chunk.key.clone(), point, Some(of.clone()));
                    self.waiting.extend(models.first().map(item));
                    self.again.extend(models.iter().map(item).enumerate().skip(1));
                }
            }
            while self.waiting.len() >= FULL {
                self.send_batch().await?;
            }
        }
        // The same metric may come in another chunk.
        self.of_models.extend(of_models.map(|all| (chunk.key, all)));
        Ok(())
    }

    fn model_metrics(&mut self, metrics: &[(ModelId, ModelMetric)]) {
        for (model, metric) in metrics {
            let points = self.of_models.entry(metric.key.clone()).or_default();
            points.entry(of_model(metric.point).identity()).or_default().push(metric_of(model, metric));
        }
    }

    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    async fn close(
        mut self: Box<Self>,
        _files: Vec<FileEntry>,
        _missing: Vec<(String, String)>,
        _lacking: bool,
    ) -> Result<()> {
        self.again.sort_by_key(|(before, _)| *before);
        self.waiting.extend(std::mem::take(&mut self.again).into_iter().map(|(_, item)| item));
        while !self.waiting.is_empty() {
            self.send_batch().await?;
        }
        if !self.run.datasets.is_empty() {
            self.client.log_datasets(&self.id, &self.run.datasets).await?;
        }
        if self.run.status != RunStatus::Running || self.run.end_time.is_some() {
            self.client.update_run(&self.id, self.run.status, self.run.end_time).await?;
        }
        if self.run.lifecycle.is_deleted() && !self.deleted_with_experiment {
            self.client.set_run_lifecycle(&self.id, Lifecycle::Deleted).await?;
        }
        Ok(())
    }
}
