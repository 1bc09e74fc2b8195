//! Selects and deselects rows.

use super::filter::Words;
use super::{Checked, Item, Row, SourceTree};
use crate::entities::Kind;

/// One selection of many items at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sweep {
    /// The filter words at the time of the selection.
    pub(super) words: Words,
    pub(super) kind: Option<Kind>,
    /// Selected, deselected, or inverted.
    pub(super) to: Option<bool>,
}

impl SourceTree {
    /// Selects or deselects the row at the cursor: all rows of a range, all visible nodes of a heading's kind, or a run
    /// together with the runs nested below it. A partly selected item becomes fully selected.
    pub fn toggle(&mut self) {
        if self.has_range() {
            self.toggle_shown(self.shown());
            self.end_range();
            return;
        }
        let Some(row) = self.row() else {
            return;
        };
        match row {
            Row::Section(at) => {
                let kind = self.sections[at].kind;
                let shown =
                    self.shown().into_iter().filter(|shown| self.nodes[shown.node()].item.kind() == kind);
                let to = self.toggle_shown(shown.collect());
                self.sweep(Some(kind), Some(to));
            }
            Row::Node(at) if self.is_out(&self.nodes[at]) => {}
            Row::Node(at) => {
                self.touch();
                self.set_whole(at, !self.is_taken(at));
                self.recount();
            }
            Row::Leaf(at, index) => {
                let node = &self.nodes[at];
                if self.leaf_checked(node, &node.leaves()[index]) != Checked::Out {
                    let group = node.held().map_or(vec![index], |held| held.with_nested(index));
                    self.toggle_shown(vec![Shown::Leaves(at, group)]);
                }
            }
            Row::Note(_) => {}
        }
    }

    /// Selects everything that is visible or in the range. If all of it is selected, deselects it.
    pub fn toggle_all(&mut self) {
        let to = self.toggle_shown(self.shown());
        self.sweep(None, Some(to));
        self.end_range();
    }

    /// Inverts the selection of everything that is visible or in the range.
    pub fn invert(&mut self) {
        self.touch();
        // Read before any change: the state of a dataset also depends on experiments, which come earlier in the list.
        let taken: Vec<bool> = (0..self.nodes.len()).map(|at| self.is_taken(at)).collect();
        for shown in self.shown() {
            match shown {
                Shown::Whole(at) if matches!(self.nodes[at].item, Item::Dataset(_)) => {
                    self.set_whole(at, !taken[at])
                }
                Shown::Whole(at) => self.nodes[at].invert(),
                Shown::Leaves(at, leaves) => self.set_leaves(at, &leaves, |taken| !taken),
            }
        }
        self.sweep(None, None);
        self.end_range();
        self.recount();
    }

    /// Excludes deleted experiments and runs, or includes them again.
    pub fn toggle_deleted(&mut self) {
        self.skip_deleted = !self.skip_deleted;
        self.recount();
    }

    /// Excludes the traces of the selection, or includes them again.
    pub fn toggle_traces(&mut self) {
        self.skip_traces = !self.skip_traces;
        self.recount();
    }

    /// The needed items of an earlier selection are no longer valid.
    fn touch(&mut self) {
        self.touched = true;
        self.needed.clear();
    }

    /// Returns whether the items are selected now.
    fn toggle_shown(&mut self, shown: Vec<Shown>) -> bool {
        self.touch();
        let all = shown.iter().all(|shown| match shown {
            Shown::Whole(at) => self.is_taken(*at),
            Shown::Leaves(at, leaves) => {
                let node = &self.nodes[*at];
                leaves.iter().all(|index| node.takes(&node.leaves()[*index]))
            }
        });
        for shown in shown {
            match shown {
                Shown::Whole(at) => self.set_whole(at, !all),
                Shown::Leaves(at, leaves) => self.set_leaves(at, &leaves, |_| !all),
            }
        }
        self.recount();
        !all
    }

    /// Fully selected, or included with an experiment.
    fn is_taken(&self, at: usize) -> bool {
        self.nodes[at].is_whole() || self.is_included(&self.nodes[at])
    }

    /// A dataset that is included with an experiment is not selected itself. It must be excluded by name.
    pub(super) fn set_whole(&mut self, at: usize, taken: bool) {
        let is_included = self.including_experiment(&self.nodes[at]).is_some();
        let node = &mut self.nodes[at];
        node.set_whole(taken && !is_included);
        node.left = is_included && !taken;
    }

    fn set_leaves(&mut self, at: usize, leaves: &[usize], to: impl Fn(bool) -> bool) {
        let node = &mut self.nodes[at];
        for index in leaves {
            let taken = node.takes(&node.leaves()[*index]);
            node.set(*index, to(taken));
        }
        node.normalize();
    }

    /// Records the selection for nodes that arrive later, and for the rules of the plan.
    fn sweep(&mut self, kind: Option<Kind>, to: Option<bool>) {
        // No more nodes arrive, and a plan has no rule for "not these" or "the others".
        if self.has_range() || (!self.more && to != Some(true)) {
            return;
        }
        let sweep = Sweep { words: Words::of(&self.filter), kind, to };
        if to.is_some() {
            // A later selection with the same filter and kind replaces the earlier one.
            self.sweeps
                .retain(|one| (&one.words, one.kind) != (&sweep.words, sweep.kind) || one.to.is_none());
        }
        self.sweeps.push(sweep);
    }

    /// Applies the recorded selections to the nodes from `first` on.
    pub(super) fn catch_up(&mut self, first: usize) {
        for at in first..self.nodes.len() {
            for sweep in 0..self.sweeps.len() {
                let Sweep { words, kind, to } = &self.sweeps[sweep];
                let node = &self.nodes[at];
                if !words.fit(node) || kind.is_some_and(|kind| kind != node.item.kind()) {
                    continue;
                }
                match *to {
                    Some(taken) => self.set_whole(at, taken),
                    None => self.nodes[at].invert(),
                }
            }
        }
    }

    /// Nodes that match the filter are included as a whole, also in a folded section. From all other nodes only the
    /// matching leaves are included. With a range only its rows count.
    fn shown(&self) -> Vec<Shown> {
        let words = Words::of(&self.filter);
        let mut shown: Vec<Shown> = Vec::new();
        if self.filter.is_empty() && !self.has_range() {
            shown.extend((0..self.nodes.len()).map(Shown::Whole));
        }
        let rows = if shown.is_empty() { &self.rows[self.range()] } else { &[] };
        for of_node in rows.chunk_by(|a, b| a.node() == b.node()) {
            let Some(at) = of_node[0].node() else { continue };
            let node = &self.nodes[at];
            if of_node.contains(&Row::Node(at)) && words.fit(node) {
                shown.push(Shown::Whole(at));
                continue;
            }
            // A run may be visible only because a run nested below it matches.
            let missing = words.missing_in(node);
            let are_all_wanted = node.held().is_none_or(|held| !held.is_nested());
            let leaf = |row: &Row| match row {
                Row::Leaf(_, leaf) => Some(*leaf),
                _ => None,
            };
            let leaves = of_node.iter().filter_map(leaf);
            let wanted = leaves.filter(|leaf| are_all_wanted || missing.fit_leaf(&node.leaves()[*leaf]));
            shown.push(Shown::Leaves(at, wanted.collect()));
        }
        // Datasets come last: their state depends on the selection of experiments.
        shown.sort_by_key(|shown| matches!(self.nodes[shown.node()].item, Item::Dataset(_)));
        shown
    }
}

enum Shown {
    Whole(usize),
    Leaves(usize, Vec<usize>),
}

impl Shown {
    fn node(&self) -> usize {
        match self {
            Self::Whole(at) | Self::Leaves(at, _) => *at,
        }
    }
}
