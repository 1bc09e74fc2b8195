use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::Faults;
use crate::artifacts::ByteStream;
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, LoggedModel, MetricChunk, ModelId, ModelVersion,
    Owner, Readable, Record, RegisteredModel, Run, RunId, Scorer, Spans, Trace, TraceLinks, Unsupported,
};
use crate::error::{Error, Result};
use crate::io::{Pages, Traffic};
use crate::readers::{Reader, SourceInfo};

/// A reader whose calls may fail.
pub struct FaultyReader {
    pub inner: Arc<dyn Reader>,
    pub faults: Arc<Faults>,
}

#[async_trait]
impl Reader for FaultyReader {
    fn about(&self) -> &SourceInfo {
        self.inner.about()
    }

    fn traffic(&self) -> Traffic {
        self.inner.traffic()
    }

    fn lost(&self) -> Option<Error> {
        self.inner.lost()
    }

    async fn answers(&self) -> Result<()> {
        self.faults.call("source answers", self.inner.answers()).await
    }

    fn experiments(&self) -> Pages<'_, Readable<Experiment>> {
        self.faults.pages("experiments", self.inner.experiments())
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.faults.pages("runs", self.inner.runs(experiment))
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Readable<Run>>, bool)> {
        self.faults.call("first_runs", self.inner.first_runs(experiment, most)).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        self.faults.call("run", self.inner.run(id)).await
    }

    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>> {
        self.faults.pages("logged_models", self.inner.logged_models(experiment))
    }

    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        self.faults.call("logged_model", self.inner.logged_model(id)).await
    }

    fn registered_models(&self) -> Pages<'_, Readable<RegisteredModel>> {
        self.faults.pages("registered_models", self.inner.registered_models())
    }

    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        self.faults.call("model_versions", self.inner.model_versions(of)).await
    }

    fn evaluation_datasets(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        self.faults.pages("evaluation_datasets", self.inner.evaluation_datasets())
    }

    fn records<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        self.faults.pages("records", self.inner.records(dataset))
    }

    async fn scorers(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        self.faults.call("scorers", self.inner.scorers(experiment)).await
    }

    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        self.faults.pages("traces", self.inner.traces(experiment))
    }

    async fn spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        self.faults.call("spans", self.inner.spans(trace)).await
    }

    fn trace_links<'a>(
        &'a self,
        experiment: &'a Experiment,
        of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        self.faults.pages("trace_links", self.inner.trace_links(experiment, of))
    }

    async fn others(&self) -> Result<Vec<Unsupported>> {
        self.faults.call("others", self.inner.others()).await
    }

    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        self.faults.pages("histories", self.inner.histories(runs))
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        self.faults.pages("files", self.inner.files(owner))
    }

    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        self.faults.call("open", self.inner.open(owner, file)).await
    }
}
