//! Picking and unpicking.

use super::filter::Words;
use super::{Checked, Item, Row, SourceTree};
use crate::entities::Kind;

/// One pick of very many at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sweep {
    /// What it was bounded to.
    pub(super) words: Words,
    pub(super) kind: Option<Kind>,
    /// Picked, left, or turned round.
    pub(super) to: Option<bool>,
}

impl SourceTree {
    /// Picks or unpicks what is at the cursor: of a range all, of a heading all of its kind that is on show, of a run
    /// also those nested under it. What is picked in part becomes picked whole.
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
                if self.leaf_tri(node, &node.leaves()[index]) != Checked::Out {
                    let group = node.held().map_or(vec![index], |held| held.with_nested(index));
                    self.toggle_shown(vec![Shown::Leaves(at, group)]);
                }
            }
            Row::Note(_) => {}
        }
    }

    /// Picks everything on show or in the range, or unpicks it when all of it is picked.
    pub fn toggle_all(&mut self) {
        let to = self.toggle_shown(self.shown());
        self.sweep(None, Some(to));
        self.end_range();
    }

    /// Picks what is not picked of what is on show or in the range, and the other way round.
    pub fn invert(&mut self) {
        self.touch();
        // What a dataset is now also depends on experiments, which come before it.
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

    /// Leaves deleted experiments and runs behind, or takes them along.
    pub fn toggle_deleted(&mut self) {
        self.skip_deleted = !self.skip_deleted;
        self.recount();
    }

    /// Leaves the traces of what is picked behind, or takes them along.
    pub fn toggle_traces(&mut self) {
        self.skip_traces = !self.skip_traces;
        self.recount();
    }

    /// What was needed for another choice says nothing of this one.
    fn touch(&mut self) {
        self.touched = true;
        self.needed.clear();
    }

    /// Gives whether it was picked.
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

    /// Picked with all that it holds, by itself or because it goes along.
    fn is_taken(&self, at: usize) -> bool {
        self.nodes[at].is_whole() || self.goes_along(&self.nodes[at])
    }

    /// A dataset that goes along is not picked by itself, and has to be left by name.
    pub(super) fn set_whole(&mut self, at: usize, taken: bool) {
        let goes_along = self.goes_with(&self.nodes[at]).is_some();
        let node = &mut self.nodes[at];
        node.set_whole(taken && !goes_along);
        node.left = goes_along && !taken;
    }

    fn set_leaves(&mut self, at: usize, leaves: &[usize], to: impl Fn(bool) -> bool) {
        let node = &mut self.nodes[at];
        for index in leaves {
            let taken = node.takes(&node.leaves()[*index]);
            node.set(*index, to(taken));
        }
        node.settle();
    }

    /// Remembers it for what comes later, and for the words of the plan.
    fn sweep(&mut self, kind: Option<Kind>, to: Option<bool>) {
        // Nothing comes later, and no plan says "not these" or "the others" by a rule.
        if self.has_range() || (!self.more && to != Some(true)) {
            return;
        }
        let sweep = Sweep { words: Words::of(&self.filter), kind, to };
        if to.is_some() {
            // The later one of two alike is all there is to say.
            self.sweeps
                .retain(|one| (&one.words, one.kind) != (&sweep.words, sweep.kind) || one.to.is_none());
        }
        self.sweeps.push(sweep);
    }

    /// Does to nodes from `first` on what was done to all before they came.
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

    /// What the filter names, whole, also in a kind that is folded; of everything else the leaves that it names. With a
    /// range only what is in it.
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
            // A run may be on show only for what is nested under it.
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
        // What is said of a dataset depends on what is picked of experiments.
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
