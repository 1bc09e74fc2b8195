//! The calls that change a tracking server. Only `writers/` uses them.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::wire::{OneRun, Pair, pairs};
use crate::entities::{DatasetInput, ExperimentId, Lifecycle, ModelId, Point, Run, RunId, RunStatus};
use crate::error::{Class, Result};
use crate::rest::{Call, Client};

const METRICS_PER_BATCH: usize = 1_000;
const PARAMS_PER_BATCH: usize = 100;
const TAGS_PER_BATCH: usize = 100;
/// In characters.
const MAX_TAG_LENGTH: usize = 8_000;
const ENTRIES_PER_BATCH: usize = 1_000;
/// MLflow documents 1 MB; gateways in front of it may enforce that limit.
const BYTES_PER_BATCH: usize = 900_000;

/// The fields that `runs/create` can set.
#[derive(Serialize)]
pub struct NewRun {
    pub experiment_id: ExperimentId,
    pub user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    pub run_name: String,
    tags: Vec<Pair>,
}

impl NewRun {
    pub fn new(run: &Run, experiment: &ExperimentId, tags: &BTreeMap<String, String>) -> Self {
        Self {
            experiment_id: experiment.clone(),
            user_id: run.user_id.clone(),
            start_time: run.start_time,
            run_name: run.given_name().to_owned(),
            tags: pairs(tags),
        }
    }
}

/// A run as the server has just created it.
pub type Created = Run;

/// One entry of a `log-batch` request.
#[derive(Clone, Debug)]
pub enum BatchItem {
    Param(String, String),
    Tag(String, String),
    /// A point, and the logged model that it also belongs to.
    Metric(String, Point, Option<MetricOf>),
}

/// The logged model and the evaluated dataset that a point belongs to besides its run (MLflow 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetricOf {
    pub model_id: ModelId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
}

impl MetricOf {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + 20);
        60 + text(&self.dataset_name) + text(&self.dataset_digest)
    }
}

#[derive(Serialize)]
struct Batch<'a> {
    run_id: &'a RunId,
    params: Vec<KeyValue<'a>>,
    tags: Vec<KeyValue<'a>>,
    metrics: Vec<KeyPoint<'a>>,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct KeyPoint<'a> {
    key: &'a str,
    #[serde(flatten)]
    point: &'a Point,
    #[serde(flatten)]
    of: Option<&'a MetricOf>,
}

/// Whether an existing run accepts a tag of this name; `runs/create` accepts any name (MLflow 3.10 to 3.18,
/// `utils/validation.py`, `_validate_tag_name`).
pub fn takes_tag(name: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || "/_.- :".contains(c);
    let is_plain = |part: &str| !["", ".", ".."].contains(&part);
    !name.starts_with("..") && name.chars().all(is_letter) && name.split('/').all(is_plain)
}

/// Whether an existing run accepts the whole value of a tag: it cuts longer values without a notice, and `runs/create`
/// cuts none (MLflow 3.10 to 3.18, `utils/validation.py`, `MAX_TAG_VAL_LENGTH`).
pub fn takes_tag_value(value: &str) -> bool {
    value.len() <= MAX_TAG_LENGTH || value.chars().count() <= MAX_TAG_LENGTH
}

/// Returns how many of the first `items` fit into one `log-batch` (limits of MLflow 1.0 to 3.18,
/// `utils/validation.py`). At least one, unless `items` is empty. The same point for two models needs two batches:
/// within one batch, the server inserts it twice and violates its own key (MLflow 3.0 to 3.16,
/// `store/tracking/sqlalchemy_store.py`, `_log_metrics`).
pub fn entries_per_batch(items: impl IntoIterator<Item = impl std::borrow::Borrow<BatchItem>>) -> usize {
    let (mut params, mut tags, mut metrics, mut bytes, mut count) = (0, 0, 0, 0, 0);
    let mut of_models = HashSet::new();
    for item in items {
        if let BatchItem::Metric(key, point, Some(_)) = item.borrow()
            && !of_models.insert((key.clone(), point.identity()))
        {
            break;
        }
        let (seen, most, size) = match item.borrow() {
            BatchItem::Param(key, value) => (&mut params, PARAMS_PER_BATCH, key.len() + value.len()),
            BatchItem::Tag(key, value) => (&mut tags, TAGS_PER_BATCH, key.len() + value.len()),
            BatchItem::Metric(key, _, of) => {
                (&mut metrics, METRICS_PER_BATCH, key.len() + 60 + of.as_ref().map_or(0, MetricOf::bytes))
            }
        };
        bytes += size + 30;
        *seen += 1;
        if *seen > most || count == ENTRIES_PER_BATCH || (bytes > BYTES_PER_BATCH && count > 0) {
            break;
        }
        count += 1;
    }
    count
}

impl Client {
    /// Creates an experiment. The call is not repeated when its outcome is unknown: the caller then looks for the name.
    pub async fn create_experiment(
        &self,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<ExperimentId> {
        #[derive(serde::Deserialize)]
        struct Answer {
            experiment_id: ExperimentId,
        }
        let body = json!({ "name": name, "tags": pairs(tags) });
        let call = Call::post("/api/2.0/mlflow/experiments/create", &body)?.only_unsent();
        Ok(self.json::<Answer>(&call).await?.experiment_id)
    }

    pub async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Result<()> {
        let body = json!({ "experiment_id": id, "new_name": name });
        self.done(&Call::post("/api/2.0/mlflow/experiments/update", &body)?).await
    }

    pub async fn set_experiment_tag(&self, id: &ExperimentId, key: &str, value: &str) -> Result<()> {
        let body = json!({ "experiment_id": id, "key": key, "value": value });
        self.done(&Call::post("/api/2.0/mlflow/experiments/set-experiment-tag", &body)?).await
    }

    /// Deletes a tag. Releases before MLflow 3.5 or so do not support this, and some accounts are not allowed to do it:
    /// then the tag is set to an empty value. A tag that no longer exists counts as deleted.
    pub async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Result<()> {
        let body = json!({ "experiment_id": id, "key": key });
        let call = Call::post("/api/2.0/mlflow/experiments/delete-experiment-tag", &body)?;
        match self.done(&call).await {
            Err(e) if e.is_code("RESOURCE_DOES_NOT_EXIST") => Ok(()),
            Err(e) if crate::rest::http::client::is_missing(&e) || e.class() == Class::Forbidden => {
                self.set_experiment_tag(id, key, "").await
            }
            other => other,
        }
    }

    /// Deletes or restores an experiment. The server refuses a repeated call, for example after a lost reply: then the
    /// current state shows the outcome.
    pub async fn set_experiment_lifecycle(&self, id: &ExperimentId, lifecycle: Lifecycle) -> Result<()> {
        let route = match lifecycle {
            Lifecycle::Deleted => "/api/2.0/mlflow/experiments/delete",
            Lifecycle::Active => "/api/2.0/mlflow/experiments/restore",
        };
        match self.done(&Call::post(route, &json!({ "experiment_id": id }))?).await {
            Err(_) if self.experiment(id).await?.lifecycle == lifecycle => Ok(()),
            other => other,
        }
    }

    /// Creates a run. The call is not repeated when its outcome is unknown: the caller then looks for the run by a tag.
    pub async fn create_run(&self, new: &NewRun) -> Result<Created> {
        let call = Call::post("/api/2.0/mlflow/runs/create", new)?.only_unsent();
        Ok(self.json::<OneRun>(&call).await?.run.into())
    }

    /// Writes a batch. Params that exist with the same value and points that exist are accepted without a change, with
    /// two exceptions: a server compares points by value, and NaN equals nothing; and with more than 100 points of
    /// logged models, it checks only some of them (MLflow 3.10 to 3.18, `sqlalchemy_store.py`, `_log_metrics`,
    /// `_log_model_metrics`). Then it refuses the whole batch:
    /// [`Cause::PointExists`](crate::error::Cause::PointExists).
    pub async fn log_batch(&self, run_id: &RunId, items: &[BatchItem]) -> Result<()> {
        let mut batch = Batch { run_id, params: Vec::new(), tags: Vec::new(), metrics: Vec::new() };
        for item in items {
            match item {
                BatchItem::Param(key, value) => batch.params.push(KeyValue { key, value }),
                BatchItem::Tag(key, value) => batch.tags.push(KeyValue { key, value }),
                BatchItem::Metric(key, point, of) => {
                    batch.metrics.push(KeyPoint { key, point, of: of.as_ref() })
                }
            }
        }
        self.done(&Call::post("/api/2.0/mlflow/runs/log-batch", &batch)?).await
    }

    pub async fn set_run_tag(&self, run_id: &RunId, key: &str, value: &str) -> Result<()> {
        let body = json!({ "run_id": run_id, "key": key, "value": value });
        self.done(&Call::post("/api/2.0/mlflow/runs/set-tag", &body)?).await
    }

    /// Adds datasets. A repeated call changes nothing, not even their tags (MLflow 3.10).
    pub async fn log_datasets(&self, run_id: &RunId, datasets: &[DatasetInput]) -> Result<()> {
        let body = json!({ "run_id": run_id, "datasets": datasets });
        self.done(&Call::post("/api/2.0/mlflow/runs/log-inputs", &body)?).await
    }

    pub async fn update_run(&self, run_id: &RunId, status: RunStatus, end_time: Option<i64>) -> Result<()> {
        let mut body = json!({ "run_id": run_id, "status": status.name() });
        if let Some(end_time) = end_time {
            body["end_time"] = end_time.into();
        }
        self.done(&Call::post("/api/2.0/mlflow/runs/update", &body)?).await
    }

    /// Deletes or restores a run, as [`set_experiment_lifecycle`](Self::set_experiment_lifecycle) does.
    pub async fn set_run_lifecycle(&self, run_id: &RunId, lifecycle: Lifecycle) -> Result<()> {
        let route = match lifecycle {
            Lifecycle::Deleted => "/api/2.0/mlflow/runs/delete",
            Lifecycle::Active => "/api/2.0/mlflow/runs/restore",
        };
        match self.done(&Call::post(route, &json!({ "run_id": run_id }))?).await {
            Err(_) if self.run(run_id).await?.lifecycle == lifecycle => Ok(()),
            other => other,
        }
    }

    pub(in crate::rest) async fn done(&self, call: &Call) -> Result<()> {
        self.json::<Value>(call).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(n: usize, size: usize) -> Vec<BatchItem> {
        (0..n).map(|i| BatchItem::Param(i.to_string(), "x".repeat(size))).collect()
    }

    fn metrics(n: usize) -> Vec<BatchItem> {
        (0..n).map(|_| BatchItem::Metric("m".into(), Point::default(), None)).collect()
    }

    #[test]
    fn tag_names_are_checked_as_the_server_checks_them() {
        for name in ["mlflow.note.content", "größe/日本 key_1:a-b", "a/b..c"] {
            assert!(takes_tag(name), "{name}");
        }
        for name in ["", "/a", "a//b", "a/", "../a", "..a", "a/./b", "50%", "a\tb"] {
            assert!(!takes_tag(name), "{name}");
        }
    }

    #[test]
    fn batches_keep_every_limit() {
        assert_eq!(entries_per_batch(Vec::<BatchItem>::new()), 0);
        assert_eq!(entries_per_batch(params(250, 1)), 100);
        assert_eq!(entries_per_batch(metrics(2_500)), 1_000);
        assert_eq!(entries_per_batch([params(20, 1), metrics(2_000)].concat()), 1_000);
        assert_eq!(entries_per_batch(params(3, 500_000)), 1);
        assert_eq!(entries_per_batch(params(1, 2_000_000)), 1);
    }

    #[test]
    fn non_finite_values_are_sent_as_strings() {
        let point = Point { value: f64::NAN, timestamp: 1, step: -3 };
        let text = serde_json::to_string(&KeyPoint { key: "m", point: &point, of: None }).unwrap();
        assert_eq!(text, r#"{"key":"m","value":"NaN","timestamp":1,"step":-3}"#);
    }
}
