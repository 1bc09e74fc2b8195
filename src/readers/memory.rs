//! A server in memory, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::{Reader, SourceInfo};
use crate::artifacts::ByteStream;
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, LoggedModel, MetricChunk, ModelId, ModelVersion,
    Owner, Readable, Record, RegisteredModel, Run, RunId, Scorer, Spans, Trace, TraceLinks, Unsupported,
};
use crate::error::{Class, Error, Result};
use crate::io::{Pages, Traffic};
use crate::memory::{Data, MemoryStore};

/// Items per page: few enough that every list has several pages.
const PAGE: usize = 3;
/// Points per chunk, and bytes per piece of a file.
const POINTS: usize = 2;
const BYTES: usize = 5;

pub struct MemoryReader {
    store: Arc<MemoryStore>,
    about: SourceInfo,
}

impl MemoryReader {
    pub fn new(store: Arc<MemoryStore>) -> Self {
        let about =
            SourceInfo { kind: "server", location: store.location(), version: None, capabilities: None };
        Self { store, about }
    }

    /// The result of `ask`, in pages. `ask` runs when the first page is requested.
    fn pages<'a, T: Send + 'a>(&'a self, ask: impl FnOnce(&Data) -> Vec<T> + Send + 'a) -> Pages<'a, T> {
        stream::once(async move {
            let all = ask(&self.store.data());
            let mut pages: Vec<Vec<T>> = Vec::new();
            for item in all {
                match pages.last_mut().filter(|page| page.len() < PAGE) {
                    Some(page) => page.push(item),
                    None => pages.push(vec![item]),
                }
            }
            Ok::<_, Error>(stream::iter(pages.into_iter().map(Ok)))
        })
        .try_flatten()
        .boxed()
    }

    fn file(&self, owner: Owner<'_>, path: &str) -> Result<Bytes> {
        let data = self.store.data();
        let file = data.files.get(owner.artifact_uri).and_then(|files| files.get(path)).cloned();
        file.ok_or_else(|| Error::new(Class::NotFound, format!("no file {path} in {}", owner.artifact_uri)))
    }
}

#[async_trait]
impl Reader for MemoryReader {
    fn about(&self) -> &SourceInfo {
        &self.about
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    fn experiments(&self) -> Pages<'_, Readable<Experiment>> {
        self.pages(|data| data.experiments.values().cloned().map(Ok).collect())
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.pages(|data| runs_of(data, experiment).into_iter().map(Ok).collect())
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Readable<Run>>, bool)> {
        let mut runs = runs_of(&self.store.data(), experiment);
        let more = runs.len() > most;
        runs.truncate(most);
        Ok((runs.into_iter().map(Ok).collect(), more))
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        Ok(self.store.data().runs.get(id).map(|stored| stored.run.clone()))
    }

    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>> {
        self.pages(|data| {
            let here = data.models.values().filter(|model| model.experiment_id == experiment.id);
            here.cloned().map(Ok).collect()
        })
    }

    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        Ok(self.store.data().models.get(id).cloned())
    }

    fn registered_models(&self) -> Pages<'_, Readable<RegisteredModel>> {
        self.pages(|data| data.registered.values().map(|stored| Ok(stored.model.clone())).collect())
    }

    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        let data = self.store.data();
        let versions = data.registered.get(&of.name).map(|stored| stored.versions.values().cloned());
        Ok(versions.into_iter().flatten().collect())
    }

    fn evaluation_datasets(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        self.pages(|data| data.datasets.values().map(|stored| Ok(stored.dataset.clone())).collect())
    }

    fn records<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        self.pages(|data| {
            let stored = data.datasets.get(&dataset.id);
            stored.map(|stored| stored.records.values().cloned().collect()).unwrap_or_default()
        })
    }

    async fn scorers(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        let data = self.store.data();
        Ok(data.scorers.values().filter(|scorer| scorer.experiment_id == experiment.id).cloned().collect())
    }

    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        self.pages(|data| {
            let all = data.traces.values().map(|stored| &stored.trace);
            all.filter(|trace| trace.experiment_id == experiment.id).cloned().map(Ok).collect()
        })
    }

    async fn spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        Ok(self.store.data().traces.get(&trace.id).and_then(|stored| stored.spans.clone()))
    }

    fn trace_links<'a>(
        &'a self,
        experiment: &'a Experiment,
        of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        self.pages(|data| {
            let is_of =
                |id: &String| data.traces.get(id).is_some_and(|one| of.contains(&one.trace.experiment_id));
            let is_here =
                |id: &RunId| data.runs.get(id).is_some_and(|one| one.run.experiment_id == experiment.id);
            let links = data.links.iter().filter(|(run, _)| is_here(run));
            let links = links.map(|(run, traces)| TraceLinks {
                run_id: run.clone(),
                trace_ids: traces.iter().filter(|id| is_of(id)).cloned().collect(),
            });
            links.collect()
        })
    }

    async fn others(&self) -> Result<Vec<Unsupported>> {
        Ok(Vec::new())
    }

    /// In the order of `get-history-bulk`: metric by metric, each for all runs.
    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        let mut chunks: BTreeMap<String, Vec<MetricChunk>> = BTreeMap::new();
        for run in runs {
            let series = self.store.data().runs.get(&run.id).map(|stored| stored.metrics.clone());
            for (key, points) in series.unwrap_or_default() {
                let parts = points.chunks(POINTS).map(|points| MetricChunk {
                    run_id: run.id.clone(),
                    key: key.clone(),
                    points: points.to_vec(),
                });
                // A caller that requests some of the metrics gets only those.
                if run.latest.contains_key(&key) {
                    chunks.entry(key.clone()).or_default().extend(parts);
                }
            }
        }
        stream::iter(chunks.into_values().flatten().map(|chunk| Ok(Ok(chunk)))).boxed()
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        self.pages(move |data| {
            let files = data.files.get(owner.artifact_uri).into_iter().flatten();
            let entry =
                |(path, bytes): (&String, &Bytes)| FileEntry::new(path.clone(), Some(bytes.len() as u64));
            files.map(entry).map(Ok).collect()
        })
    }

    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        let bytes = self.file(owner, &file.path)?;
        let pieces: Vec<_> = bytes.chunks(BYTES).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Ok(stream::iter(pieces).boxed())
    }
}

/// The runs of an experiment, in the order of their start times.
fn runs_of(data: &Data, experiment: &Experiment) -> Vec<Run> {
    let all = data.runs.values().map(|stored| &stored.run);
    let mut runs: Vec<Run> = all.filter(|run| run.experiment_id == experiment.id).cloned().collect();
    runs.sort_by_key(|run| (run.start_time, run.id.clone()));
    runs
}
