//! The targets: a tracking server or an export directory. A target finds or creates each object, so that a second
//! import gives the same result. It never reads the source.

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
    ModelMetric, ModelVersion, NotExported, Record, RegisteredModel, Run, RunId, Scorer, Spans, Trace,
    TraceLinks, VersionNumbers,
};
use crate::error::{Error, Result};

pub use archive::ArchiveWriter;
pub use id_map::{IdMap, MemoryIdMap, Unresolved};
#[cfg(test)]
pub use memory::MemoryWriter;
pub use rest::RestWriter;

/// An experiment on the target, ready for its runs.
#[derive(Clone, Debug)]
pub struct TargetExperiment {
    pub id: ExperimentId,
    /// The source's experiment is deleted, so the target's is deleted at the end, together with its runs.
    pub to_be_deleted: bool,
}

/// Where an experiment of the source goes on the target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Placement<'a> {
    /// The name on the target.
    pub name: &'a str,
    /// The experiment may join one of that name that holds runs of other sources.
    pub merge: bool,
    /// Some of its runs. With its id, they identify an experiment that has no creation time.
    pub runs: &'a [RunId],
}

/// The part of a run that the target has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Nothing,
    /// An import of the run was interrupted, or the run has changed since.
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

/// The spans of a trace; `None` if it has none; an error with the reason if they could not be read.
pub type SpansRead = std::result::Result<Option<Spans>, String>;

/// A registered model or prompt on the target. Its versions are written in ascending order.
#[derive(Clone, Debug, Default)]
pub struct TargetModel {
    /// The name on the target.
    pub name: String,
    pub found: bool,
    /// An earlier import created it.
    pub is_ours: bool,
    /// The versions on the target.
    pub versions: BTreeMap<u64, ModelVersion>,
    pub aliases: BTreeMap<String, u64>,
    /// The number that the next version will get, if it is certain.
    pub next: Option<u64>,
    /// The source's aliases. Some may point to versions that were deleted there.
    pub wanted_aliases: BTreeMap<String, u64>,
    /// The versions include every version of the source. So higher numbers may be used up.
    pub is_whole: bool,
    /// A version whose number is used by another version is appended.
    pub appends: bool,
    /// The first version whose number is used by another version, if it was not appended.
    pub conflict: Option<u64>,
    /// The tag that keeps the offset of appended versions. `None` if the source's model has no creation time.
    pub append_tag: Option<String>,
    /// The target's numbers of the source's versions.
    pub numbers: VersionNumbers,
}

impl TargetModel {
    /// The number on the target that this version of the source has or would get.
    pub fn number_of(&mut self, version: &ModelVersion) -> u64 {
        match self.appends || self.numbers.are_appended() {
            true => self.numbers.find(version, &self.versions),
            false => version.version,
        }
    }

    /// True when the target has this version. Another version may have its number if versions are appended.
    pub fn has(&mut self, version: &ModelVersion) -> bool {
        let number = self.number_of(version);
        self.versions.get(&number).is_some_and(|existing| !self.appends || existing.is_made_from(version))
    }

    /// The highest number that was used on the target, as far as it is known.
    pub fn last_number(&self) -> u64 {
        let of_versions = self.versions.keys().next_back().copied();
        let of_aliases = self.aliases.values().max().copied();
        let given = self.next.map(|next| next - 1);
        of_versions.max(of_aliases).max(given).unwrap_or_default()
    }
}

/// All write methods that a migration needs. The order is: open the experiment; open its runs (parents first), write
/// their metrics and files, and close each run; close the experiment. A logged model is opened after the run that
/// created it, and closed after the runs whose metrics it has. Then registered models and prompts follow, with versions
/// in ascending order. `finish` is the last call.
#[async_trait]
pub trait Writer: Send + Sync {
    /// The address or the directory.
    fn location(&self) -> &str;

    /// The traffic since the start.
    fn traffic(&self) -> Traffic;

    /// True if runs get new ids: then values that name a run are rewritten.
    fn gives_new_ids(&self) -> bool {
        true
    }

    /// Notes for the user that were not reported yet, such as how files are written.
    fn take_notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The error for the parts that the target refused of an object that it accepted otherwise, such as params whose
    /// names are too long. The caller asks for it after the object was written, with the object's id on the source. It
    /// is returned only once.
    fn refused(&self, _kind: Kind, _id: &str) -> Option<Error> {
        None
    }

    /// Fails when the target does not answer a cheap question.
    async fn answers(&self) -> Result<()> {
        Ok(())
    }

    /// Undoes steps that were started and not finished. Call it after an interruption.
    async fn abort_unfinished(&self) {}

    /// The waits for expired AWS credentials that writing depends on.
    fn credential_waits(&self) -> Vec<CredentialWait> {
        Vec::new()
    }

    /// The lease at the target itself, which names the process that writes to it at the moment. `None` when no process
    /// writes, or the target keeps no lease.
    async fn lease(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Sets the lease of the process that writes to the target, or removes it.
    async fn set_lease(&self, _lease: Option<&str>) -> Result<()> {
        Ok(())
    }

    /// The name of the first of these source experiments that an import made from an experiment of this target. If
    /// there is one, the two ends are swapped.
    async fn origin_of(&self, _experiments: &[&Experiment]) -> Result<Option<String>> {
        Ok(None)
    }

    /// True if the target has these experiments under the same ids, names and creation times, which an import cannot
    /// set: it serves the store that is read, or a copy of it.
    async fn serves(&self, _experiments: &[&Experiment]) -> Result<bool> {
        Ok(false)
    }

    /// Receives all experiments, registered models and prompts of the source, each with its name on the target, before
    /// any of them is opened. An object on the target may be the copy of another source object that had this name
    /// before.
    fn learn_source(&self, _experiments: Vec<(Experiment, String)>, _models: Vec<(RegisteredModel, String)>) {
    }

    /// True when [`open_experiment`](Self::open_experiment) would refuse this experiment, because the target has one of
    /// that name that holds runs of other sources. It changes nothing. The runs of the placement are only needed for an
    /// experiment that has no creation time.
    async fn is_name_taken(&self, _experiment: &Experiment, _placement: Placement<'_>) -> Result<bool> {
        Ok(false)
    }

    /// Finds or creates the experiment. An experiment of that name that holds runs of other sources is an error, unless
    /// the placement allows to merge.
    async fn open_experiment(
        &self,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Result<TargetExperiment>;

    /// Finds or creates the run. With `again`, the run is known to differ from the target's.
    async fn open_run(&self, place: &TargetExperiment, run: &Run, again: bool) -> Result<OpenRun>;

    /// Finds or creates the logged model, after the run that created it. `again` as for a run.
    async fn open_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel>;

    /// Writes the links to the logged models that the run used and created, and the params that name a model or a run,
    /// when all of these exist. Returns the models that do not exist, by their ids on the source.
    async fn link_models(&self, target: &RunId, run: &Run) -> Result<BTreeSet<ModelId>>;

    /// Called after the last run. `runs` are the source ids of all runs that exist on the target now, in order.
    async fn close_experiment(
        &self,
        place: &TargetExperiment,
        experiment: &Experiment,
        runs: &[RunId],
    ) -> Result<()>;

    /// Finds or creates a registered model or prompt under `name`. With `appends`, versions whose numbers are used by
    /// other versions are appended to them.
    async fn open_registered_model(
        &self,
        model: &RegisteredModel,
        name: &str,
        appends: bool,
    ) -> Result<TargetModel>;

    /// Finds or creates one version under its own number. Another version with this number is a conflict: an error,
    /// unless versions are appended. Then `at.numbers` has the new number.
    async fn write_version(&self, at: &mut TargetModel, version: &ModelVersion) -> Result<Existing>;

    /// Called after the last version; `versions` are those that exist on the target now. Sets the aliases. Returns
    /// notes for the user, such as aliases that point to other versions on the target.
    async fn close_registered_model(
        &self,
        at: TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>>;

    /// Finds or creates the evaluation dataset.
    async fn open_dataset(&self, dataset: &EvaluationDataset) -> Result<OpenDataset>;

    /// Finds or creates the scorers of one experiment, which is given by its id on the source. `scorers` holds every
    /// version of each, sorted by name and number. Returns the result for each version.
    async fn write_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>>;

    /// Looks up these traces on the target, after their runs exist. Returns the result for each, in the same order.
    async fn open_traces(&self, place: &TargetExperiment, traces: &[Trace])
    -> Result<Vec<Result<OpenTrace>>>;

    /// Links runs of one experiment to existing traces. All are given by their ids on the source. Returns the runs that
    /// are not on the target.
    async fn link_traces(&self, experiment: &ExperimentId, links: &[TraceLinks]) -> Result<Vec<RunId>>;

    /// Called for every item that could not be moved, or not completely. A directory keeps a list of these items,
    /// because otherwise it would look complete.
    fn not_moved(&self, _item: NotExported) {}

    /// Called after everything else. Returns notes for the user, such as references that could not be resolved.
    /// `is_settled` is true for an item that an earlier job could not move, and that no longer counts as such.
    async fn finish(&self, is_settled: &IsSettled<'_>) -> Result<Vec<String>>;
}

/// See [`Writer::finish`].
pub type IsSettled<'a> = dyn Fn(Kind, &str) -> bool + Sync + 'a;

/// Writes the files of a run or a logged model.
#[async_trait]
pub trait FileWriter: Send + Sync {
    /// False when a file that was written before is missing. A remote target is asked only if `looks` is true;
    /// otherwise the result is true.
    ///
    /// # Errors
    /// When the target does not return its files.
    async fn has(&self, file: &FileEntry, digest: &Digest, looks: bool) -> Result<bool>;

    /// Writes a file, which is opened again for each try. Returns the digest of the bytes that were read.
    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest>;
}

/// Writes one run.
#[async_trait]
pub trait RunWriter: Send + Sync {
    /// Writes points. The chunks come metric by metric.
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()>;

    /// Receives the points of this run that also belong to logged models: each is written as a point of the model, too.
    fn model_metrics(&mut self, metrics: &[(ModelId, ModelMetric)]);

    fn files(&self) -> &dyn FileWriter;

    /// Writes the remaining data. `files` are all of the run's files that exist on the target now; `missing` are the
    /// others, with the reasons. After this, the run is complete. With `lacking`, a part of the run could not be read:
    /// the next import must check the run again, even if its journal does not know this import.
    async fn close(
        self: Box<Self>,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()>;
}

/// Writes one logged model.
#[async_trait]
pub trait ModelWriter: Send + Sync {
    fn files(&self) -> &dyn FileWriter;

    /// Adds the params, tags and points that the target's model lacks. It is called for a model that existed before, or
    /// that has points of runs that were not written together with it.
    async fn complete(&self, model: &LoggedModel) -> Result<()>;

    /// After this, the model is complete. `files`, `missing` and `lacking` as for a run.
    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()>;
}

/// Writes one evaluation dataset.
#[async_trait]
pub trait DatasetWriter: Send + Sync {
    /// Writes these records or overwrites them.
    async fn records(&mut self, records: Vec<Record>) -> Result<()>;

    /// After this, the dataset is complete.
    async fn close(self: Box<Self>, dataset: &EvaluationDataset) -> Result<()>;
}

/// Writes one trace.
#[async_trait]
pub trait TraceWriter: Send + Sync {
    /// Writes the trace and its spans. Returns the writer of the files that the spans refer to.
    async fn begin(&mut self, spans: &SpansRead) -> Result<Box<dyn FileWriter>>;

    /// After this, the trace is complete, unless files or spans are missing.
    async fn close(self: Box<Self>, missing: Vec<String>) -> Result<()>;
}
