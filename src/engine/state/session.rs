use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifacts::local;
use crate::error::{Error, Result};
use crate::plan::Plan;

/// The seven steps of a migration, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    #[default]
    Check,
    App,
    Connect,
    Plan,
    Export,
    Import,
    Validate,
}

impl Step {
    pub const ALL: [Self; 7] =
        [Self::Check, Self::App, Self::Connect, Self::Plan, Self::Export, Self::Import, Self::Validate];

    /// The name of the command for this step.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::App => "app",
            Self::Connect => "connect",
            Self::Plan => "plan",
            Self::Export => "export",
            Self::Import => "import",
            Self::Validate => "validate",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Check => "Compatibility",
            Self::App => "MLflow App",
            Self::Connect => "Connectivity",
            Self::Plan => "Selection",
            Self::Export => "Export",
            Self::Import => "Import",
            Self::Validate => "Validation",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// The route of the data from the source to the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// From server to server, without files on this machine.
    #[default]
    Direct,
    /// Through an export directory.
    Directory(PathBuf),
}

/// The data that the wizard needs to continue an interrupted session. It holds no credentials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    pub step: Step,
    pub source: String,
    pub target: String,
    pub route: Route,
    pub plan: Plan,
}

impl Session {
    /// The interrupted session in this file, if there is one and it can still be read.
    pub fn load(file: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        toml::from_str(&text).inspect_err(|e| tracing::warn!("the saved session cannot be read: {e}")).ok()
    }

    pub fn save(&self, file: &Path) -> Result<()> {
        let text = toml::to_string(self)
            .map_err(|e| Error::permanent(format!("the session cannot be saved: {e}")))?;
        local::write_synced(file, text.as_bytes())
    }

    pub fn forget(file: &Path) {
        // The file may not exist.
        let _ = std::fs::remove_file(file);
    }
}
