//! The kinds of objects that are counted, and the two lifecycle stages of an object.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of an object that is planned, migrated and compared on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Experiment,
    Run,
    Artifact,
    LoggedModel,
    RegisteredModel,
    ModelVersion,
    Prompt,
    PromptVersion,
    EvaluationDataset,
    Scorer,
    Trace,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::Experiment,
        Self::Run,
        Self::Artifact,
        Self::LoggedModel,
        Self::RegisteredModel,
        Self::ModelVersion,
        Self::Prompt,
        Self::PromptVersion,
        Self::EvaluationDataset,
        Self::Scorer,
        Self::Trace,
    ];

    /// The name in JSON lines and in the journal.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    pub fn plural(self) -> &'static str {
        self.names().1
    }

    /// The plural for the user.
    pub fn title(self) -> &'static str {
        self.names().2
    }

    /// The singular and the plural for the user.
    pub fn words(self) -> (String, &'static str) {
        (self.name().replace('_', " "), self.title())
    }

    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Experiment => ("experiment", "experiments", "experiments"),
            Self::Run => ("run", "runs", "runs"),
            Self::Artifact => ("artifact", "artifacts", "artifacts"),
            Self::LoggedModel => ("logged_model", "logged_models", "logged models"),
            Self::RegisteredModel => ("registered_model", "registered_models", "registered models"),
            Self::ModelVersion => ("model_version", "model_versions", "model versions"),
            Self::Prompt => ("prompt", "prompts", "prompts"),
            Self::PromptVersion => ("prompt_version", "prompt_versions", "prompt versions"),
            Self::EvaluationDataset => ("evaluation_dataset", "evaluation_datasets", "evaluation datasets"),
            Self::Scorer => ("scorer", "scorers", "scorers"),
            Self::Trace => ("trace", "traces", "traces"),
        }
    }

    /// True for kinds that every server has. They are shown even if there are none.
    pub fn is_basic(self) -> bool {
        matches!(self, Self::Experiment | Self::Run | Self::Artifact)
    }

    pub fn index(self) -> usize {
        self as usize
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// MLflow deletes softly: a deleted object keeps its data until `mlflow gc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifecycle {
    #[default]
    Active,
    Deleted,
}

impl Lifecycle {
    pub fn is_deleted(self) -> bool {
        self == Self::Deleted
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }
}
