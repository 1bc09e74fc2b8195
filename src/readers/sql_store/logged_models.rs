use super::experiments::lifecycle_of;
use super::grouped::Grouped;
use super::select::Select;
use super::value::{Row, Value};
use super::{SqlStoreReader, ids, number, readable};
use crate::entities::{Experiment, Kind, LoggedModel, ModelId, ModelMetric, ModelStatus, Point, Readable};
use crate::error::{Error, Result};
use crate::io::Pages;

const PER_PAGE: usize = 200;
const COLUMNS: [&str; 11] = [
    "model_id",
    "experiment_id",
    "name",
    "artifact_location",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
    "status",
    "status_message",
    "model_type",
    "source_run_id",
    "lifecycle_stage",
];
const METRICS: [&str; 8] = [
    "model_id",
    "metric_name",
    "metric_value",
    "metric_timestamp_ms",
    "metric_step",
    "run_id",
    "dataset_name",
    "dataset_digest",
];
const PARAMS: [&str; 3] = ["model_id", "param_key", "param_value"];
const TAGS: [&str; 3] = ["model_id", "tag_key", "tag_value"];

struct Parts {
    params: Grouped<(String, String)>,
    tags: Grouped<(String, String)>,
    metrics: Grouped<ModelMetric>,
}

impl SqlStoreReader {
    /// The models that are not deleted: no request can write a deleted one.
    pub(super) fn every_logged_model<'a>(
        &'a self,
        experiment: &'a Experiment,
    ) -> Pages<'a, Readable<LoggedModel>> {
        let select = Select::from("logged_models", &COLUMNS).only("experiment_id", number(&experiment.id));
        let select = select.order(&["creation_timestamp_ms", "model_id"]);
        let of = (Kind::LoggedModel, format!("experiment {}", experiment.id));
        self.list(of, select, PER_PAGE, |rows| self.models_of_rows(rows))
    }

    pub(super) async fn find_logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        let select = Select::from("logged_models", &COLUMNS).only("model_id", vec![Value::from(id.as_str())]);
        self.one(select, |rows| self.models_of_rows(rows)).await
    }

    async fn models_of_rows(&self, rows: Vec<Row>) -> Result<Vec<Readable<LoggedModel>>> {
        let (database, ids) = (&*self.database, ids(&rows));
        let (params, tags, metrics) = futures::try_join!(
            Grouped::pairs(database, Select::from("logged_model_params", &PARAMS), ids.clone()),
            Grouped::pairs(database, Select::from("logged_model_tags", &TAGS), ids.clone()),
            Grouped::read(database, Select::from("logged_model_metrics", &METRICS), ids.clone(), metric),
        )?;
        let mut parts = Parts { params, tags, metrics };
        Ok(rows.into_iter().filter_map(|row| model(row, &mut parts)).collect())
    }
}

fn model(row: Row, parts: &mut Parts) -> Option<Readable<LoggedModel>> {
    let [id, experiment_id, name, location, created, updated, status, message, model_type, run, lifecycle] =
        row.columns();
    if matches!(&lifecycle, Value::Text(stage) if lifecycle_of(stage).is_deleted()) {
        return None;
    }
    let read = || {
        let id = id.clone().string()?;
        Ok(LoggedModel {
            experiment_id: experiment_id.string()?.into(),
            name: name.string()?,
            model_type: model_type.string()?,
            status: status_of(status.int()?)?,
            status_message: message.string()?,
            source_run_id: run.text()?.filter(|id| !id.is_empty()).map(Into::into),
            creation_time: created.int()?,
            last_update_time: updated.int()?,
            artifact_uri: location.string()?,
            params: parts.params.collect(&id)?,
            tags: parts.tags.collect(&id)?,
            metrics: parts.metrics.take(&id)?,
            id: id.into(),
        })
    };
    let model = read();
    Some(readable(Kind::LoggedModel, &id, model))
}

/// The numbers of `LoggedModelStatus` (MLflow 3.18, `entities/logged_model_status.py`).
fn status_of(number: Option<i64>) -> Result<ModelStatus> {
    Ok(match number.unwrap_or_default() {
        0 => ModelStatus::Unspecified,
        1 => ModelStatus::Pending,
        2 => ModelStatus::Ready,
        3 => ModelStatus::Failed,
        other => return Err(Error::permanent(format!("{other} is not the status of a logged model"))),
    })
}

fn metric(row: Row) -> Result<ModelMetric> {
    let [key, value, timestamp, step, run_id, dataset_name, dataset_digest] = row.columns();
    Ok(ModelMetric {
        key: key.string()?,
        point: Point {
            value: value.real()?.unwrap_or(f64::NAN),
            timestamp: timestamp.int()?.unwrap_or_default(),
            step: step.int()?.unwrap_or_default(),
        },
        run_id: run_id.string()?.into(),
        dataset_name: dataset_name.text()?,
        dataset_digest: dataset_digest.text()?,
    })
}
