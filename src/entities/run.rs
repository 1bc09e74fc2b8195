use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DatasetInput, ExperimentId, Kind, Lifecycle, ModelId, ModelOutput, Owner, Point, RunId, names_model, tag,
};

/// A run without its metric histories and files. They are read separately, because they can be of any size.
/// Its JSON is the fingerprint of a run in journals and exports: if it changes, every finished run is visited again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Run {
    pub id: RunId,
    pub experiment_id: ExperimentId,
    pub name: String,
    pub user_id: String,
    pub status: RunStatus,
    /// Milliseconds since 1970.
    pub start_time: Option<i64>,
    /// Milliseconds since 1970; absent while the run is active.
    pub end_time: Option<i64>,
    pub artifact_uri: String,
    pub lifecycle: Lifecycle,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// The latest point of each metric. The keys show which histories exist.
    pub latest: BTreeMap<String, Point>,
    pub datasets: Vec<DatasetInput>,
    /// Logged models that the run used, sorted.
    pub model_inputs: Vec<ModelId>,
    /// Logged models that the run created, sorted.
    pub model_outputs: Vec<ModelOutput>,
}

impl Run {
    /// The parent run, if this run is nested.
    pub fn parent(&self) -> Option<RunId> {
        self.tags.get(tag::PARENT_RUN_ID).map(|id| RunId::from(id.as_str()))
    }

    pub fn owner(&self) -> Owner<'_> {
        Owner {
            kind: Kind::Run,
            experiment_id: &self.experiment_id,
            id: self.id.as_str(),
            artifact_uri: &self.artifact_uri,
            label: self.label(),
        }
    }

    /// True when a tag lists models that were logged as files of this run (before MLflow 3): its artifacts cannot be
    /// empty.
    pub fn names_model_files(&self) -> bool {
        // Models of MLflow 3 have files of their own, and ids that begin with `m-`.
        let are_files = |history: &String| history.contains("\"artifact_path\"") && !history.contains("\"m-");
        self.model_outputs.is_empty() && self.tags.get("mlflow.log-model.history").is_some_and(are_files)
    }

    /// True when the run used or created logged models.
    pub fn has_models(&self) -> bool {
        !self.model_inputs.is_empty() || !self.model_outputs.is_empty()
    }

    /// True when the run can be completed only after its logged models exist on the target.
    pub fn needs_models(&self) -> bool {
        self.has_models() || self.params.values().any(|value| names_model(value))
    }

    /// The name on the target: its own name, otherwise the name in its tag (the only place before MLflow 1.29),
    /// otherwise its id. Without a name, the server would generate one.
    pub fn given_name(&self) -> &str {
        let tag = self.tags.get(tag::RUN_NAME).map_or("", String::as_str);
        [self.name.as_str(), tag].into_iter().find(|name| !name.is_empty()).unwrap_or(self.id.as_str())
    }

    /// The label for the user: the name, or the id if there is no name.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { self.id.as_str() } else { &self.name }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    #[default]
    Running,
    Scheduled,
    Finished,
    Failed,
    Killed,
}

impl RunStatus {
    /// The word in MLflow's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Scheduled => "SCHEDULED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }
}
