//! One item that is selected by name, and the selected part of it: a flag for each fetched leaf, and a rule for leaves
//! that are not fetched yet.

use super::{Checked, ChildId, Children, Leaf, Leaves, Sort};
use crate::entities::{Count, EvaluationDataset, Experiment, Kind, RegisteredModel, Run};
use crate::plan::{PlannedTraces, Subset};

#[derive(Clone, Debug)]
pub struct Node {
    pub item: Item,
    /// The selected traces of an experiment.
    pub traces: PlannedTraces,
    /// The user has excluded this dataset although its experiment is selected as a whole.
    pub(super) left: bool,
    pub open: bool,
    pub leaves: Leaves,
    /// The selection of objects that are not fetched yet. If nothing is fetched, this covers all objects.
    pub(super) unseen: Subset<ChildId>,
    /// Number of runs or versions among the leaves, and how many of them are selected.
    pub(super) parts: usize,
    pub(super) taken: usize,
    /// The name in lower case, for the filter.
    pub(super) folded: String,
}

#[derive(Clone, Debug)]
pub enum Item {
    Experiment(Experiment),
    /// A registered model or a prompt.
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

    /// Milliseconds since 1970.
    pub fn updated(&self) -> Option<i64> {
        match self {
            Self::Experiment(experiment) => experiment.last_update_time,
            Self::Model(model) => model.last_update_time,
            Self::Dataset(_) => None,
        }
    }

    pub fn experiment(&self) -> Option<&Experiment> {
        match self {
            Self::Experiment(experiment) => Some(experiment),
            _ => None,
        }
    }

    /// A registered model or prompt.
    pub fn model(&self) -> Option<&RegisteredModel> {
        match self {
            Self::Model(model) => Some(model),
            _ => None,
        }
    }
}

impl Node {
    pub(super) fn new(item: Item, pick: Subset<ChildId>) -> Self {
        Self {
            folded: item.name().to_lowercase(),
            item,
            traces: PlannedTraces::OfRuns,
            left: false,
            open: false,
            leaves: Leaves::Unknown,
            unseen: pick,
            parts: 0,
            taken: 0,
        }
    }

    pub fn held(&self) -> Option<&Children> {
        match &self.leaves {
            Leaves::Known(held) => Some(held),
            _ => None,
        }
    }

    pub(super) fn held_mut(&mut self) -> Option<&mut Children> {
        match &mut self.leaves {
            Leaves::Known(held) => Some(held),
            _ => None,
        }
    }

    pub fn leaves(&self) -> &[Leaf] {
        self.held().map_or(&[], |held| &held.leaves)
    }

    /// Runs of an experiment, or versions of a model.
    pub fn parts(&self) -> impl Iterator<Item = &Leaf> {
        self.leaves().iter().filter(|leaf| !leaf.is_traces())
    }

    /// Number of runs or versions that have arrived.
    pub fn part_count(&self) -> usize {
        self.parts
    }

    pub fn is_known(&self) -> bool {
        self.held().is_some()
    }

    /// All of its contents have arrived.
    pub fn is_complete(&self) -> bool {
        self.held().is_some_and(Children::is_complete)
    }

    /// Total size of the measured files.
    pub fn known_bytes(&self) -> Option<i64> {
        let known = self.parts().filter_map(|leaf| leaf.bytes);
        known.fold(None, |sum: Option<i64>, bytes| {
            Some(sum.unwrap_or(0).saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX)))
        })
    }

    /// The files of all its runs have been measured.
    pub fn is_weighed(&self) -> bool {
        self.is_complete() && self.parts().all(|leaf| leaf.bytes.is_some())
    }

    pub fn can_open(&self) -> bool {
        !matches!(self.item, Item::Dataset(_))
    }

    /// The selected part of its runs or versions.
    pub fn picked(&self) -> Checked {
        let seen = match (self.parts, self.taken) {
            (0, _) => return Checked::of(&self.unseen),
            (_, 0) => Checked::None,
            (parts, taken) if parts == taken => Checked::All,
            _ => return Checked::Some,
        };
        match self.is_complete() || Checked::of(&self.unseen) == seen {
            true => seen,
            false => Checked::Some,
        }
    }

    /// Number of runs or versions that are left out one by one, fetched or not.
    pub(super) fn left_out(&self) -> usize {
        let unseen = match &self.unseen {
            Subset::Except(ids) if !self.is_complete() => ids.len(),
            _ => 0,
        };
        self.parts - self.taken + unseen
    }

    pub fn takes(&self, leaf: &Leaf) -> bool {
        if leaf.is_traces() { self.traces_tri() == Checked::All } else { leaf.taken }
    }

    pub(super) fn traces_tri(&self) -> Checked {
        match self.traces {
            PlannedTraces::All => Checked::All,
            PlannedTraces::None => Checked::None,
            PlannedTraces::OfRuns => self.picked(),
        }
    }

    /// Selects or deselects one leaf. Call [`normalize`](Self::normalize) afterwards.
    pub(super) fn set(&mut self, leaf: usize, taken: bool) {
        let Some(leaf) = self.held_mut().and_then(|held| held.leaves.get_mut(leaf)) else {
            return;
        };
        if leaf.is_traces() {
            self.traces = if taken { PlannedTraces::All } else { PlannedTraces::None };
            return;
        }
        match (std::mem::replace(&mut leaf.taken, taken), taken) {
            (false, true) => self.taken += 1,
            (true, false) => self.taken -= 1,
            _ => {}
        }
    }

    pub(super) fn set_whole(&mut self, taken: bool) {
        (self.unseen, self.traces) = (Subset::whole(taken), PlannedTraces::OfRuns);
        self.taken = if taken { self.parts } else { 0 };
        let leaves = self.held_mut().into_iter().flat_map(|held| &mut held.leaves);
        leaves.for_each(|leaf| leaf.taken = taken && !leaf.is_traces());
    }

    pub(super) fn invert(&mut self) {
        self.unseen.invert();
        self.taken = self.parts - self.taken;
        let leaves = self.held_mut().into_iter().flat_map(|held| &mut held.leaves);
        leaves.for_each(|leaf| leaf.taken = !leaf.taken && !leaf.is_traces());
        self.traces = match self.traces {
            PlannedTraces::OfRuns => PlannedTraces::OfRuns,
            PlannedTraces::All => PlannedTraces::None,
            PlannedTraces::None => PlannedTraces::All,
        };
    }

    /// Selected with all of its contents.
    pub(super) fn is_whole(&self) -> bool {
        self.picked() == Checked::All && self.traces != PlannedTraces::None
    }

    /// Stores the selection of the traces in its simplest form.
    pub(super) fn normalize(&mut self) {
        if let (Checked::All, PlannedTraces::All) | (Checked::None, PlannedTraces::None) =
            (self.picked(), self.traces)
        {
            self.traces = PlannedTraces::OfRuns;
        }
    }

    /// Applies the selection rule for all leaves to the fetched leaves.
    pub(super) fn pick_again(&mut self) {
        let Leaves::Known(held) = &mut self.leaves else { return };
        self.taken = 0;
        for leaf in &mut held.leaves {
            let Some(part) = leaf.part() else { continue };
            leaf.taken = self.unseen.takes(&part);
            self.unseen.forget(&part);
            self.taken += usize::from(leaf.taken);
        }
    }

    /// Adds leaves. Each gets the state that the selection rule has for it.
    pub(super) fn add(&mut self, leaves: impl IntoIterator<Item = (Leaf, Option<String>)>, sort: Sort) {
        let mut leaves: Vec<_> = leaves.into_iter().collect();
        for (leaf, _) in &mut leaves {
            let Some(part) = leaf.part() else { continue };
            leaf.taken = self.unseen.takes(&part);
            self.unseen.forget(&part);
            self.parts += 1;
            self.taken += usize::from(leaf.taken);
        }
        if !self.is_known() {
            self.leaves = Leaves::Known(Box::new(Children::new(sort)));
        }
        if let Some(held) = self.held_mut() {
            held.add(leaves);
        }
    }

    /// Drops the leaves and keeps their selection.
    pub(super) fn forget(&mut self, leaves: Leaves) {
        if self.is_known() {
            self.unseen = self.words().map_or(Subset::None, |(only, except)| Subset::of(only, except));
        }
        (self.leaves, self.parts, self.taken) = (leaves, 0, 0);
    }
}

/// Returns the leaf of a run, and the id of its parent run.
pub(super) fn run_leaf(run: Run) -> (Leaf, Option<String>) {
    let parent = run.tags.get(crate::entities::tag::PARENT_RUN_ID).cloned();
    (Leaf::from(run), parent)
}

pub(super) fn traces_leaf(tally: Count) -> (Leaf, Option<String>) {
    (Leaf::traces(tally), None)
}
