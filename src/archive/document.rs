//! The JSON files of an export directory. `info` and unknown keys belong to mlflow-export-import and are optional.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::entities::{
    DatasetInput, Experiment, ExperimentId, FileEntry, Lifecycle, ModelId, ModelOutput, Run, RunId,
    RunStatus, integer,
};

/// The common form of every file: its writer, some counts, and the object.
#[derive(Serialize, Deserialize)]
pub struct Wrapped<T> {
    #[serde(default)]
    pub system: System,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Value>,
    pub mlflow: T,
}

impl<T> Wrapped<T> {
    pub fn new(script: &str, info: Value, mlflow: T) -> Self {
        Self { system: System::now(script), info: Some(info), mlflow }
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct System {
    pub package_version: String,
    pub script: String,
    pub export_file_version: String,
    /// Seconds since 1970.
    #[serde(with = "integer")]
    pub export_time: i64,
    pub _export_time: String,
}

impl System {
    pub fn now(script: &str) -> Self {
        let now = jiff::Timestamp::now();
        Self {
            package_version: concat!("mlferry ", env!("CARGO_PKG_VERSION")).to_owned(),
            script: script.to_owned(),
            export_file_version: "2".to_owned(),
            export_time: now.as_second(),
            _export_time: now.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        }
    }
}

/// `mlferry.json`: an export directory has one source. `format` is [`Layout::FORMAT`](super::Layout::FORMAT) or an
/// earlier one.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub source: String,
    /// The start of the machine since which all files were written that may not be on disk yet: see
    /// [`local::boot_id`](crate::artifacts::local::boot_id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct ExperimentsFile {
    pub experiments: Vec<ExperimentLine>,
}

impl From<Experiment> for ExperimentLine {
    fn from(experiment: Experiment) -> Self {
        Self { id: experiment.id, name: experiment.name }
    }
}

#[derive(Serialize, Deserialize)]
pub struct ExperimentLine {
    pub id: ExperimentId,
    pub name: String,
}

#[derive(Serialize, Deserialize)]
pub struct ExperimentFile {
    pub experiment: Experiment,
    /// In the order in which they must be imported.
    #[serde(default)]
    pub runs: Vec<RunId>,
}

/// The part of an experiment's `info` that lists failed runs.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ExperimentInfo {
    /// Runs that could not be exported, or not completely.
    pub failed_runs: Vec<RunId>,
}

/// `artifacts.json`: the expected content of the artifact folder.
#[derive(Default, Serialize, Deserialize)]
pub struct ArtifactList {
    pub files: Vec<FileEntry>,
    /// Files that could not be read at the source, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
    /// Another part of the owner could not be read. The next export must read it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lacking: bool,
}

/// `run.json` without its metrics, which may be of any size and are streamed.
#[derive(Deserialize)]
pub struct RunFile {
    pub info: RunInfo,
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "crate::entities::tags")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "inputs")]
    pub inputs: RunInputs,
    #[serde(default, deserialize_with = "or_default")]
    pub outputs: RunOutputs,
    #[serde(default)]
    pub metrics: super::latest::Latest,
}

#[derive(Serialize, Deserialize)]
pub struct RunInfo {
    pub run_id: RunId,
    pub experiment_id: ExperimentId,
    #[serde(default, deserialize_with = "or_default")]
    pub run_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub user_id: String,
    #[serde(default)]
    pub status: RunStatus,
    #[serde(default, with = "integer::optional")]
    pub start_time: Option<i64>,
    #[serde(default, with = "integer::optional")]
    pub end_time: Option<i64>,
    #[serde(default)]
    pub lifecycle_stage: Lifecycle,
    #[serde(default, deserialize_with = "or_default")]
    pub artifact_uri: String,
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Older exports hold only a list of datasets.
fn inputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RunInputs, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Inputs {
        Older(Vec<DatasetInput>),
        Now(RunInputs),
    }
    Ok(match Option::deserialize(deserializer)? {
        Some(Inputs::Older(dataset_inputs)) => RunInputs { dataset_inputs, model_inputs: Vec::new() },
        Some(Inputs::Now(inputs)) => inputs,
        None => RunInputs::default(),
    })
}

#[derive(Default, Serialize, Deserialize)]
pub struct RunInputs {
    #[serde(default)]
    pub dataset_inputs: Vec<DatasetInput>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_inputs: Vec<ModelInput>,
}

#[derive(Serialize, Deserialize)]
pub struct ModelInput {
    model_id: ModelId,
}

#[derive(Default, Serialize, Deserialize)]
pub struct RunOutputs {
    /// It is also written when it is empty, because mlflow-export-import requires the key.
    #[serde(default)]
    pub model_outputs: Vec<ModelOutput>,
}

impl From<&Run> for RunInputs {
    fn from(run: &Run) -> Self {
        let models = run.model_inputs.iter().map(|id| ModelInput { model_id: id.clone() });
        Self { dataset_inputs: run.datasets.clone(), model_inputs: models.collect() }
    }
}

impl From<&Run> for RunInfo {
    fn from(run: &Run) -> Self {
        Self {
            run_id: run.id.clone(),
            experiment_id: run.experiment_id.clone(),
            run_name: run.name.clone(),
            user_id: run.user_id.clone(),
            status: run.status,
            start_time: run.start_time,
            end_time: run.end_time,
            lifecycle_stage: run.lifecycle,
            artifact_uri: run.artifact_uri.clone(),
        }
    }
}

impl From<RunFile> for Run {
    fn from(file: RunFile) -> Self {
        let RunFile { info, params, tags, inputs, outputs, metrics } = file;
        let mut datasets = inputs.dataset_inputs;
        datasets.sort();
        Self {
            id: info.run_id,
            experiment_id: info.experiment_id,
            name: info.run_name,
            user_id: info.user_id,
            status: info.status,
            start_time: info.start_time,
            end_time: info.end_time,
            artifact_uri: info.artifact_uri,
            lifecycle: info.lifecycle_stage,
            params,
            tags,
            latest: metrics.0,
            datasets,
            model_inputs: inputs.model_inputs.into_iter().map(|input| input.model_id).collect(),
            model_outputs: outputs.model_outputs,
        }
    }
}

impl ExperimentsFile {
    /// The `info` that the importer of mlflow-export-import expects next to the list.
    pub fn info(&self) -> Value {
        json!({ "experiment_names": self.experiments.iter().map(|e| &e.name).collect::<Vec<_>>() })
    }
}
