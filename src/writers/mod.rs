//! What can be written: a tracking server, an export directory. A target finds or makes each object, so that doing
//! everything twice is the same as doing it once. It never reads the source.

mod archive;
mod id_map;
#[cfg(test)]
mod memory;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::io::CredentialWait;
use super::io::{ByteSource, Traffic};
use crate::artifacts::Digest;
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, Kind, LoggedModel, MetricChunk, ModelId,
    ModelMetric, ModelVersion, Record, RegisteredModel, Run, RunId, Scorer, Spans, Trace, TraceLinks,
};
use crate::error::{Error, Result};

pub use archive::ArchiveWriter;
pub use id_map::{IdMap, MemoryIdMap, Unresolved};
#[cfg(test)]
pub use memory::MemoryWriter;
pub use rest::RestWriter;

/// An experiment on the target, ready to take runs.
#[derive(Clone, Debug)]
pub struct TargetExperiment {
    pub id: ExperimentId,
    /// The source's experiment is deleted; deleting the target's deletes its runs too.
    pub to_be_deleted: bool,
}

/// How much of a run the target has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Nothing,
    /// An import of it was broken off, or the run has changed since.
    Partial,
    Everything,
}

/// A run on the target.
pub struct OpenRun {
    pub id: RunId,
    pub found: Existing,
    pub writer: Box<dyn RunWriter>,
}

/// A logged model on the target.
pub struct OpenModel {
    pub id: ModelId,
    pub found: Existing,
    pub writer: Box<dyn ModelWriter>,
}

/// An evaluation dataset on the target.
pub struct OpenDataset {
    pub id: String,
    pub found: Existing,
    pub writer: Box<dyn DatasetWriter>,
}

/// A trace on the target.
pub struct OpenTrace {
    pub found: Existing,
    pub writer: Box<dyn TraceWriter>,
}

/// What was read of a trace's spans: they, or that there are none, or why they could not be read.
pub type SpansRead = std::result::Result<Option<Spans>, String>;

/// A registered model or prompt on the target, its versions to be written in ascending order.
#[derive(Clone, Debug, Default)]
pub struct TargetModel {
    /// The name on the target.
    pub name: String,
    pub found: bool,
    /// An earlier import made it.
    pub is_ours: bool,
    /// What is there.
    pub versions: BTreeMap<u64, ModelVersion>,
    pub aliases: BTreeMap<String, u64>,
    /// The number that the next version will get, once that is known for sure.
    pub next: Option<u64>,
    /// The source's aliases, some of which may stand for versions that were deleted there.
    pub wanted_aliases: BTreeMap<String, u64>,
    /// Every version that the source has is there: numbers beyond them may be used up.
    pub is_whole: bool,
}

/// Everything a migration asks of what it writes. Order: experiment, its runs (parents first), their metrics and
/// files, close each run, close the experiment, models in between: after the runs that made them, closed after the
/// runs whose metrics they have; then registered models and prompts, versions in ascending order;
/// finish.
#[async_trait]
pub trait Writer: Send + Sync {
    /// The address or the directory.
    fn location(&self) -> &str;

    /// What has gone over the wire so far.
    fn traffic(&self) -> Traffic;

    /// Runs get other ids than they had: what names one is written anew.
    fn gives_new_ids(&self) -> bool {
        true
    }

    /// What a reader should know and has not been told yet, such as which way files take.
    fn take_notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// What it refused of an object that is there otherwise, such as params whose names are too long; to be asked when
    /// the object, called by its id on the source, has been written. Says it once.
    fn refused(&self, _kind: Kind, _id: &str) -> Option<Error> {
        None
    }

    /// An error when it gives no answer to a cheap question.
    async fn answers(&self) -> Result<()> {
        Ok(())
    }

    /// Takes back what was begun and not finished: to be awaited when work has been broken off.
    async fn settle(&self) {}

    /// Who waits when AWS credentials that writing depends on have ended.
    fn credential_waits(&self) -> Vec<CredentialWait> {
        Vec::new()
    }

    /// What says who writes to it now, kept at the target itself; none when nobody does, or it keeps no such thing.
    async fn lease(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Says who writes to it, or that nobody does.
    async fn set_lease(&self, _lease: Option<&str>) -> Result<()> {
        Ok(())
    }

    /// The name of the first of these experiments of a source that an import made from one of this target: then the two ends
    /// are the wrong way round.
    async fn origin_of(&self, _experiments: &[&Experiment]) -> Result<Option<String>> {
        Ok(None)
    }

    /// All experiments, registered models and prompts that the source has, before any of them is opened. What a target has
    /// under a name may be the copy of another one that had the name before.
    fn learn_source(&self, _experiments: &[Experiment], _models: &[RegisteredModel]) {}

    /// Finds or makes the experiment under `name`.
    async fn open_experiment(&self, experiment: &Experiment, name: &str) -> Result<TargetExperiment>;

    /// Finds or makes the run. `again` means that it is known to differ from what the target has.
    async fn open_run(&self, place: &TargetExperiment, run: &Run, again: bool) -> Result<OpenRun>;

    /// Finds or makes the logged model, after the run that made it. `again` as for a run.
    async fn open_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel>;

    /// Says which logged models the run used and made, and writes the params that name one or a run, once they are all
    /// there. Gives those models, by the source's ids, that are not.
    async fn link_models(&self, target: &RunId, run: &Run) -> Result<BTreeSet<ModelId>>;

    /// After the last run. `runs` are the source ids of all runs that are there now, in order.
    async fn close_experiment(
        &self,
        place: &TargetExperiment,
        experiment: &Experiment,
        runs: &[RunId],
    ) -> Result<()>;

    /// Finds or makes a registered model or prompt under `name`.
    async fn open_registered_model(&self, model: &RegisteredModel, name: &str) -> Result<TargetModel>;

    /// Finds or makes one version under its own number. What is there with other content is a conflict: an error.
    async fn write_version(&self, at: &mut TargetModel, version: &ModelVersion) -> Result<Existing>;

    /// After the last version; `versions` are those that are there now. Sets the aliases. Gives what a reader should
    /// know, such as aliases that stand for something else there.
    async fn close_registered_model(
        &self,
        at: TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>>;

    /// Finds or makes the evaluation dataset.
    async fn open_dataset(&self, dataset: &EvaluationDataset) -> Result<OpenDataset>;

    /// Finds or makes the scorers of one experiment, called by its id on the source: every version of each, sorted by
    /// name and number. Gives what became of each.
    async fn write_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>>;

    /// Looks what there is of these traces, once their runs are there. Gives what became of each, in the same order.
    async fn open_traces(&self, place: &TargetExperiment, traces: &[Trace])
    -> Result<Vec<Result<OpenTrace>>>;

    /// Links runs of one experiment to traces that are there; all are called by their ids on the source. Gives the
    /// runs that are not on the target.
    async fn link_traces(&self, experiment: &ExperimentId, links: &[TraceLinks]) -> Result<Vec<RunId>>;

    /// After everything else. Gives what a reader should know, such as references that could not be followed.
    async fn finish(&self) -> Result<Vec<String>>;
}

/// The files of a run or a logged model being written.
#[async_trait]
pub trait FileWriter: Send + Sync {
    /// False when a file that was written before is gone. A target that has to be asked is asked where `looks`, and says
    /// true otherwise.
    ///
    /// # Errors
    /// When it does not say what is there.
    async fn has(&self, file: &FileEntry, digest: &Digest, looks: bool) -> Result<bool>;

    /// Writes a file, opened anew at every try. Gives the digest of what was read.
    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest>;
}

/// One run being written.
#[async_trait]
pub trait RunWriter: Send + Sync {
    /// Chunks come metric by metric.
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()>;

    /// Points of this run that say something of logged models: each is then written as theirs too.
    fn model_metrics(&mut self, metrics: &[(ModelId, ModelMetric)]);

    fn files(&self) -> &dyn FileWriter;

    /// Writes what is left. `files` are all of the run's files that are there now; `missing` those that are not,
    /// and why. Only now is the run complete. With `lacking` something of it could not be read: another import must
    /// look into it again, even one that knows nothing of this one.
    async fn close(
        self: Box<Self>,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()>;
}

/// One logged model being written.
#[async_trait]
pub trait ModelWriter: Send + Sync {
    fn files(&self) -> &dyn FileWriter;

    /// Adds the params, tags and points that the target's model lacks. For a model that was there before, or has
    /// points of runs that were not written together with it.
    async fn complete(&self, model: &LoggedModel) -> Result<()>;

    /// Only now is the model complete. `files`, `missing` and `lacking` as for a run.
    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()>;
}

/// One evaluation dataset being written.
#[async_trait]
pub trait DatasetWriter: Send + Sync {
    /// Writes these, or writes them again.
    async fn records(&mut self, records: Vec<Record>) -> Result<()>;

    /// Only now is the dataset complete.
    async fn close(self: Box<Self>, dataset: &EvaluationDataset) -> Result<()>;
}

/// One trace being written.
#[async_trait]
pub trait TraceWriter: Send + Sync {
    /// Writes the trace and its spans. Gives the writer of the files that they refer to.
    async fn begin(&mut self, spans: &SpansRead) -> Result<Box<dyn FileWriter>>;

    /// Only now is the trace complete, unless files or spans are missing.
    async fn close(self: Box<Self>, missing: Vec<String>) -> Result<()>;
}
