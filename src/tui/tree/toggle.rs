//! Picking and unpicking.

use super::rows::Words;
use super::{Pick, Row, Tree, Tri};

impl Tree {
    /// Picks or unpicks what is at the cursor: all of a kind that is on show below a heading. What is picked in part
    /// becomes picked whole. A version goes with its model.
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
                let pick = &mut self.nodes[at].pick;
                *pick = Pick::whole(*pick != Pick::All);
            }
            Row::Leaf(at, index) => {
                let node = &self.nodes[at];
                let leaf = &node.leaves()[index];
                if leaf.run().is_none() || self.leaf_tri(node, leaf) == Tri::Out {
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
            Shown::Whole(at) => self.nodes[*at].pick == Pick::All,
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
        for shown in self.shown() {
            match shown {
                Shown::Whole(at) => self.nodes[at].pick.invert(),
                Shown::Leaves(..) => self.change(vec![shown], |taken| !taken),
            }
        }
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
                Shown::Whole(at) => {
                    let pick = &mut self.nodes[at].pick;
                    *pick = Pick::whole(to(*pick == Pick::All));
                }
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

    /// What the filter names, whole, also in a kind that is folded; of other experiments the runs that it names.
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
        // Versions are not picked one by one.
        shown.retain(|shown| {
            matches!(shown, Shown::Whole(_)) || self.nodes[shown.node()].item.experiment().is_some()
        });
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
