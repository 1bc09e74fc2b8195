//! The writer of a tracking server.

mod aliases;
mod appended;
mod drift;
mod evaluation;
mod experiment;
mod files;
mod histories;
mod late;
mod logged_model;
mod merge;
mod model_metric;
mod model_writer;
mod origin;
mod references;
mod refused;
mod registry;
mod renamed_experiment;
mod renamed_model;
mod run;
mod run_log;
mod run_writer;
mod scorers;
mod source;
mod taken_name;
#[cfg(test)]
mod tests;
mod trace;
mod version_number;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use self::drift::Drift;
use self::files::ArtifactUploader;
use self::histories::Histories;
use self::late::Unanswered;
use self::model_writer::ImportedModel;
use self::refused::Refusals;
use self::run_log::RunLog;
use self::run_writer::SharedParts;
use super::{
    Existing, IdMap, IsSettled, OpenDataset, OpenModel, OpenRun, OpenTrace, Placement, TargetExperiment,
    TargetModel, Writer,
};
use crate::artifacts::ArtifactStores;
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, Kind, Lifecycle, LoggedModel, ModelId, ModelVersion,
    RegisteredModel, Run, RunId, RunStatus, Scorer, Trace, TraceLinks, rewrite_experiments, tag,
};
use crate::error::{Error, Result};
use crate::io::CredentialWait;
use crate::io::Traffic;
use crate::rest::{Capabilities, Client};

pub struct RestWriter {
    client: Arc<Client>,
    can: Capabilities,
    id_map: Arc<dyn IdMap>,
    /// How files reach the target.
    uploader: Arc<ArtifactUploader>,
    /// The parts that all writers of runs and logged models share.
    shared: SharedParts,
    /// The parts that the target refused of objects that it accepted otherwise.
    refusals: Arc<Refusals>,
    location: String,
    /// Runs of earlier imports, by experiment: they carry a source id.
    existing: Mutex<HashMap<ExperimentId, HashMap<RunId, ImportedRun>>>,
    /// Logged models of earlier imports, by experiment.
    existing_models: Mutex<HashMap<ExperimentId, HashMap<ModelId, ImportedModel>>>,
    /// The number of source experiments that are being written into each experiment: two may be merged.
    open_places: Mutex<HashMap<ExperimentId, usize>>,
    /// Held while an experiment gets another name, because two may exchange theirs.
    renaming: tokio::sync::Mutex<()>,
    /// Held while an experiment is opened that may be merged.
    merging: tokio::sync::Mutex<()>,
    /// All objects of the source; an import may use only some of them.
    source: OnceLock<SourceObjects>,
    /// The target's experiment for each source experiment.
    experiments: Mutex<HashMap<ExperimentId, ExperimentId>>,
    /// Evaluation datasets of earlier imports, by their ids on the source.
    existing_datasets: OnceCell<HashMap<String, EvaluationDataset>>,
    /// Experiments that earlier imports created, or merged others into.
    marked_experiments: OnceCell<Vec<Experiment>>,
    /// All active experiments, by name. Only read before an import.
    named_experiments: OnceCell<HashMap<String, Experiment>>,
    /// The number of existing runs that were written again and have tags that the source's runs do not have.
    with_more_tags: AtomicU64,
    drift: Drift,
    /// The number of created runs that have no name at the source.
    nameless: AtomicU64,
    /// The target does not accept the tag that keeps other imports out.
    keeps_no_lease: AtomicBool,
    /// The places where objects were created without an answer.
    unanswered: Unanswered,
    /// Notes for the user, reported at the end.
    notes: Mutex<Vec<String>>,
    /// All experiments of the target.
    every_experiment: OnceCell<Vec<ExperimentId>>,
    /// Whether the target stores spans in its database: see `trace`.
    keeps_spans: Arc<OnceCell<bool>>,
    /// The target's name of each registered model.
    model_names: Mutex<HashMap<String, String>>,
    /// The target's number of each version that has another one there, by the label on the source.
    new_numbers: Mutex<HashMap<String, u64>>,
    /// Experiments that an earlier import deleted at its end. They accept no writes until they are restored.
    deleted: Mutex<HashSet<ExperimentId>>,
    /// Experiments to delete after everything is written.
    to_be_deleted: Mutex<HashSet<ExperimentId>>,
}

/// See [`Writer::learn_source`].
struct SourceObjects {
    experiments: Vec<(Experiment, String)>,
    models: Vec<(RegisteredModel, String)>,
}

/// The most tries of a creation whose reply was lost and whose object a lookup did not find.
const MAX_TRIES: usize = 3;

/// A run that an earlier import made.
#[derive(Clone)]
struct ImportedRun {
    id: RunId,
    status: RunStatus,
    lifecycle: Lifecycle,
    artifact_uri: String,
    /// See [`tag::LACKING`].
    lacking: bool,
    /// Nothing was written to it since its creation.
    is_bare: bool,
}

impl From<Run> for ImportedRun {
    fn from(run: Run) -> Self {
        let lacking = is_lacking(&run.tags);
        let is_bare = run.status == RunStatus::Running
            && !run.lifecycle.is_deleted()
            && run.params.is_empty()
            && run.latest.is_empty()
            && run.datasets.is_empty()
            && !run.has_models();
        Self {
            is_bare,
            id: run.id,
            status: run.status,
            lifecycle: run.lifecycle,
            artifact_uri: run.artifact_uri,
            lacking,
        }
    }
}

/// True for an object with the mark of an incomplete object. An empty mark counts as removed.
fn is_lacking(tags: &BTreeMap<String, String>) -> bool {
    tags.get(tag::LACKING).is_some_and(|mark| !mark.is_empty())
}

impl RestWriter {
    /// With `update`, values that an earlier import wrote are set as on the source.
    pub fn new(
        client: Arc<Client>,
        stores: Arc<ArtifactStores>,
        can: Capabilities,
        id_map: Arc<dyn IdMap>,
        update: bool,
    ) -> Self {
        let location = client.address().to_string();
        let uploader = Arc::new(ArtifactUploader {
            client: Arc::clone(&client),
            stores,
            id_map: Arc::clone(&id_map),
            paths: can.paths,
            signs_uploads: OnceCell::new(),
        });
        let refusals = Arc::new(Refusals::default());
        let histories = Arc::new(Histories::new(Arc::clone(&client), can.bulk_history_runs));
        let log = RunLog::new(Arc::clone(&client), histories);
        let shared = SharedParts { uploader: Arc::clone(&uploader), log, refusals: Arc::clone(&refusals) };
        Self {
            client,
            can,
            id_map,
            uploader,
            shared,
            refusals,
            location,
            existing: Mutex::default(),
            existing_models: Mutex::default(),
            open_places: Mutex::default(),
            merging: tokio::sync::Mutex::default(),
            renaming: tokio::sync::Mutex::default(),
            source: OnceLock::new(),
            experiments: Mutex::default(),
            existing_datasets: OnceCell::new(),
            marked_experiments: OnceCell::new(),
            named_experiments: OnceCell::new(),
            with_more_tags: AtomicU64::default(),
            drift: Drift::new(update),
            nameless: AtomicU64::default(),
            keeps_no_lease: AtomicBool::default(),
            unanswered: Unanswered::default(),
            notes: Mutex::default(),
            every_experiment: OnceCell::new(),
            keeps_spans: Arc::default(),
            model_names: Mutex::default(),
            new_numbers: Mutex::default(),
            deleted: Mutex::default(),
            to_be_deleted: Mutex::default(),
        }
    }

    /// Called when one source experiment has been written into this place. True when no other one is being written
    /// there.
    fn is_last(&self, place: &ExperimentId) -> bool {
        let mut open = self.open_places.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get(place).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            open.remove(place);
        } else {
            open.insert(place.clone(), left);
        }
        left == 0
    }

    fn deleted(&self) -> MutexGuard<'_, HashSet<ExperimentId>> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn new_experiments(&self, ids: &str) -> String {
        let known = self.experiments.lock().unwrap_or_else(PoisonError::into_inner);
        rewrite_experiments(ids, |id| known.get(id).cloned())
    }

    fn new_experiment(&self, source: &ExperimentId) -> Option<ExperimentId> {
        self.experiments.lock().unwrap_or_else(PoisonError::into_inner).get(source).cloned()
    }

    fn known_run(&self, experiment: &ExperimentId, source: &RunId) -> Option<ImportedRun> {
        let existing = self.existing.lock().unwrap_or_else(PoisonError::into_inner);
        existing.get(experiment)?.get(source).cloned()
    }
}

#[async_trait]
impl Writer for RestWriter {
    fn location(&self) -> &str {
        &self.location
    }

    fn traffic(&self) -> Traffic {
        self.client.meter().read()
    }

    fn take_notes(&self) -> Vec<String> {
        self.uploader.stores.take_notes()
    }

    fn refused(&self, kind: Kind, id: &str) -> Option<Error> {
        self.refusals.take(kind, id)
    }

    async fn abort_unfinished(&self) {
        self.uploader.stores.abort_unfinished().await;
    }

    fn credential_waits(&self) -> Vec<CredentialWait> {
        self.client.credential_waits().chain([self.uploader.stores.credential_wait()]).cloned().collect()
    }

    async fn lease(&self) -> Result<Option<String>> {
        self.client.lease().await
    }

    async fn set_lease(&self, lease: Option<&str>) -> Result<()> {
        let written = self.client.set_lease(lease).await;
        self.keeps_no_lease.fetch_or(written.is_err(), Ordering::Relaxed);
        written
    }

    async fn answers(&self) -> Result<()> {
        self.client.answers().await
    }

    async fn origin_of(&self, experiments: &[&Experiment]) -> Result<Option<String>> {
        self.made_from_here(experiments).await
    }

    async fn serves(&self, experiments: &[&Experiment]) -> Result<bool> {
        self.has_the_same(experiments).await
    }

    fn learn_source(&self, experiments: Vec<(Experiment, String)>, models: Vec<(RegisteredModel, String)>) {
        // An import has one source, so a second call has the same arguments.
        let _ = self.source.set(SourceObjects { experiments, models });
    }

    async fn is_name_taken(&self, experiment: &Experiment, placement: Placement<'_>) -> Result<bool> {
        self.has_runs_of_others(experiment, placement).await
    }

    async fn open_experiment(
        &self,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Result<TargetExperiment> {
        // Two experiments of the source may become one: the second one must find the first one.
        let _turn = match placement.merge {
            true => Some(self.merging.lock().await),
            false => None,
        };
        let place = self.find_or_make_experiment(experiment, placement).await?;
        *self
            .open_places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(place.id.clone())
            .or_default() += 1;
        let mut known = self.experiments.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(experiment.id.clone(), place.id.clone());
        Ok(place)
    }

    async fn open_run(&self, place: &TargetExperiment, run: &Run, again: bool) -> Result<OpenRun> {
        self.find_or_make_run(place, run, again).await
    }

    async fn open_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel> {
        self.find_or_make_logged_model(place, model, again).await
    }

    async fn link_models(&self, target: &RunId, run: &Run) -> Result<BTreeSet<ModelId>> {
        self.add_model_links(target, run).await
    }

    async fn close_experiment(
        &self,
        place: &TargetExperiment,
        _experiment: &Experiment,
        _runs: &[RunId],
    ) -> Result<()> {
        if self.is_last(&place.id) {
            self.existing.lock().unwrap_or_else(PoisonError::into_inner).remove(&place.id);
        }
        if self.unanswered.take_experiment(&place.id) || self.keeps_no_lease.load(Ordering::Relaxed) {
            self.resolve_duplicates(&place.id).await?;
        }
        if place.to_be_deleted {
            let mut waiting = self.to_be_deleted.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(place.id.clone());
        }
        Ok(())
    }

    async fn open_registered_model(
        &self,
        model: &RegisteredModel,
        name: &str,
        appends: bool,
    ) -> Result<TargetModel> {
        self.find_or_make_model(model, name, appends).await
    }

    async fn write_version(&self, at: &mut TargetModel, version: &ModelVersion) -> Result<Existing> {
        self.find_or_make_version(at, version).await
    }

    async fn close_registered_model(
        &self,
        at: TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>> {
        if self.unanswered.take_model(&at.name) {
            let existing = self.client.registered_model(&at.name).await?.unwrap_or_default();
            let aliased = existing.aliases.values().copied().collect();
            self.without_late_copies(&at.name, self.existing_versions(&at.name).await?, &aliased).await?;
        }
        self.set_aliases(at, model, versions).await
    }

    async fn open_dataset(&self, dataset: &EvaluationDataset) -> Result<OpenDataset> {
        self.find_or_make_dataset(dataset).await
    }

    async fn write_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>> {
        self.find_or_make_scorers(experiment, scorers).await
    }

    async fn open_traces(
        &self,
        place: &TargetExperiment,
        traces: &[Trace],
    ) -> Result<Vec<Result<OpenTrace>>> {
        self.find_traces(place, traces).await
    }

    async fn link_traces(&self, _experiment: &ExperimentId, links: &[TraceLinks]) -> Result<Vec<RunId>> {
        self.add_trace_links(links).await
    }

    async fn finish(&self, _is_settled: &IsSettled<'_>) -> Result<Vec<String>> {
        let mut notes = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        let more = self.with_more_tags.swap(0, Ordering::Relaxed);
        if more > 0 {
            notes.push(format!(
                "runs on the target with tags that the source does not have: {more}. A user may have removed them there \
                 or added them here, so they were kept; validate lists them"
            ));
        }
        let nameless = self.nameless.swap(0, Ordering::Relaxed);
        if nameless > 0 {
            notes.push(format!(
                "runs without a name at the source: {nameless}. Their name on the target is their tag mlflow.runName, or \
                 else their id, because a server invents a name if it gets none"
            ));
        }
        notes.extend(self.drift.note());
        notes.extend(self.follow_references().await?);
        let waiting = std::mem::take(&mut *self.to_be_deleted.lock().unwrap_or_else(PoisonError::into_inner));
        for id in waiting {
            // Experiments that were deleted before and have not changed since are already in the right state.
            if !self.deleted().remove(&id) {
                self.client.set_experiment_lifecycle(&id, Lifecycle::Deleted).await?;
            }
        }
        Ok(notes)
    }
}
