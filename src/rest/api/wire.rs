//! MLflow's REST messages (protobuf JSON: absent fields are left out) and their conversion to entities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::items::Items;
use crate::entities::{
    DatasetInput, Experiment, FileEntry, Lifecycle, ModelId, ModelOutput, Point, Run, RunStatus, integer,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pair {
    pub key: String,
    #[serde(default)]
    pub value: String,
}

pub fn pairs(map: &BTreeMap<String, String>) -> Vec<Pair> {
    map.iter().map(|(key, value)| Pair { key: key.clone(), value: value.clone() }).collect()
}

pub fn map(pairs: Vec<Pair>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

#[derive(Deserialize)]
pub struct ExperimentPage {
    #[serde(default)]
    pub experiments: Items,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct OneExperiment {
    pub experiment: WireExperiment,
}

#[derive(Deserialize)]
pub struct WireExperiment {
    experiment_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    artifact_location: String,
    #[serde(default)]
    lifecycle_stage: Lifecycle,
    #[serde(default, with = "integer::optional")]
    creation_time: Option<i64>,
    #[serde(default, with = "integer::optional")]
    last_update_time: Option<i64>,
    #[serde(default)]
    tags: Vec<Pair>,
}

impl From<WireExperiment> for Experiment {
    fn from(wire: WireExperiment) -> Self {
        Self {
            id: wire.experiment_id.into(),
            name: wire.name,
            artifact_location: wire.artifact_location,
            lifecycle: wire.lifecycle_stage,
            creation_time: wire.creation_time,
            last_update_time: wire.last_update_time,
            tags: map(wire.tags),
        }
    }
}

#[derive(Deserialize)]
pub struct RunPage {
    #[serde(default)]
    pub runs: Items,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct OneRun {
    pub run: WireRun,
}

#[derive(Deserialize)]
pub struct WireRun {
    info: RunInfo,
    #[serde(default)]
    data: RunData,
    #[serde(default)]
    inputs: RunInputs,
    #[serde(default)]
    outputs: RunOutputs,
}

#[derive(Deserialize)]
struct RunInfo {
    #[serde(default)]
    run_id: String,
    /// The only field that MLflow 1.0 guarantees.
    #[serde(default)]
    run_uuid: String,
    #[serde(default)]
    run_name: String,
    #[serde(default)]
    experiment_id: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    status: RunStatus,
    #[serde(default, with = "integer::optional")]
    start_time: Option<i64>,
    #[serde(default, with = "integer::optional")]
    end_time: Option<i64>,
    #[serde(default)]
    artifact_uri: String,
    #[serde(default)]
    lifecycle_stage: Lifecycle,
}

#[derive(Default, Deserialize)]
struct RunData {
    #[serde(default)]
    metrics: Vec<WireMetric>,
    #[serde(default)]
    params: Vec<Pair>,
    #[serde(default)]
    tags: Vec<Pair>,
}

#[derive(Default, Deserialize)]
struct RunInputs {
    #[serde(default)]
    dataset_inputs: Vec<DatasetInput>,
    #[serde(default)]
    model_inputs: Vec<ModelInput>,
}

#[derive(Deserialize)]
struct ModelInput {
    model_id: ModelId,
}

#[derive(Default, Deserialize)]
struct RunOutputs {
    #[serde(default)]
    model_outputs: Vec<ModelOutput>,
}

#[derive(Deserialize)]
pub struct WireMetric {
    pub key: String,
    #[serde(default)]
    pub run_id: String,
    #[serde(flatten)]
    pub point: Point,
}

#[derive(Deserialize)]
pub struct MetricPage {
    #[serde(default)]
    pub metrics: Vec<WireMetric>,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct FileList {
    #[serde(default)]
    pub files: Vec<WireFile>,
    #[serde(default)]
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct WireFile {
    pub path: String,
    #[serde(default)]
    pub is_dir: bool,
    #[serde(default, with = "integer::optional")]
    file_size: Option<i64>,
}

impl From<WireFile> for FileEntry {
    /// Protobuf JSON omits the size of an empty file, and also when the store does not report a size.
    fn from(wire: WireFile) -> Self {
        Self::new(wire.path, wire.file_size.map(i64::unsigned_abs))
    }
}

impl From<WireRun> for Run {
    fn from(wire: WireRun) -> Self {
        let WireRun { info, data, inputs, mut outputs } = wire;
        let id = if info.run_id.is_empty() { info.run_uuid } else { info.run_id };
        let mut datasets = inputs.dataset_inputs;
        datasets.sort();
        let mut model_inputs: Vec<ModelId> =
            inputs.model_inputs.into_iter().map(|one| one.model_id).collect();
        model_inputs.sort();
        outputs.model_outputs.sort();
        Self {
            id: id.into(),
            experiment_id: info.experiment_id.into(),
            name: info.run_name,
            user_id: info.user_id,
            status: info.status,
            start_time: info.start_time,
            end_time: info.end_time,
            artifact_uri: info.artifact_uri,
            lifecycle: info.lifecycle_stage,
            params: map(data.params),
            tags: map(data.tags),
            latest: data.metrics.into_iter().map(|metric| (metric.key, metric.point)).collect(),
            datasets,
            model_inputs,
            model_outputs: outputs.model_outputs,
        }
    }
}
