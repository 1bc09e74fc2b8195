//! One thing that is chosen by name, and what of it is picked.

use super::{Leaf, Leaves, Part, Tri};
use crate::entities::{
    EvaluationDataset, Experiment, Kind, Pick, PlannedExperiment, PlannedModel, PlannedTraces,
    RegisteredModel,
};

#[derive(Clone, Debug)]
pub struct Node {
    pub item: Item,
    pub pick: Pick<Part>,
    /// Of an experiment.
    pub traces: PlannedTraces,
    /// A dataset that stays behind although its experiment is picked whole.
    pub(super) left: bool,
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

impl Node {
    pub(super) fn new(item: Item, pick: Pick<Part>) -> Self {
        Self {
            folded: item.name().to_lowercase(),
            item,
            pick,
            traces: PlannedTraces::OfRuns,
            left: false,
            open: false,
            leaves: Leaves::Unknown,
        }
    }

    pub fn leaves(&self) -> &[Leaf] {
        match &self.leaves {
            Leaves::Known { leaves, .. } => leaves,
            _ => &[],
        }
    }

    /// Runs of an experiment, versions of a model.
    pub fn parts(&self) -> impl Iterator<Item = &Leaf> {
        self.leaves().iter().filter(|leaf| !leaf.is_traces())
    }

    pub fn takes(&self, leaf: &Leaf) -> bool {
        leaf.part().map_or_else(|| self.traces_tri() == Tri::All, |part| self.pick.takes(&part))
    }

    pub(super) fn traces_tri(&self) -> Tri {
        match self.traces {
            PlannedTraces::All => Tri::All,
            PlannedTraces::None => Tri::None,
            PlannedTraces::OfRuns => Tri::of(&self.pick),
        }
    }

    /// Picks or leaves one of the leaves. [`settle`](Self::settle) afterwards.
    pub(super) fn set(&mut self, leaf: usize, taken: bool) {
        match self.leaves()[leaf].part() {
            Some(part) => self.pick.set(&part, taken),
            None => self.traces = if taken { PlannedTraces::All } else { PlannedTraces::None },
        }
    }

    pub(super) fn set_whole(&mut self, taken: bool) {
        (self.pick, self.traces) = (Pick::whole(taken), PlannedTraces::OfRuns);
    }

    pub(super) fn invert(&mut self) {
        self.pick.invert();
        self.traces = match self.traces {
            PlannedTraces::OfRuns => PlannedTraces::OfRuns,
            PlannedTraces::All => PlannedTraces::None,
            PlannedTraces::None => PlannedTraces::All,
        };
    }

    pub fn can_open(&self) -> bool {
        !matches!(self.item, Item::Dataset(_))
    }

    /// Picked with all that it holds.
    pub(super) fn is_whole(&self) -> bool {
        self.pick == Pick::All && self.traces != PlannedTraces::None
    }

    /// Says what is picked in the simplest way.
    pub(super) fn settle(&mut self) {
        let every = self.every();
        self.pick.settle(every.as_deref());
        if let (Pick::All, PlannedTraces::All) | (Pick::None, PlannedTraces::None) = (&self.pick, self.traces)
        {
            self.traces = PlannedTraces::OfRuns;
        }
    }

    pub(super) fn planned_experiment(&self) -> Option<PlannedExperiment> {
        let (name, traces) = (self.item.name().to_owned(), self.traces);
        let (only, except) = match self.pick.words(self.every().as_deref()) {
            None if traces == PlannedTraces::All => (Some([].into()), [].into()),
            words => words?,
        };
        let runs = only.map(|only| only.into_iter().filter_map(Part::run).collect());
        Some(PlannedExperiment {
            name,
            runs,
            except: except.into_iter().filter_map(Part::run).collect(),
            traces,
        })
    }

    /// Of a registered model or prompt that is picked in part.
    pub(super) fn planned_model(&self) -> Option<PlannedModel> {
        let (only, except) = self.pick.words(self.every().as_deref()).filter(|_| self.pick != Pick::All)?;
        let versions = only.map(|only| only.into_iter().filter_map(Part::version).collect());
        let except = except.into_iter().filter_map(Part::version).collect();
        Some(PlannedModel { name: self.item.name().to_owned(), versions, except })
    }

    /// All there are of what is picked one by one, when all have been seen.
    fn every(&self) -> Option<Vec<Part>> {
        match &self.leaves {
            Leaves::Known { leaves, more: false } => Some(leaves.iter().filter_map(Leaf::part).collect()),
            _ => None,
        }
    }
}
