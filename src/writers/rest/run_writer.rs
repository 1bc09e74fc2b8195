use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;

use super::ImportedRun;
use super::files::{ArtifactUploader, RestFiles};
use super::histories::Known;
use super::model_metric::{metric_of, of_model};
use super::refused::{Refusals, Refused, in_parts};
use super::run_log::{ModelPoint, RunLog, Sent};
use crate::entities::{
    DatasetInput, FileEntry, Kind, Lifecycle, MetricChunk, ModelId, ModelMetric, Point, PointIdentity, Run,
    RunId, RunStatus, rewrite, tag,
};
use crate::error::{Cause, Result};
use crate::rest::{BatchItem, Client, MetricOf, entries_per_batch};
use crate::writers::{FileWriter, IdMap, RunWriter};

/// The logged models to which each point of one metric belongs.
type PointModels = HashMap<PointIdentity, Vec<MetricOf>>;

/// The number of entries that are collected before a batch is sent, so that it is full.
const BUFFER_SIZE: usize = 1_000;

/// The parts that all writers of runs and logged models share.
#[derive(Clone)]
pub struct SharedParts {
    pub uploader: Arc<ArtifactUploader>,
    pub(super) log: RunLog,
    pub(super) refusals: Arc<Refusals>,
}

/// Writes one run: params and points together, in as few requests as the limits allow. It sends one request at a time,
/// because two concurrent batches may both store their own point as the latest one.
pub struct RestRunWriter {
    client: Arc<Client>,
    id_map: Arc<dyn IdMap>,
    log: RunLog,
    refusals: Arc<Refusals>,
    run: Run,
    id: RunId,
    files: RestFiles,
    /// Deleting the experiment will delete this run.
    deleted_with_experiment: bool,
    waiting: VecDeque<BatchItem>,
    /// By metric; models are given by their ids on the source.
    of_models: HashMap<String, PointModels>,
    /// Points that belong to a further model, with the number of models before it: each needs its own batch.
    again: Vec<(usize, BatchItem)>,
    /// The points of a run that existed before this import.
    existing: Option<ExistingPoints>,
    sent: Sent,
    /// An earlier import has marked the run as incomplete.
    was_lacking: bool,
}

/// The points that a run had before this visit.
struct ExistingPoints {
    /// The metrics that the run has.
    keys: HashSet<String>,
    /// The metric that is being written.
    current: Option<(String, Arc<Known>)>,
    /// Points of logged models, by their ids on the target. They are read before the first point is written.
    of_models: Option<HashSet<ModelPoint>>,
}

impl RestRunWriter {
    pub fn new(
        shared: &SharedParts,
        run: &Run,
        existing: &ImportedRun,
        deleted_with_experiment: bool,
    ) -> Self {
        // The data from the search page is not kept, so that the page can be freed while this run is written.
        let run =
            Run { params: BTreeMap::new(), tags: BTreeMap::new(), latest: BTreeMap::new(), ..run.clone() };
        let roots = (run.artifact_uri.clone(), existing.artifact_uri.clone());
        let SharedParts { uploader, log, refusals } = shared.clone();
        let (client, id_map) = (Arc::clone(&uploader.client), Arc::clone(&uploader.id_map));
        let files = RestFiles::new(uploader, roots).of_run(&existing.id);
        Self {
            client,
            id_map,
            log,
            refusals,
            run,
            id: existing.id.clone(),
            files,
            deleted_with_experiment,
            waiting: VecDeque::new(),
            of_models: HashMap::new(),
            again: Vec::new(),
            existing: None,
            sent: Sent::default(),
            was_lacking: existing.lacking,
        }
    }

    #[must_use]
    pub fn starting_with(mut self, items: Vec<BatchItem>, refused: Refused) -> Self {
        self.waiting.extend(items);
        self.sent.refused.extend(refused);
        self
    }

    /// Sets that the run existed before, with these metrics: only points that it lacks are sent.
    #[must_use]
    pub fn adding_to(mut self, metrics: impl IntoIterator<Item = String>) -> Self {
        let keys = metrics.into_iter().collect();
        self.existing = Some(ExistingPoints { keys, current: None, of_models: None });
        self
    }

    async fn send_batch(&mut self) -> Result<()> {
        let count = entries_per_batch(&self.waiting);
        let id_map = self.id_map.as_ref();
        let items: Vec<BatchItem> =
            self.waiting.drain(..count).map(|item| with_new_ids(id_map, item)).collect();
        self.log.send_batch(&self.id, items, &mut self.sent).await
    }

    /// The points of this metric on the target. `None` when it has none.
    async fn known(&mut self, key: &str) -> Result<Option<Arc<Known>>> {
        let Some(existing) = self.existing.as_mut().filter(|existing| existing.keys.contains(key)) else {
            return Ok(None);
        };
        if let Some((current, known)) = &existing.current
            && current == key
        {
            return Ok(Some(Arc::clone(known)));
        }
        let known = Arc::new(self.log.known(&self.id, key).await?);
        existing.current = Some((key.to_owned(), Arc::clone(&known)));
        Ok(Some(known))
    }

    /// Reads the points of this run that the models on the target have, if the run existed before.
    async fn read_models(&mut self) -> Result<()> {
        let Some(existing) = self.existing.as_mut().filter(|existing| existing.of_models.is_none()) else {
            return Ok(());
        };
        let named = self.of_models.values().flat_map(HashMap::values).flatten();
        let models: HashSet<ModelId> = named.filter_map(|of| self.id_map.model_of(&of.model_id)).collect();
        let mut points = HashSet::new();
        for model in models {
            points.extend(self.log.model_points(&self.id, &model).await?);
        }
        existing.of_models = Some(points);
        Ok(())
    }

    /// True when the point must be written as a point of this model: the model exists and lacks it.
    fn is_missing(&self, key: &str, point: &Point, of: &MetricOf) -> bool {
        let Some(of_models) = self.existing.as_ref().and_then(|existing| existing.of_models.as_ref()) else {
            return true;
        };
        self.id_map
            .model_of(&of.model_id)
            .is_some_and(|model| !of_models.contains(&(model, key.to_owned(), point.timestamp, point.step)))
    }

    /// Adds the datasets. A server may refuse one of them for its name or its size, and accept the others.
    async fn log_datasets(&mut self) -> Result<()> {
        let (client, id) = (&self.client, &self.id);
        let send = |part: Vec<DatasetInput>| async move {
            match client.log_datasets(id, &part).await {
                // An earlier try has logged it: its reply was lost, and it had not ended.
                Err(e) if e.cause() == Some(Cause::PointExists) => client.log_datasets(id, &part).await,
                other => other,
            }
        };
        let refused = in_parts(self.run.datasets.clone(), send).await?;
        for (dataset, error) in refused {
            self.sent.refused.add("dataset", &dataset.name, error.to_string());
        }
        Ok(())
    }
}

/// Replaces the ids as late as possible, so that runs that are created at the same time are already known.
fn with_new_ids(id_map: &dyn IdMap, item: BatchItem) -> BatchItem {
    let new = |key: &str, value: String| rewrite(key, &value, |id| id_map.target_of(id)).unwrap_or(value);
    match item {
        BatchItem::Param(key, value) => BatchItem::Param(key.clone(), new(&key, value)),
        BatchItem::Tag(key, value) => BatchItem::Tag(key.clone(), new(&key, value)),
        // A model that does not exist yet gets the point later, when it is completed.
        BatchItem::Metric(key, point, of) => {
            let of = of.and_then(|of| Some(MetricOf { model_id: id_map.model_of(&of.model_id)?, ..of }));
            BatchItem::Metric(key, point, of)
        }
    }
}

#[async_trait]
impl RunWriter for RestRunWriter {
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()> {
        let known = self.known(&chunk.key).await?;
        if self.of_models.contains_key(&chunk.key) {
            self.read_models().await?;
        }
        let of_models = self.of_models.remove(&chunk.key);
        for point in chunk.points {
            let is_present = known.as_ref().is_some_and(|known| known.contains(&point.identity()));
            let models = of_models.as_ref().and_then(|all| all.get(&of_model(point).identity()));
            let missing: Vec<&MetricOf> =
                models.into_iter().flatten().filter(|of| self.is_missing(&chunk.key, &point, of)).collect();
            let item = |of: Option<&MetricOf>| BatchItem::Metric(chunk.key.clone(), point, of.cloned());
            match missing.split_first() {
                None if is_present => {}
                None => self.waiting.push_back(item(None)),
                Some((first, more)) => {
                    self.waiting.push_back(item(Some(first)));
                    self.again.extend(
                        more.iter().map(|of| item(Some(of))).enumerate().map(|(n, item)| (n + 1, item)),
                    );
                }
            }
            while self.waiting.len() >= BUFFER_SIZE {
                self.send_batch().await?;
            }
        }
        // The same metric may continue in another chunk.
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
        lacking: bool,
    ) -> Result<()> {
        self.again.sort_by_key(|(before, _)| *before);
        self.waiting.extend(std::mem::take(&mut self.again).into_iter().map(|(_, item)| item));
        while !self.waiting.is_empty() {
            self.send_batch().await?;
        }
        if !self.run.datasets.is_empty() {
            self.log_datasets().await?;
        }
        // Written before the end state, which marks the run as complete.
        let lacking = lacking || !self.sent.refused.is_empty();
        if lacking != self.was_lacking {
            let mark = if lacking { "true" } else { "" };
            self.client.set_run_tag(&self.id, tag::LACKING, mark).await?;
        }
        if self.run.status != RunStatus::Running || self.run.end_time.is_some() {
            self.client.update_run(&self.id, self.run.status, self.run.end_time).await?;
        }
        if self.run.lifecycle.is_deleted() && !self.deleted_with_experiment {
            self.client.set_run_lifecycle(&self.id, Lifecycle::Deleted).await?;
        }
        self.refusals.add(Kind::Run, self.run.id.as_str(), self.sent.refused);
        Ok(())
    }
}
