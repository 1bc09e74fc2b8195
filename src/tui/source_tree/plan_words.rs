//! The selected part of one node, in the form that a plan uses.

use std::collections::BTreeSet;

use super::{Checked, ChildId, Node};
use crate::plan::{PlannedExperiment, PlannedModel, PlannedTraces, Subset};

/// Only the first set, if there is one. Otherwise all except the second set.
type Words = (Option<BTreeSet<ChildId>>, BTreeSet<ChildId>);

impl Node {
    /// If all contents are known, the shorter form. Otherwise the form that also holds for contents that are not
    /// fetched yet. `None` if nothing is selected.
    pub(super) fn words(&self) -> Option<Words> {
        let seen =
            |taken: bool| self.parts().filter(move |leaf| leaf.taken == taken).filter_map(|leaf| leaf.part());
        // If all contents have been fetched, unknown ids no longer exist.
        let counts_unseen = !self.is_complete() || self.parts == 0;
        match self.picked() {
            Checked::None | Checked::Out => None,
            Checked::All => Some((None, BTreeSet::new())),
            Checked::Some => match (self.selects_all_except(), &self.unseen) {
                (true, Subset::Except(ids)) if counts_unseen => Some((None, and(ids, seen(false)))),
                (true, _) => Some((None, seen(false).collect())),
                (false, Subset::Only(ids)) if counts_unseen => {
                    Some((Some(and(ids, seen(true))), BTreeSet::new()))
                }
                (false, _) => Some((Some(seen(true).collect()), BTreeSet::new())),
            },
        }
    }

    /// Objects that are added before the plan runs are included.
    pub(super) fn selects_all_except(&self) -> bool {
        match self.picked() {
            Checked::All => true,
            Checked::None | Checked::Out => false,
            Checked::Some if self.is_complete() && self.parts > 0 => self.taken > self.parts - self.taken,
            Checked::Some => matches!(self.unseen, Subset::All | Subset::Except(_)),
        }
    }

    pub(super) fn planned_experiment(&self) -> Option<PlannedExperiment> {
        let (name, traces) = (self.item.name().to_owned(), self.traces);
        let (only, except) = match self.words() {
            None if traces == PlannedTraces::All => (Some([].into()), [].into()),
            words => words?,
        };
        let runs = only.map(|only| only.into_iter().filter_map(ChildId::run).collect());
        let except = except.into_iter().filter_map(ChildId::run).collect();
        Some(PlannedExperiment { name, runs, except, traces })
    }

    /// For a registered model or prompt that is selected in part.
    pub(super) fn planned_model(&self) -> Option<PlannedModel> {
        let (only, except) = self.words().filter(|_| self.picked() != Checked::All)?;
        let versions = only.map(|only| only.into_iter().filter_map(ChildId::version).collect());
        let except = except.into_iter().filter_map(ChildId::version).collect();
        Some(PlannedModel { name: self.item.name().to_owned(), versions, except })
    }
}

fn and(ids: &BTreeSet<ChildId>, more: impl Iterator<Item = ChildId>) -> BTreeSet<ChildId> {
    ids.iter().cloned().chain(more).collect()
}
