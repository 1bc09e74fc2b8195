use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::Faults;
use crate::artifacts::Digest;
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, LoggedModel, MetricChunk, ModelId, ModelMetric,
    ModelVersion, NotExported, Record, RegisteredModel, Run, RunId, Scorer, Trace, TraceLinks,
};
use crate::error::Result;
use crate::io::{ByteSource, Traffic};
use crate::writers::{
    DatasetWriter, Existing, FileWriter, IsSettled, ModelWriter, OpenDataset, OpenModel, OpenRun, OpenTrace,
    Placement, RunWriter, SpansRead, TargetExperiment, TargetModel, TraceWriter, Writer,
};

/// A writer whose calls may fail.
pub struct FaultyWriter {
    pub inner: Arc<dyn Writer>,
    pub faults: Arc<Faults>,
}

#[async_trait]
impl Writer for FaultyWriter {
    fn location(&self) -> &str {
        self.inner.location()
    }

    fn gives_new_ids(&self) -> bool {
        self.inner.gives_new_ids()
    }

    fn traffic(&self) -> Traffic {
        self.inner.traffic()
    }

    async fn answers(&self) -> Result<()> {
        self.faults.call("target answers", self.inner.answers()).await
    }

    async fn lease(&self) -> Result<Option<String>> {
        self.inner.lease().await
    }

    async fn set_lease(&self, lease: Option<&str>) -> Result<()> {
        self.inner.set_lease(lease).await
    }

    async fn open_experiment(
        &self,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Result<TargetExperiment> {
        self.faults.call("open_experiment", self.inner.open_experiment(experiment, placement)).await
    }

    async fn open_run(&self, place: &TargetExperiment, run: &Run, again: bool) -> Result<OpenRun> {
        let open = self.faults.call("open_run", self.inner.open_run(place, run, again)).await?;
        let writer = Box::new(Faulty { inner: open.writer, faults: Arc::clone(&self.faults) });
        Ok(OpenRun { writer, ..open })
    }

    async fn open_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel> {
        let open = self.inner.open_logged_model(place, model, again);
        let open = self.faults.call("open_logged_model", open).await?;
        let writer = Box::new(Faulty { inner: open.writer, faults: Arc::clone(&self.faults) });
        Ok(OpenModel { writer, ..open })
    }

    async fn link_models(&self, target: &RunId, run: &Run) -> Result<BTreeSet<ModelId>> {
        self.faults.call("link_models", self.inner.link_models(target, run)).await
    }

    async fn close_experiment(
        &self,
        place: &TargetExperiment,
        experiment: &Experiment,
        runs: &[RunId],
    ) -> Result<()> {
        self.faults.call("close_experiment", self.inner.close_experiment(place, experiment, runs)).await
    }

    async fn open_registered_model(
        &self,
        model: &RegisteredModel,
        name: &str,
        appends: bool,
    ) -> Result<TargetModel> {
        self.faults
            .call("open_registered_model", self.inner.open_registered_model(model, name, appends))
            .await
    }

    async fn write_version(&self, at: &mut TargetModel, version: &ModelVersion) -> Result<Existing> {
        self.faults.call("write_version", self.inner.write_version(at, version)).await
    }

    async fn close_registered_model(
        &self,
        at: TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>> {
        let close = self.inner.close_registered_model(at, model, versions);
        self.faults.call("close_registered_model", close).await
    }

    async fn open_dataset(&self, dataset: &EvaluationDataset) -> Result<OpenDataset> {
        let open = self.faults.call("open_dataset", self.inner.open_dataset(dataset)).await?;
        let writer = Box::new(Faulty { inner: open.writer, faults: Arc::clone(&self.faults) });
        Ok(OpenDataset { writer, ..open })
    }

    async fn write_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>> {
        self.faults.call("write_scorers", self.inner.write_scorers(experiment, scorers)).await
    }

    async fn open_traces(
        &self,
        place: &TargetExperiment,
        traces: &[Trace],
    ) -> Result<Vec<Result<OpenTrace>>> {
        let opened = self.faults.call("open_traces", self.inner.open_traces(place, traces)).await?;
        let faulty = |open: OpenTrace| {
            let writer = Box::new(Faulty { inner: open.writer, faults: Arc::clone(&self.faults) });
            OpenTrace { writer, ..open }
        };
        Ok(opened.into_iter().map(|open| open.map(faulty)).collect())
    }

    async fn link_traces(&self, experiment: &ExperimentId, links: &[TraceLinks]) -> Result<Vec<RunId>> {
        self.faults.call("link_traces", self.inner.link_traces(experiment, links)).await
    }

    fn not_moved(&self, item: NotExported) {
        self.inner.not_moved(item);
    }

    async fn finish(&self, is_settled: &IsSettled<'_>) -> Result<Vec<String>> {
        self.faults.call("finish", self.inner.finish(is_settled)).await
    }
}

/// A writer of one item. Its calls may fail in the same way as the calls of its [`FaultyWriter`].
struct Faulty<W: ?Sized> {
    inner: Box<W>,
    faults: Arc<Faults>,
}

#[async_trait]
impl RunWriter for Faulty<dyn RunWriter> {
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()> {
        self.faults.call("metrics", self.inner.metrics(chunk)).await
    }

    fn model_metrics(&mut self, metrics: &[(ModelId, ModelMetric)]) {
        self.inner.model_metrics(metrics);
    }

    fn files(&self) -> &dyn FileWriter {
        self
    }

    async fn close(
        self: Box<Self>,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()> {
        let Self { inner, faults } = *self;
        faults.call("close_run", inner.close(files, missing, lacking)).await
    }
}

#[async_trait]
impl FileWriter for Faulty<dyn RunWriter> {
    async fn has(&self, file: &FileEntry, digest: &Digest, looks: bool) -> Result<bool> {
        self.inner.files().has(file, digest, looks).await
    }

    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest> {
        self.faults.call("write_file", self.inner.files().write(file, source)).await
    }
}

#[async_trait]
impl ModelWriter for Faulty<dyn ModelWriter> {
    fn files(&self) -> &dyn FileWriter {
        self
    }

    async fn complete(&self, model: &LoggedModel) -> Result<()> {
        self.faults.call("complete_model", self.inner.complete(model)).await
    }

    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()> {
        let Self { inner, faults } = *self;
        faults.call("close_model", inner.close(model, files, missing, lacking)).await
    }
}

#[async_trait]
impl FileWriter for Faulty<dyn ModelWriter> {
    async fn has(&self, file: &FileEntry, digest: &Digest, looks: bool) -> Result<bool> {
        self.inner.files().has(file, digest, looks).await
    }

    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest> {
        self.faults.call("write_model_file", self.inner.files().write(file, source)).await
    }
}

#[async_trait]
impl DatasetWriter for Faulty<dyn DatasetWriter> {
    async fn records(&mut self, records: Vec<Record>) -> Result<()> {
        self.faults.call("write_records", self.inner.records(records)).await
    }

    async fn close(self: Box<Self>, dataset: &EvaluationDataset) -> Result<()> {
        let Self { inner, faults } = *self;
        faults.call("close_dataset", inner.close(dataset)).await
    }
}

#[async_trait]
impl TraceWriter for Faulty<dyn TraceWriter> {
    async fn begin(&mut self, spans: &SpansRead) -> Result<Box<dyn FileWriter>> {
        self.faults.call("begin_trace", self.inner.begin(spans)).await
    }

    async fn close(self: Box<Self>, missing: Vec<String>) -> Result<()> {
        let Self { inner, faults } = *self;
        faults.call("close_trace", inner.close(missing)).await
    }
}
