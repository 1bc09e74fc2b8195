//! Logged models and their metrics.

use super::{Data, add_params, not_found, refused};
use crate::entities::{LoggedModel, ModelId, ModelMetric, ModelStatus};
use crate::error::Result;

impl Data {
    /// Creates a logged model. The server chooses its id and its artifact root. `new` holds all other fields.
    pub fn create_logged_model(&mut self, new: LoggedModel) -> Result<ModelId> {
        if !self.experiments.contains_key(&new.experiment_id) {
            return Err(not_found(format!("no experiment {}", new.experiment_id)));
        }
        let id = ModelId::from(format!("m-{}", self.new_digits()));
        let artifact_uri = self.new_root(id.as_str());
        let status = ModelStatus::Pending;
        let model = LoggedModel { id: id.clone(), artifact_uri, status, metrics: Vec::new(), ..new };
        self.models.insert(id.clone(), model);
        Ok(id)
    }

    pub fn model(&mut self, id: &ModelId) -> Result<&mut LoggedModel> {
        self.models.get_mut(id).ok_or_else(|| not_found(format!("Logged model {id} not found")))
    }

    pub fn log_model_params(
        &mut self,
        id: &ModelId,
        params: &std::collections::BTreeMap<String, String>,
    ) -> Result<()> {
        add_params(&mut self.model(id)?.params, params)
    }

    /// Logs a point of a run's metric for a model. The run must have the point. If the model already has the point,
    /// nothing is changed.
    pub fn log_model_metric(&mut self, id: &ModelId, metric: &ModelMetric) -> Result<()> {
        let run = self.runs.get(&metric.run_id).ok_or_else(|| not_found(metric.run_id.as_str()))?;
        let has_point = run
            .metrics
            .get(&metric.key)
            .is_some_and(|points| points.iter().any(|point| point.identity() == metric.point.identity()));
        if !has_point {
            return Err(refused("INTERNAL_TEST_ERROR", "the run does not have this point of the model"));
        }
        let model = self.model(id)?;
        let identity = |one: &ModelMetric| {
            let (name, digest) = (one.dataset_name.clone(), one.dataset_digest.clone());
            (one.key.clone(), one.point.identity(), one.run_id.clone(), name, digest)
        };
        if !model.metrics.iter().any(|known| identity(known) == identity(metric)) {
            model.metrics.push(metric.clone());
        }
        Ok(())
    }
}
