//! Logged models (MLflow 3): read and write calls.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::items::Items;
use super::wire::{Pair, map, pairs};
use crate::entities::{
    ExperimentId, Kind, LoggedModel, ModelId, ModelMetric, ModelOutput, ModelStatus, RunId, integer,
};
use crate::error::Result;
use crate::io::{Listing, listing};
use crate::rest::{Call, Client, encode_path};

pub(in crate::rest) const LOGGED_MODELS: &str = "/api/2.0/mlflow/logged-models";
const SEARCH: &str = "/api/2.0/mlflow/logged-models/search";
const MODELS_PER_PAGE: usize = 500;
/// Some releases refuse more experiments in one search (MLflow 3.0, `server/handlers.py`).
const EXPERIMENTS_PER_SEARCH: usize = 100;

#[derive(Deserialize)]
struct ModelPage {
    #[serde(default)]
    models: Items,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct OneModel {
    model: WireModel,
}

#[derive(Deserialize)]
struct WireModel {
    info: Info,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    model_id: ModelId,
    experiment_id: ExperimentId,
    name: String,
    model_type: String,
    status: ModelStatus,
    status_message: String,
    source_run_id: String,
    artifact_uri: String,
    #[serde(with = "integer::optional")]
    creation_timestamp_ms: Option<i64>,
    #[serde(with = "integer::optional")]
    last_updated_timestamp_ms: Option<i64>,
    tags: Vec<Pair>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    params: Vec<Pair>,
    metrics: Vec<ModelMetric>,
}

impl From<WireModel> for LoggedModel {
    fn from(WireModel { info, data }: WireModel) -> Self {
        Self {
            id: info.model_id,
            experiment_id: info.experiment_id,
            name: info.name,
            model_type: info.model_type,
            status: info.status,
            status_message: info.status_message,
            source_run_id: Some(info.source_run_id).filter(|id| !id.is_empty()).map(Into::into),
            creation_time: info.creation_timestamp_ms,
            last_update_time: info.last_updated_timestamp_ms,
            artifact_uri: info.artifact_uri,
            params: map(data.params),
            tags: map(info.tags),
            metrics: data.metrics,
        }
    }
}

/// The fields that `logged-models` can set.
#[derive(Serialize)]
pub struct NewModel<'a> {
    pub experiment_id: &'a ExperimentId,
    pub name: &'a str,
    pub model_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_run_id: Option<RunId>,
    params: Vec<Pair>,
    tags: Vec<Pair>,
}

impl<'a> NewModel<'a> {
    pub fn new(
        model: &'a LoggedModel,
        experiment_id: &'a ExperimentId,
        source_run_id: Option<RunId>,
        params: &BTreeMap<String, String>,
        tags: &BTreeMap<String, String>,
    ) -> Self {
        let (name, model_type) = (model.name.as_str(), model.model_type.as_str());
        Self { experiment_id, name, model_type, source_run_id, params: pairs(params), tags: pairs(tags) }
    }
}

impl Client {
    pub async fn delete_logged_model(&self, id: &ModelId) -> Result<()> {
        let path = format!("/{}", encode_path(id.as_str()));
        self.done(&Call::with_body(Method::DELETE, LOGGED_MODELS, &Value::Null)?.below(&path)).await
    }

    /// All logged models of an experiment, oldest first, with all their metrics. No route shows deleted models, but the
    /// models of a deleted experiment are shown (MLflow 3.0 to 3.16).
    pub fn logged_models<'a>(&'a self, experiment: &'a ExperimentId) -> Listing<'a, LoggedModel> {
        let key = |one: &LoggedModel| one.id.to_string();
        listing(key, move |token: Option<String>| async move {
            let body = json!({
                "experiment_ids": [experiment],
                "max_results": MODELS_PER_PAGE,
                "order_by": [{ "field_name": "creation_timestamp", "ascending": true }],
                "page_token": token,
            });
            let page: ModelPage = self.json(&Call::post(SEARCH, &body)?).await?;
            let into = |wire: WireModel| Ok(wire.into());
            Ok((page.models.read(Kind::LoggedModel, "/info/model_id", into), page.next_page_token))
        })
    }

    /// True when one of these experiments has a logged model.
    pub async fn any_logged_model(&self, experiments: &[ExperimentId]) -> Result<bool> {
        for ids in experiments.chunks(EXPERIMENTS_PER_SEARCH) {
            let body = json!({ "experiment_ids": ids, "max_results": 1 });
            let page: ModelPage = self.json(&Call::post(SEARCH, &body)?).await?;
            if !page.models.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub async fn logged_model(&self, id: &ModelId) -> Result<LoggedModel> {
        let call = Call::get(LOGGED_MODELS).below(id.as_str());
        Ok(self.json::<OneModel>(&call).await?.model.into())
    }

    /// Creates a logged model. The call is not repeated when its outcome is unknown: the caller then looks for the
    /// model by a tag.
    pub async fn create_logged_model(&self, new: &NewModel<'_>) -> Result<LoggedModel> {
        let call = Call::post(LOGGED_MODELS, new)?.only_unsent();
        Ok(self.json::<OneModel>(&call).await?.model.into())
    }

    pub async fn set_logged_model_status(&self, id: &ModelId, status: ModelStatus) -> Result<()> {
        let body = json!({ "model_id": id, "status": status.name() });
        self.done(&Call::with_body(Method::PATCH, LOGGED_MODELS, &body)?.below(id.as_str())).await
    }

    pub async fn set_logged_model_tags(&self, id: &ModelId, tags: &BTreeMap<String, String>) -> Result<()> {
        let body = json!({ "model_id": id, "tags": pairs(tags) });
        let call = Call::with_body(Method::PATCH, LOGGED_MODELS, &body)?.below(&format!("{id}/tags"));
        self.done(&call).await
    }

    /// Adds params. The server refuses a param that already exists (MLflow 3.10): pass only missing ones.
    pub async fn log_logged_model_params(
        &self,
        id: &ModelId,
        params: &BTreeMap<String, String>,
    ) -> Result<()> {
        let body = json!({ "model_id": id, "params": pairs(params) });
        self.done(&Call::post(LOGGED_MODELS, &body)?.below(&format!("{id}/params"))).await
    }

    /// Adds model inputs. A repeated call changes nothing.
    pub async fn log_model_inputs(&self, run: &RunId, models: &[ModelId]) -> Result<()> {
        let models: Vec<_> = models.iter().map(|id| json!({ "model_id": id })).collect();
        let body = json!({ "run_id": run, "models": models });
        self.done(&Call::post("/api/2.0/mlflow/runs/log-inputs", &body)?).await
    }

    /// Adds model outputs. The server refuses an output that already exists: pass only missing ones, and read them
    /// again after a lost reply.
    pub async fn log_model_outputs(&self, run: &RunId, models: &[ModelOutput]) -> Result<()> {
        let body = json!({ "run_id": run, "models": models });
        self.done(&Call::post("/api/2.0/mlflow/runs/outputs", &body)?.only_unsent()).await
    }
}
