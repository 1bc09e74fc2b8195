//! Picking and unpicking.

use super::rows::Words;
use super::{Pick, Row, Tree, Tri};

impl Tree {
    /// Picks or unpicks the item at the cursor. What is picked in part becomes picked whole.
    pub fn toggle(&mut self) {
        let Some(row) = self.rows.get(self.cursor).copied() else {
            return;
        };
        let node = &self.nodes[row.node()];
        match row {
            Row::Note(_) => return,
            Row::Experiment(_) if self.tri(node) == Tri::Out => return,
            Row::Run(_, index) if self.leaf_tri(node, &node.leaves()[index]) == Tri::Out => return,
            Row::Experiment(_) | Row::Run(..) => {}
        }
        self.touched = true;
        let node = &mut self.nodes[row.node()];
        match row {
            Row::Run(_, index) => {
                let id = node.leaves()[index].id.clone();
                let taken = node.pick.takes(&id);
                node.pick.set(&id, !taken);
                node.settle();
            }
            _ if node.pick == Pick::All => node.pick = Pick::None,
            _ => node.pick = Pick::All,
        }
    }

    /// Picks everything on show, or unpicks it when all of it is picked.
    pub fn toggle_all(&mut self) {
        let shown = self.shown();
        let all = shown.iter().all(|shown| match shown {
            Shown::Whole(at) => self.nodes[*at].pick == Pick::All,
            Shown::Runs(at, runs) => {
                let node = &self.nodes[*at];
                runs.iter().all(|index| node.pick.takes(&node.leaves()[*index].id))
            }
        });
        self.change(shown, |_| !all);
    }

    /// Picks what is not picked of what is on show, and the other way round.
    pub fn invert(&mut self) {
        self.touched = true;
        for shown in self.shown() {
            match shown {
                Shown::Whole(at) => self.nodes[at].pick.invert(),
                Shown::Runs(..) => self.change(vec![shown], |taken| !taken),
            }
        }
    }

    /// Leaves deleted experiments and runs behind, or takes them along.
    pub fn toggle_deleted(&mut self) {
        self.skip_deleted = !self.skip_deleted;
    }

    fn change(&mut self, shown: Vec<Shown>, to: impl Fn(bool) -> bool) {
        self.touched = true;
        for shown in shown {
            match shown {
                Shown::Whole(at) => {
                    let node = &mut self.nodes[at];
                    node.pick = match to(node.pick == Pick::All) {
                        true => Pick::All,
                        false => Pick::None,
                    };
                }
                Shown::Runs(at, runs) => {
                    let node = &mut self.nodes[at];
                    for index in runs {
                        let id = node.leaves()[index].id.clone();
                        let taken = node.pick.takes(&id);
                        node.pick.set(&id, to(taken));
                    }
                    node.settle();
                }
            }
        }
    }

    /// Experiments that the filter names, whole; of others the runs that it names.
    fn shown(&self) -> Vec<Shown> {
        let words = Words::of(&self.filter);
        let mut shown: Vec<Shown> = Vec::new();
        for row in &self.rows {
            match (*row, shown.last_mut()) {
                (Row::Experiment(at), _) if words.fit(&self.nodes[at]) => shown.push(Shown::Whole(at)),
                (Row::Experiment(at), _) => shown.push(Shown::Runs(at, Vec::new())),
                (Row::Run(at, index), Some(Shown::Runs(of, runs))) if *of == at => runs.push(index),
                _ => {}
            }
        }
        shown
    }
}

enum Shown {
    Whole(usize),
    Runs(usize, Vec<usize>),
}
