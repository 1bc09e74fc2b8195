//! Writes logged models.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::Shared;
use super::runs::Files;
use crate::entities::{
    FileEntry, Lifecycle, LoggedModel, ModelId, ModelMetric, ModelOutput, ModelStatus, Run, RunId, ids_in,
    tag,
};
use crate::error::{Error, Result};
use crate::writers::{Existing, FileWriter, ModelWriter, OpenModel, TargetExperiment};

/// Finds the model by its tag, or creates it. Its status is written last and shows that the model is complete.
pub(super) fn open(
    shared: &Arc<Shared>,
    place: &TargetExperiment,
    model: &LoggedModel,
    again: bool,
) -> Result<OpenModel> {
    let existing = {
        let data = shared.data();
        let mut here = data.models.values();
        here.find(|known| {
            known.experiment_id == place.id
                && known.tags.get(tag::SOURCE_MODEL_ID).is_some_and(|id| id == model.id.as_str())
        })
        .cloned()
    };
    let (existing, found) = match existing {
        None => (shared.make_model(place, model)?, Existing::Nothing),
        Some(existing) => {
            let whole = existing.status == model.status
                && model.status != ModelStatus::Pending
                && !existing.tags.contains_key(tag::LACKING);
            (existing, if whole && !again { Existing::Everything } else { Existing::Partial })
        }
    };
    shared.id_map.opened_model(&model.id, &existing.id)?;
    for (key, value) in shared.tags_of(model) {
        if found != Existing::Everything && !ids_in(&key, &value).is_empty() {
            shared.store_reference(existing.id.as_str(), &key, &model.tags[&key])?;
        }
    }
    let files = Files::new(shared, (&model.artifact_uri, &existing.artifact_uri));
    let writer = MemoryModelWriter { shared: Arc::clone(shared), id: existing.id.clone(), files };
    Ok(OpenModel { id: existing.id, found, writer: Box::new(writer) })
}

/// Writes the links to the models that the run used and created, and the params that name a model. Returns the missing
/// models.
pub(super) fn link(shared: &Shared, target: &RunId, run: &Run) -> Result<BTreeSet<ModelId>> {
    let existing = shared.data().runs.get(target).map(|stored| stored.run.clone()).unwrap_or_default();
    let mut gone = BTreeSet::new();
    let mut new = |id: &ModelId| {
        let new = shared.id_map.model_of(id);
        if new.is_none() {
            gone.insert(id.clone());
        }
        new
    };
    let inputs: Vec<ModelId> = run.model_inputs.iter().filter_map(&mut new).collect();
    let outputs: Vec<ModelOutput> = run
        .model_outputs
        .iter()
        .filter_map(|output| Some(ModelOutput { model_id: new(&output.model_id)?, step: output.step }))
        .filter(|output| !existing.model_outputs.contains(output))
        .collect();
    let params = run
        .params
        .iter()
        .filter(|(key, value)| !ids_in(key, value).is_empty() && !existing.params.contains_key(*key));
    let params = params.map(|(key, value)| (key.clone(), shared.rewritten(key, value))).collect();
    let mut data = shared.data();
    data.set_run_lifecycle(target, Lifecycle::Active)?;
    data.log_params(target, &params)?;
    data.log_model_inputs(target, &inputs)?;
    data.log_model_outputs(target, &outputs)?;
    data.set_run_lifecycle(target, existing.lifecycle)?;
    Ok(gone)
}

impl Shared {
    fn make_model(&self, place: &TargetExperiment, model: &LoggedModel) -> Result<LoggedModel> {
        let mut tags = self.tags_of(model);
        tags.insert(tag::SOURCE_MODEL_ID.to_owned(), model.id.to_string());
        let new_run = |id: &RunId| self.id_map.target_of(id).unwrap_or_else(|| id.clone());
        let params = model.params.iter().map(|(key, value)| (key.clone(), self.rewritten(key, value)));
        let new = LoggedModel {
            experiment_id: place.id.clone(),
            source_run_id: model.source_run_id.as_ref().map(new_run),
            params: params.collect(),
            tags,
            ..model.clone()
        };
        let mut data = self.data();
        let id = data.create_logged_model(new)?;
        Ok(data.model(&id)?.clone())
    }

    fn tags_of(&self, model: &LoggedModel) -> BTreeMap<String, String> {
        let user_tags = model.tags.iter().filter(|(key, _)| !tag::is_ours(key));
        user_tags.map(|(key, value)| (key.clone(), self.rewritten(key, value))).collect()
    }
}

struct MemoryModelWriter {
    shared: Arc<Shared>,
    id: ModelId,
    files: Files,
}

#[async_trait]
impl ModelWriter for MemoryModelWriter {
    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    async fn complete(&self, model: &LoggedModel) -> Result<()> {
        let tags = self.shared.tags_of(model);
        let mut data = self.shared.data();
        data.model(&self.id)?.tags.extend(tags);
        let params = model
            .params
            .iter()
            .map(|(key, value)| (key.clone(), self.shared.rewritten(key, value)))
            .collect();
        // Params are written only once, at creation: a param that names a later object keeps the old id.
        let mut missing: BTreeMap<String, String> = params;
        missing.retain(|key, _| !data.models[&self.id].params.contains_key(key));
        data.log_model_params(&self.id, &missing)?;
        for metric in &model.metrics {
            let Some(run) = self.shared.id_map.target_of(&metric.run_id) else {
                return Err(Error::permanent(format!(
                    "its metric {:?} belongs to the run {}, which is not on the target",
                    metric.key, metric.run_id
                )));
            };
            // The point also belongs to the run.
            let lifecycle = data.runs[&run].run.lifecycle;
            data.set_run_lifecycle(&run, Lifecycle::Active)?;
            data.log_metrics(&run, &metric.key, &[metric.point])?;
            data.set_run_lifecycle(&run, lifecycle)?;
            data.log_model_metric(&self.id, &ModelMetric { run_id: run, ..metric.clone() })?;
        }
        Ok(())
    }

    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        _files: Vec<FileEntry>,
        _missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()> {
        let mut data = self.shared.data();
        let existing = data.model(&self.id)?;
        super::mark(&mut existing.tags, lacking);
        existing.status = model.status;
        Ok(())
    }
}
