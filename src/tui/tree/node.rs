//! One thing that is chosen by name, and what is known of what it holds.

use super::Pick;
use crate::entities::{
    EvaluationDataset, Experiment, Kind, ModelVersion, PlannedExperiment, RegisteredModel, Run, RunId,
    RunStatus,
};

#[derive(Clone, Debug)]
pub struct Node {
    pub item: Item,
    pub pick: Pick,
    pub open: bool,
    pub leaves: Leaves,
    /// The name in lower case, for the filter.
    pub(super) folded: String,
}

#[derive(Clone, Debug)]
pub enum Item {
    Experiment(Experiment),
    /// Or a prompt.
    Model(RegisteredModel),
    Dataset(EvaluationDataset),
}

impl Item {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Experiment(_) => Kind::Experiment,
            Self::Model(model) => model.kind(),
            Self::Dataset(_) => Kind::EvaluationDataset,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Experiment(experiment) => &experiment.name,
            Self::Model(model) => &model.name,
            Self::Dataset(dataset) => &dataset.name,
        }
    }

    pub fn is_deleted(&self) -> bool {
        matches!(self, Self::Experiment(experiment) if experiment.lifecycle.is_deleted())
    }

    pub fn experiment(&self) -> Option<&Experiment> {
        match self {
            Self::Experiment(experiment) => Some(experiment),
            _ => None,
        }
    }
}

/// Runs of an experiment, versions of a model: fetched once somebody looks.
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
    Run {
        id: RunId,
        status: RunStatus,
        deleted: bool,
    },
    /// Goes with its model: a plan knows whole models. Its aliases and its stage are there to be looked at.
    Version(String),
}

impl Leaf {
    pub fn run(&self) -> Option<&RunId> {
        match &self.what {
            What::Run { id, .. } => Some(id),
            What::Version(_) => None,
        }
    }

    pub fn is_deleted(&self) -> bool {
        matches!(self.what, What::Run { deleted: true, .. })
    }

    pub(super) fn version(of: &RegisteredModel, version: &ModelVersion) -> Self {
        let aliases = of.aliases.iter().filter(|(_, number)| **number == version.version);
        let mut words: Vec<String> = aliases.map(|(alias, _)| format!("@{alias}")).collect();
        words.extend(Some(version.stage.clone()).filter(|stage| !matches!(stage.as_str(), "" | "None")));
        let (name, about) = (format!("v{}", version.version), words.join(" "));
        Self { folded: format!("{name} {about}").to_lowercase(), name, what: What::Version(about) }
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

impl Node {
    pub(super) fn new(item: Item, pick: Pick) -> Self {
        Self { folded: item.name().to_lowercase(), item, pick, open: false, leaves: Leaves::Unknown }
    }

    pub fn leaves(&self) -> &[Leaf] {
        match &self.leaves {
            Leaves::Known { leaves, .. } => leaves,
            _ => &[],
        }
    }

    /// A version is taken with its model.
    pub fn takes(&self, leaf: &Leaf) -> bool {
        leaf.run().map_or(self.pick == Pick::All, |run| self.pick.takes(run))
    }

    /// Picks or leaves a run; versions follow their model.
    pub(super) fn set(&mut self, leaf: usize, taken: bool) {
        if let Some(run) = self.leaves()[leaf].run().cloned() {
            self.pick.set(&run, taken);
        }
    }

    pub fn can_open(&self) -> bool {
        !matches!(self.item, Item::Dataset(_))
    }

    pub(super) fn settle(&mut self) {
        let mut pick = std::mem::replace(&mut self.pick, Pick::None);
        pick.settle(self.every().as_deref());
        self.pick = pick;
    }

    pub(super) fn planned(&self) -> Option<PlannedExperiment> {
        self.pick.planned(self.item.name(), self.every().as_deref())
    }

    /// All runs there are, when all have been seen.
    fn every(&self) -> Option<Vec<&RunId>> {
        match &self.leaves {
            Leaves::Known { leaves, more: false } => Some(leaves.iter().filter_map(Leaf::run).collect()),
            _ => None,
        }
    }
}
