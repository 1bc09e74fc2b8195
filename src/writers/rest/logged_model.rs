use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::PoisonError;

use futures::TryStreamExt;

use super::late::look_for;
use super::model_writer::{ImportedModel, RestModelWriter};
use super::refused::{in_parts, not_made};
use super::registry::insert_times;
use super::run_log::Sent;
use super::{MAX_TRIES, RestWriter};
use crate::entities::{
    ExperimentId, Kind, Lifecycle, LoggedModel, ModelId, ModelOutput, ModelStatus, Run, RunId, ids_in, tag,
};
use crate::error::{Cause, Class, Error, Result};
use crate::io::strict;
use crate::rest::{BatchItem, NewModel};
use crate::writers::{Existing, OpenModel, TargetExperiment, Unresolved};

impl RestWriter {
    pub(super) async fn find_or_make_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel> {
        if !self.can.logged_models {
            return Err(Error::permanent(
                "the target does not support logged models: its MLflow is older than 3.0",
            ));
        }
        let known = {
            let existing = self.existing_models.lock().unwrap_or_else(PoisonError::into_inner);
            existing.get(&place.id).and_then(|existing| existing.get(&model.id)).cloned()
        };
        let (existing, found) = match known {
            // The status is written last. A model that is not ready at the source may have changed there.
            Some(existing)
                if !again
                    && !existing.lacking
                    && existing.status == model.status
                    && model.status != ModelStatus::Pending =>
            {
                (existing, Existing::Everything)
            }
            Some(existing) => (existing, Existing::Partial),
            None => {
                self.reopen_experiment(place).await?;
                (self.make_logged_model(place, model).await?, Existing::Nothing)
            }
        };
        self.id_map.opened_model(&model.id, &existing.id)?;
        if found != Existing::Everything {
            self.store_references(&existing.id, model)?;
        }
        let writer = RestModelWriter::new(&self.shared, model, &existing);
        Ok(OpenModel { id: existing.id, found, writer: Box::new(writer) })
    }

    /// Creates the model with its identity tag. If the reply is lost, the tag shows whether it was created.
    async fn make_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
    ) -> Result<ImportedModel> {
        let mut tags = self.tags_of_model(model);
        tags.insert(tag::SOURCE_MODEL_ID.to_owned(), model.id.to_string());
        insert_times(&mut tags, model.creation_time, model.last_update_time, "");
        let params: BTreeMap<_, _> =
            model.params.iter().map(|(key, value)| (key.clone(), self.rewritten(key, value))).collect();
        // The server does not check whether the run exists (MLflow 3.10): the id of a missing run is kept.
        let new_run = |id: &RunId| self.id_map.target_of(id).unwrap_or_else(|| id.clone());
        let run = model.source_run_id.as_ref().map(new_run);
        let new = NewModel::new(model, &place.id, run, &params, &tags);
        let mut tries = 1;
        loop {
            match self.client.create_logged_model(&new).await {
                Err(e) if e.class() == Class::Ambiguous => {
                    self.unanswered.in_experiment(&place.id);
                    let look = || async { Ok(self.imported_models(&place.id).await?.remove(&model.id)) };
                    if let Some(made) = look_for(look).await? {
                        return Ok(made);
                    }
                    if tries == MAX_TRIES {
                        return Err(not_made(e));
                    }
                    tries += 1;
                }
                other => return other.map(ImportedModel::from),
            }
        }
    }

    /// The source's tags with new ids, without the tags that the server itself maintains.
    fn tags_of_model(&self, model: &LoggedModel) -> BTreeMap<String, String> {
        let user_tags =
            model.tags.iter().filter(|(key, _)| !tag::is_ours(key) && *key != tag::MODEL_VERSIONS);
        user_tags.map(|(key, value)| (key.clone(), self.rewritten(key, value))).collect()
    }

    fn store_references(&self, on: &ModelId, model: &LoggedModel) -> Result<()> {
        for (key, value) in model.tags.iter().filter(|(key, _)| *key != tag::MODEL_VERSIONS) {
            // This includes the model's own id, which was unknown when the tags were written.
            if !ids_in(key, value).is_empty() {
                let (on, key, value) = (on.to_string(), key.clone(), value.clone());
                self.id_map.unresolved(Unresolved { on, key, value })?;
            }
        }
        Ok(())
    }

    /// The logged models that earlier imports made in an experiment, by their ids on the source.
    pub(super) async fn imported_models(
        &self,
        experiment: &ExperimentId,
    ) -> Result<HashMap<ModelId, ImportedModel>> {
        let mut found = HashMap::new();
        if !self.can.logged_models {
            return Ok(found);
        }
        let mut pages = strict(self.client.logged_models(experiment));
        while let Some(page) = pages.try_next().await? {
            for model in page {
                let Some(source) = model.tags.get(tag::SOURCE_MODEL_ID).map(|id| ModelId::from(id.as_str()))
                else {
                    continue;
                };
                let model = ImportedModel::from(model);
                let model = match found.remove(&source) {
                    None => model,
                    Some(known) => self.resolve_duplicate_model(&source, known, model).await?,
                };
                found.insert(source, model);
            }
        }
        for (source, model) in &found {
            self.id_map.opened_model(source, &model.id)?;
        }
        Ok(found)
    }

    /// Adds the links that the run on the target lacks. Returns the missing models, by their ids on the source.
    pub(super) async fn add_model_links(&self, target: &RunId, run: &Run) -> Result<BTreeSet<ModelId>> {
        if run.has_models() && !self.can.logged_models {
            return Err(Error::permanent(
                "the target does not support logged models, and this run used or created some",
            ));
        }
        let existing = self.client.run(target).await?;
        let (mut inputs, mut outputs, mut gone) = (Vec::new(), Vec::new(), BTreeSet::new());
        for id in &run.model_inputs {
            match self.id_map.model_of(id) {
                Some(id) if !existing.model_inputs.contains(&id) => inputs.push(id),
                Some(_) => {}
                None => _ = gone.insert(id.clone()),
            }
        }
        for ModelOutput { model_id, step } in &run.model_outputs {
            match self.id_map.model_of(model_id) {
                Some(id) if existing.model_outputs.iter().all(|known| known.model_id != id) => {
                    outputs.push(ModelOutput { model_id: id, step: *step });
                }
                Some(_) => {}
                None => _ = gone.insert(model_id.clone()),
            }
        }
        let names_any = |key: &str, value: &str| !ids_in(key, value).is_empty();
        let missing = run
            .params
            .iter()
            .filter(|(key, value)| names_any(key, value) && !existing.params.contains_key(*key));
        let params: Vec<BatchItem> =
            missing.map(|(key, value)| BatchItem::Param(key.clone(), self.rewritten(key, value))).collect();
        if !inputs.is_empty() || !outputs.is_empty() || !params.is_empty() {
            self.restored(&existing, self.log_models(run, target, inputs, outputs, params)).await?;
        }
        Ok(gone)
    }

    async fn log_models(
        &self,
        run: &Run,
        target: &RunId,
        inputs: Vec<ModelId>,
        outputs: Vec<ModelOutput>,
        params: Vec<BatchItem>,
    ) -> Result<()> {
        let mut sent = Sent::default();
        self.shared.log.send(target, params, &mut sent).await?;
        let mut refused = sent.refused;
        let log_inputs =
            |part: Vec<ModelId>| async move { self.client.log_model_inputs(target, &part).await };
        for (model, error) in in_parts(inputs, log_inputs).await? {
            refused.add("model input", model.as_str(), error.to_string());
        }
        let log_outputs = |part: Vec<ModelOutput>| self.log_outputs(target, part);
        for (output, error) in in_parts(outputs, log_outputs).await? {
            refused.add("model output", output.model_id.as_str(), error.to_string());
        }
        self.refusals.add(Kind::Run, run.id.as_str(), refused);
        Ok(())
    }

    /// Logs outputs. The server refuses existing ones, which may come from a try whose reply was lost. So they are read
    /// then.
    async fn log_outputs(&self, run: &RunId, outputs: Vec<ModelOutput>) -> Result<()> {
        match self.client.log_model_outputs(run, &outputs).await {
            Err(e) if e.class() == Class::Ambiguous || e.cause() == Some(Cause::PointExists) => {
                let existing = self.client.run(run).await?.model_outputs;
                let missing: Vec<ModelOutput> =
                    outputs.iter().filter(|output| !existing.contains(output)).cloned().collect();
                match missing.len() {
                    0 => Ok(()),
                    // The server refuses existing outputs, but here none exist.
                    all if all == outputs.len() && e.class() != Class::Ambiguous => Err(e),
                    _ => self.client.log_model_outputs(run, &missing).await,
                }
            }
            other => other,
        }
    }

    /// Runs `what`, which changes a run. A deleted run accepts no writes, so it is restored in the meantime.
    pub(super) async fn restored(&self, run: &Run, what: impl Future<Output = Result<()>>) -> Result<()> {
        if !run.lifecycle.is_deleted() {
            return what.await;
        }
        self.client.set_run_lifecycle(&run.id, Lifecycle::Active).await?;
        what.await?;
        self.client.set_run_lifecycle(&run.id, Lifecycle::Deleted).await
    }
}
