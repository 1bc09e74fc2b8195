//! One experiment and what is known of its runs.

use super::Pick;
use crate::entities::{Experiment, PlannedExperiment, Run, RunId, RunStatus};

#[derive(Clone, Debug)]
pub struct Node {
    pub experiment: Experiment,
    pub pick: Pick,
    pub open: bool,
    pub runs: Runs,
    /// The name in lower case, for the filter.
    pub(super) folded: String,
}

#[derive(Clone, Debug)]
pub enum Runs {
    Unknown,
    Loading,
    Known {
        runs: Vec<Leaf>,
        /// There are more than were fetched.
        more: bool,
    },
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Leaf {
    pub id: RunId,
    pub name: String,
    pub status: RunStatus,
    pub deleted: bool,
    pub(super) folded: String,
}

impl From<Run> for Leaf {
    fn from(run: Run) -> Self {
        let name = run.label().to_owned();
        Self {
            folded: name.to_lowercase(),
            name,
            status: run.status,
            deleted: run.lifecycle.is_deleted(),
            id: run.id,
        }
    }
}

impl Node {
    pub(super) fn new(experiment: Experiment, pick: Pick) -> Self {
        Self { folded: experiment.name.to_lowercase(), experiment, pick, open: false, runs: Runs::Unknown }
    }

    pub fn leaves(&self) -> &[Leaf] {
        match &self.runs {
            Runs::Known { runs, .. } => runs,
            _ => &[],
        }
    }

    pub(super) fn settle(&mut self) {
        let mut pick = std::mem::replace(&mut self.pick, Pick::None);
        pick.settle(self.every().as_deref());
        self.pick = pick;
    }

    pub(super) fn planned(&self) -> Option<PlannedExperiment> {
        self.pick.planned(&self.experiment.name, self.every().as_deref())
    }

    /// All runs there are, when all have been seen.
    fn every(&self) -> Option<Vec<&RunId>> {
        match &self.runs {
            Runs::Known { runs, more: false } => Some(runs.iter().map(|leaf| &leaf.id).collect()),
            _ => None,
        }
    }
}
