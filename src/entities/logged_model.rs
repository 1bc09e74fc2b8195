use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ExperimentId, Kind, ModelId, Owner, Point, RunId, integer};

/// A logged model (MLflow 3). It is a separate object with its own files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedModel {
    pub id: ModelId,
    pub experiment_id: ExperimentId,
    pub name: String,
    pub model_type: String,
    pub status: ModelStatus,
    pub status_message: String,
    /// The run that logged it, if any.
    pub source_run_id: Option<RunId>,
    /// Milliseconds since 1970.
    pub creation_time: Option<i64>,
    /// Milliseconds since 1970.
    pub last_update_time: Option<i64>,
    pub artifact_uri: String,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub metrics: Vec<ModelMetric>,
}

impl LoggedModel {
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            kind: Kind::LoggedModel,
            experiment_id: &self.experiment_id,
            id: self.id.as_str(),
            artifact_uri: &self.artifact_uri,
            label: &self.name,
        }
    }
}

/// A point of a run's metric that belongs to a model, with or without a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelMetric {
    pub key: String,
    #[serde(flatten)]
    pub point: Point,
    /// The run that the metric belongs to.
    pub run_id: RunId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelStatus {
    #[default]
    #[serde(rename = "LOGGED_MODEL_STATUS_UNSPECIFIED", alias = "UNSPECIFIED")]
    Unspecified,
    #[serde(rename = "LOGGED_MODEL_PENDING", alias = "PENDING")]
    Pending,
    #[serde(rename = "LOGGED_MODEL_READY", alias = "READY")]
    Ready,
    #[serde(rename = "LOGGED_MODEL_UPLOAD_FAILED", alias = "FAILED")]
    Failed,
}

impl ModelStatus {
    /// The word in MLflow's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "LOGGED_MODEL_STATUS_UNSPECIFIED",
            Self::Pending => "LOGGED_MODEL_PENDING",
            Self::Ready => "LOGGED_MODEL_READY",
            Self::Failed => "LOGGED_MODEL_UPLOAD_FAILED",
        }
    }
}

/// A model that a run created, and the step.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelOutput {
    pub model_id: ModelId,
    #[serde(with = "integer")]
    pub step: i64,
}
