//! Picking and unpicking.

use super::rows::Words;
use super::{Item, Row, Tree, Tri};

impl Tree {
    /// Picks or unpicks what is at the cursor: all of a kind that is on show below a heading. What is picked in part
    /// becomes picked whole.
    pub fn toggle(&mut self) {
        let Some(row) = self.rows.get(self.cursor).copied() else {
            return;
        };
        match row {
            Row::Section(at) => {
                let of_section = self.sections[at].nodes.clone();
                let shown = self.shown().into_iter().filter(|shown| of_section.contains(&shown.node()));
                self.toggle_shown(shown.collect());
            }
            Row::Node(at) if self.is_out(&self.nodes[at]) => {}
            Row::Node(at) => {
                self.touch();
                self.set_whole(at, !self.is_taken(at));
            }
            Row::Leaf(at, index) => {
                let node = &self.nodes[at];
                let leaf = &node.leaves()[index];
                if self.leaf_tri(node, leaf) == Tri::Out {
                    return;
                }
                let taken = node.takes(leaf);
                self.touch();
                let node = &mut self.nodes[at];
                node.set(index, !taken);
                node.settle();
            }
            Row::Note(_) => {}
        }
    }

    /// Picks everything on show, or unpicks it when all of it is picked.
    pub fn toggle_all(&mut self) {
        self.toggle_shown(self.shown());
    }

    /// What was needed for another choice says nothing of this one.
    fn touch(&mut self) {
        self.touched = true;
        self.needed.clear();
    }

    fn toggle_shown(&mut self, shown: Vec<Shown>) {
        let all = shown.iter().all(|shown| match shown {
            Shown::Whole(at) => self.is_taken(*at),
            Shown::Leaves(at, leaves) => {
                let node = &self.nodes[*at];
                leaves.iter().all(|index| node.takes(&node.leaves()[*index]))
            }
        });
        self.change(shown, |_| !all);
    }

    /// Picks what is not picked of what is on show, and the other way round.
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
                Shown::Leaves(..) => self.change(vec![shown], |taken| !taken),
            }
        }
    }

    /// Picked with all that it holds, by itself or because it goes along.
    fn is_taken(&self, at: usize) -> bool {
        self.nodes[at].is_whole() || self.goes_along(&self.nodes[at])
    }

    /// A dataset that goes along is not picked by itself, and has to be left by name.
    fn set_whole(&mut self, at: usize, taken: bool) {
        let goes_along = self.goes_with(&self.nodes[at]).is_some();
        let node = &mut self.nodes[at];
        node.set_whole(taken && !goes_along);
        node.left = goes_along && !taken;
    }

    /// Leaves deleted experiments and runs behind, or takes them along.
    pub fn toggle_deleted(&mut self) {
        self.skip_deleted = !self.skip_deleted;
    }

    /// Leaves the traces of what is picked behind, or takes them along.
    pub fn toggle_traces(&mut self) {
        self.skip_traces = !self.skip_traces;
    }

    fn change(&mut self, shown: Vec<Shown>, to: impl Fn(bool) -> bool) {
        self.touch();
        for shown in shown {
            match shown {
                Shown::Whole(at) => self.set_whole(at, to(self.is_taken(at))),
                Shown::Leaves(at, leaves) => {
                    let node = &mut self.nodes[at];
                    for index in leaves {
                        let taken = node.takes(&node.leaves()[index]);
                        node.set(index, to(taken));
                    }
                    node.settle();
                }
            }
        }
    }

    /// What the filter names, whole, also in a kind that is folded; of everything else the leaves that it names.
    fn shown(&self) -> Vec<Shown> {
        let words = Words::of(&self.filter);
        if self.filter.is_empty() {
            return (0..self.nodes.len()).map(Shown::Whole).collect();
        }
        let mut shown: Vec<Shown> = Vec::new();
        for row in &self.rows {
            match (*row, shown.last_mut()) {
                (Row::Node(at), _) if words.fit(&self.nodes[at]) => shown.push(Shown::Whole(at)),
                (Row::Node(at), _) => shown.push(Shown::Leaves(at, Vec::new())),
                (Row::Leaf(at, index), Some(Shown::Leaves(of, leaves))) if *of == at => leaves.push(index),
                _ => {}
            }
        }
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
