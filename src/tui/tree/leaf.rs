//! What a node holds, one by one.

use super::Part;
use crate::entities::{ModelVersion, RegisteredModel, Run, RunId, RunStatus, Tally};

/// Runs and traces of an experiment, versions of a model: fetched once somebody looks.
#[derive(Clone, Debug)]
pub enum Leaves {
    Unknown,
    Loading,
    Known {
        leaves: Vec<Leaf>,
        /// There are more than were fetched.
        more: bool,
    },
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Leaf {
    pub name: String,
    pub what: What,
    pub(super) folded: String,
}

#[derive(Clone, Debug)]
pub enum What {
    /// All traces of the experiment, and how many there are.
    Traces(Tally),
    Run {
        id: RunId,
        status: RunStatus,
        deleted: bool,
    },
    Version {
        number: u64,
        /// Its aliases and its stage.
        about: String,
    },
}

impl Leaf {
    pub fn run(&self) -> Option<&RunId> {
        match &self.what {
            What::Run { id, .. } => Some(id),
            What::Traces(_) | What::Version { .. } => None,
        }
    }

    /// None for what is picked as a whole.
    pub fn part(&self) -> Option<Part> {
        match &self.what {
            What::Traces(_) => None,
            What::Run { id, .. } => Some(Part::Run(id.clone())),
            What::Version { number, .. } => Some(Part::Version(*number)),
        }
    }

    pub fn is_deleted(&self) -> bool {
        matches!(self.what, What::Run { deleted: true, .. })
    }

    pub fn is_traces(&self) -> bool {
        matches!(self.what, What::Traces(_))
    }

    pub(super) fn traces(tally: Tally) -> Self {
        let name = "traces".to_owned();
        Self { folded: name.clone(), name, what: What::Traces(tally) }
    }

    pub(super) fn version(of: &RegisteredModel, version: &ModelVersion) -> Self {
        let aliases = of.aliases.iter().filter(|(_, number)| **number == version.version);
        let mut words: Vec<String> = aliases.map(|(alias, _)| format!("@{alias}")).collect();
        words.extend(Some(version.stage.clone()).filter(|stage| !matches!(stage.as_str(), "" | "None")));
        let (name, about) = (format!("v{}", version.version), words.join(" "));
        let what = What::Version { number: version.version, about: about.clone() };
        Self { folded: format!("{name} {about}").to_lowercase(), name, what }
    }
}

impl From<Run> for Leaf {
    fn from(run: Run) -> Self {
        let name = run.label().to_owned();
        let deleted = run.lifecycle.is_deleted();
        Self {
            folded: name.to_lowercase(),
            name,
            what: What::Run { id: run.id, status: run.status, deleted },
        }
    }
}
