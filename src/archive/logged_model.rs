//! `logged_model.json`: a logged model as the incumbent writes it (since its release of October 2025).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::entities::{ExperimentId, LoggedModel, ModelId, ModelMetric, ModelStatus, RunId, integer};

#[derive(Deserialize)]
pub struct LoggedModelFile {
    model_id: ModelId,
    experiment_id: ExperimentId,
    #[serde(default)]
    name: String,
    model_type: Option<String>,
    #[serde(default)]
    status: ModelStatus,
    status_message: Option<String>,
    source_run_id: Option<RunId>,
    #[serde(default, with = "integer::optional")]
    creation_time: Option<i64>,
    #[serde(default, with = "integer::optional")]
    last_updated_timestamp: Option<i64>,
    #[serde(default)]
    artifact_location: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    metrics: Option<Vec<ModelMetric>>,
}

impl From<LoggedModelFile> for LoggedModel {
    fn from(file: LoggedModelFile) -> Self {
        Self {
            id: file.model_id,
            experiment_id: file.experiment_id,
            name: file.name,
            model_type: file.model_type.unwrap_or_default(),
            status: file.status,
            status_message: file.status_message.unwrap_or_default(),
            source_run_id: file.source_run_id.filter(|id| !id.as_str().is_empty()),
            creation_time: file.creation_time,
            last_update_time: file.last_updated_timestamp,
            artifact_uri: file.artifact_location,
            params: file.params,
            tags: file.tags,
            metrics: file.metrics.unwrap_or_default(),
        }
    }
}
