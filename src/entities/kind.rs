//! Kinds of objects that are counted, and the two lives an object can have.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is planned, moved and compared, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Experiment,
    Run,
    Artifact,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Experiment, Self::Run, Self::Artifact];

    /// The word in JSON lines and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Experiment => "experiment",
            Self::Run => "run",
            Self::Artifact => "artifact",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            Self::Experiment => "experiments",
            Self::Run => "runs",
            Self::Artifact => "artifacts",
        }
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
