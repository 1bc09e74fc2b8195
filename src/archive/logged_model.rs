//! `logged_model.json`: a logged model as mlflow-export-import writes and reads it (`databricks-mlflow-export-import`
//! 1.2.1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entities::{
    ExperimentId, LoggedModel, ModelId, ModelMetric, ModelStatus, Point, RunId, float, integer,
};

#[derive(Serialize, Deserialize)]
pub struct LoggedModelFile {
    model_id: ModelId,
    experiment_id: ExperimentId,
    #[serde(default)]
    name: String,
    model_type: Option<String>,
    #[serde(default)]
    status: Status,
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
    #[serde(default, deserialize_with = "crate::entities::tags")]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    metrics: Vec<Metric>,
}

/// The status with its names in MLflow's Python client.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    #[default]
    Unspecified,
    Pending,
    Ready,
    Failed,
}

/// Absent values are written as null, because mlflow-export-import requires the keys.
#[derive(Serialize, Deserialize)]
struct Metric {
    key: String,
    #[serde(with = "float")]
    value: f64,
    #[serde(with = "integer")]
    timestamp: i64,
    #[serde(default, with = "integer")]
    step: i64,
    model_id: Option<ModelId>,
    dataset_name: Option<String>,
    dataset_digest: Option<String>,
    run_id: Option<RunId>,
}

impl From<&LoggedModel> for LoggedModelFile {
    fn from(model: &LoggedModel) -> Self {
        let metric = |metric: &ModelMetric| Metric {
            key: metric.key.clone(),
            value: metric.point.value,
            timestamp: metric.point.timestamp,
            step: metric.point.step,
            model_id: Some(model.id.clone()),
            dataset_name: metric.dataset_name.clone(),
            dataset_digest: metric.dataset_digest.clone(),
            run_id: Some(metric.run_id.clone()),
        };
        Self {
            model_id: model.id.clone(),
            experiment_id: model.experiment_id.clone(),
            name: model.name.clone(),
            model_type: Some(model.model_type.clone()),
            status: match model.status {
                ModelStatus::Unspecified => Status::Unspecified,
                ModelStatus::Pending => Status::Pending,
                ModelStatus::Ready => Status::Ready,
                ModelStatus::Failed => Status::Failed,
            },
            status_message: Some(model.status_message.clone()),
            source_run_id: model.source_run_id.clone(),
            creation_time: model.creation_time,
            last_updated_timestamp: model.last_update_time,
            artifact_location: model.artifact_uri.clone(),
            params: model.params.clone(),
            tags: model.tags.clone(),
            metrics: model.metrics.iter().map(metric).collect(),
        }
    }
}

impl From<LoggedModelFile> for LoggedModel {
    fn from(file: LoggedModelFile) -> Self {
        let metric = |metric: Metric| ModelMetric {
            key: metric.key,
            point: Point { value: metric.value, timestamp: metric.timestamp, step: metric.step },
            run_id: metric.run_id.unwrap_or_default(),
            dataset_name: metric.dataset_name,
            dataset_digest: metric.dataset_digest,
        };
        Self {
            id: file.model_id,
            experiment_id: file.experiment_id,
            name: file.name,
            model_type: file.model_type.unwrap_or_default(),
            status: match file.status {
                Status::Unspecified => ModelStatus::Unspecified,
                Status::Pending => ModelStatus::Pending,
                Status::Ready => ModelStatus::Ready,
                Status::Failed => ModelStatus::Failed,
            },
            status_message: file.status_message.unwrap_or_default(),
            source_run_id: file.source_run_id.filter(|id| !id.as_str().is_empty()),
            creation_time: file.creation_time,
            last_update_time: file.last_updated_timestamp,
            artifact_uri: file.artifact_location,
            params: file.params,
            tags: file.tags,
            metrics: file.metrics.into_iter().map(metric).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_model_survives_its_file() {
        let point = Point { value: 0.5, timestamp: 1, step: -2 };
        let metric = ModelMetric { key: "acc".into(), point, run_id: "r".into(), ..ModelMetric::default() };
        let model = LoggedModel {
            id: "m-1".into(),
            experiment_id: "7".into(),
            name: "größe".into(),
            model_type: "pyfunc".into(),
            status: ModelStatus::Failed,
            status_message: "why".into(),
            source_run_id: Some("r".into()),
            creation_time: Some(1),
            last_update_time: Some(2),
            artifact_uri: "mlflow-artifacts:/7/models/m-1".into(),
            params: [("p".to_owned(), "1".to_owned())].into(),
            tags: [("t".to_owned(), String::new())].into(),
            metrics: vec![metric],
        };
        let text = serde_json::to_string(&LoggedModelFile::from(&model)).unwrap();
        assert_eq!(LoggedModel::from(serde_json::from_str::<LoggedModelFile>(&text).unwrap()), model);
    }
}
