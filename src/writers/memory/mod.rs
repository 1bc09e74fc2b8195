//! Writes to a server in memory, for tests. It finds earlier objects by the same tags as `RestWriter`.

mod evaluation;
mod models;
mod registry;
mod runs;
mod traces;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{
    Existing, IdMap, IsSettled, OpenDataset, OpenModel, OpenRun, OpenTrace, Placement, TargetExperiment,
    TargetModel, Writer,
};
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, Lifecycle, LoggedModel, ModelId, ModelVersion,
    RegisteredModel, Run, RunId, Scorer, Trace, TraceLinks, ids_in, rewrite, tag,
};
use crate::error::{Error, Result};
use crate::io::Traffic;
use crate::memory::{Data, MemoryStore};

pub struct MemoryWriter(Arc<Shared>);

/// The state that the writers of single runs and models share.
struct Shared {
    store: Arc<MemoryStore>,
    id_map: Arc<dyn IdMap>,
    location: String,
    /// The target's experiment for each source experiment, in this process.
    experiments: Mutex<HashMap<ExperimentId, ExperimentId>>,
    /// The target's name of each registered model.
    model_names: Mutex<HashMap<String, String>>,
    /// The target's number of each version that has another one there, by the label on the source.
    new_numbers: Mutex<HashMap<String, u64>>,
    to_be_deleted: Mutex<HashSet<ExperimentId>>,
}

impl MemoryWriter {
    pub fn new(store: Arc<MemoryStore>, id_map: Arc<dyn IdMap>) -> Self {
        let location = store.location();
        let (experiments, model_names) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared {
            store,
            id_map,
            location,
            experiments,
            model_names,
            new_numbers: Mutex::default(),
            to_be_deleted: Mutex::default(),
        }))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets or removes the tag of an incomplete object.
fn mark(tags: &mut std::collections::BTreeMap<String, String>, lacking: bool) {
    match lacking {
        true => drop(tags.insert(tag::LACKING.to_owned(), "true".to_owned())),
        false => drop(tags.remove(tag::LACKING)),
    }
}

impl Shared {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.store.data()
    }

    fn rewritten(&self, key: &str, value: &str) -> String {
        rewrite(key, value, |id| self.id_map.target_of(id)).unwrap_or_else(|| value.to_owned())
    }

    fn new_experiment(&self, source: &ExperimentId) -> Option<ExperimentId> {
        lock(&self.experiments).get(source).cloned()
    }

    /// Finds the runs and models that earlier imports made in an experiment.
    fn learn(&self, experiment: &ExperimentId) -> Result<()> {
        let (mut runs, mut models) = (Vec::new(), Vec::new());
        {
            let data = self.data();
            for stored in data.runs.values().filter(|stored| stored.run.experiment_id == *experiment) {
                runs.extend(
                    stored.run.tags.get(tag::SOURCE_RUN_ID).map(|id| (id.clone(), stored.run.clone())),
                );
            }
            for model in data.models.values().filter(|model| model.experiment_id == *experiment) {
                models.extend(model.tags.get(tag::SOURCE_MODEL_ID).map(|id| (id.clone(), model.id.clone())));
            }
        }
        for (source, run) in &runs {
            self.id_map.opened(&source.as_str().into(), &run.id)?;
        }
        for (source, model) in &models {
            self.id_map.opened_model(&source.as_str().into(), model)?;
        }
        for (_, run) in runs {
            let user_tags = run.tags.iter().filter(|(key, _)| !tag::is_ours(key));
            for (key, value) in user_tags.filter(|(key, value)| !ids_in(key, value).is_empty()) {
                self.store_reference(run.id.as_str(), key, value)?;
            }
        }
        Ok(())
    }

    /// Stores a text that names a run which does not exist on the target yet.
    fn store_reference(&self, on: &str, key: &str, value: &str) -> Result<()> {
        let (on, key, value) = (on.to_owned(), key.to_owned(), value.to_owned());
        self.id_map.unresolved(super::Unresolved { on, key, value })
    }

    fn find_or_make_experiment(&self, experiment: &Experiment, name: &str) -> Result<TargetExperiment> {
        let to_be_deleted = experiment.lifecycle.is_deleted();
        let existing = self.data().experiments.values().find(|known| known.name == name).cloned();
        let Some(existing) = existing else {
            let mut tags = experiment.tags.clone();
            tags.insert(tag::SOURCE_EXPERIMENT_ID.to_owned(), experiment.id.to_string());
            return Ok(TargetExperiment { id: self.data().create_experiment(name, tags)?, to_be_deleted });
        };
        let is_imported =
            existing.tags.get(tag::SOURCE_EXPERIMENT_ID).is_some_and(|id| id == experiment.id.as_str());
        self.learn(&existing.id)?;
        if existing.lifecycle.is_deleted() {
            if !(is_imported && to_be_deleted) {
                return Err(Error::permanent(format!("a deleted experiment keeps the name {name:?} taken")));
            }
            self.data().set_experiment_lifecycle(&existing.id, Lifecycle::Active)?;
        }
        Ok(TargetExperiment { id: existing.id, to_be_deleted: to_be_deleted && is_imported })
    }

    /// Rewrites the tags that named a run before it existed on the target.
    fn follow_references(&self) -> Result<()> {
        for reference in self.id_map.all_unresolved()? {
            let value = self.rewritten(&reference.key, &reference.value);
            let mut data = self.data();
            let (run, model) = (RunId::from(reference.on.as_str()), ModelId::from(reference.on.as_str()));
            if let Some(stored) = data.runs.get_mut(&run) {
                stored.run.tags.insert(reference.key.clone(), value);
            } else {
                data.model(&model)?.tags.insert(reference.key.clone(), value);
            }
            drop(data);
            let is_known = |id: &&str| {
                let id = RunId::from(*id);
                self.id_map.target_of(&id).is_some() || self.id_map.is_target(&id)
            };
            if ids_in(&reference.key, &reference.value).iter().all(is_known) {
                self.id_map.mark_resolved(&reference)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Writer for MemoryWriter {
    fn location(&self) -> &str {
        &self.0.location
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    /// A store in memory has no lease: no other process writes to it, and a second look takes time.
    async fn lease(&self) -> Result<Option<String>> {
        Err(Error::permanent("a store in memory keeps no lease"))
    }

    async fn open_experiment(
        &self,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Result<TargetExperiment> {
        let place = self.0.find_or_make_experiment(experiment, placement.name)?;
        lock(&self.0.experiments).insert(experiment.id.clone(), place.id.clone());
        Ok(place)
    }

    async fn open_run(&self, place: &TargetExperiment, run: &Run, again: bool) -> Result<OpenRun> {
        runs::open(&self.0, place, run, again)
    }

    async fn open_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel> {
        models::open(&self.0, place, model, again)
    }

    async fn link_models(&self, target: &RunId, run: &Run) -> Result<BTreeSet<ModelId>> {
        models::link(&self.0, target, run)
    }

    async fn close_experiment(
        &self,
        place: &TargetExperiment,
        _experiment: &Experiment,
        _runs: &[RunId],
    ) -> Result<()> {
        if place.to_be_deleted {
            lock(&self.0.to_be_deleted).insert(place.id.clone());
        }
        Ok(())
    }

    async fn open_registered_model(
        &self,
        model: &RegisteredModel,
        name: &str,
        appends: bool,
    ) -> Result<TargetModel> {
        self.0.open_registered(model, name, appends)
    }

    async fn write_version(&self, at: &mut TargetModel, version: &ModelVersion) -> Result<Existing> {
        self.0.write_version(at, version)
    }

    async fn close_registered_model(
        &self,
        at: TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>> {
        self.0.set_aliases(&at, model, versions)
    }

    async fn open_dataset(&self, dataset: &EvaluationDataset) -> Result<OpenDataset> {
        evaluation::open_dataset(&self.0, dataset)
    }

    async fn write_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>> {
        self.0.write_scorers(experiment, scorers)
    }

    async fn open_traces(
        &self,
        place: &TargetExperiment,
        traces: &[Trace],
    ) -> Result<Vec<Result<OpenTrace>>> {
        Ok(traces.iter().map(|trace| traces::open(&self.0, place, trace)).collect())
    }

    async fn link_traces(&self, _experiment: &ExperimentId, links: &[TraceLinks]) -> Result<Vec<RunId>> {
        traces::link(&self.0, links)
    }

    async fn finish(&self, _is_settled: &IsSettled<'_>) -> Result<Vec<String>> {
        self.0.follow_references()?;
        for id in std::mem::take(&mut *lock(&self.0.to_be_deleted)) {
            self.0.data().set_experiment_lifecycle(&id, Lifecycle::Deleted)?;
        }
        Ok(Vec::new())
    }
}
