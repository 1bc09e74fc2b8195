//! The tree of what may be moved: experiments, and their runs once somebody looks. No drawing here.

mod node;
mod pick;
mod rows;
mod toggle;

#[cfg(test)]
mod tests;

use crate::entities::{Choice, Experiment, ExperimentId, Plan, Run};

pub use node::{Leaf, Node, Runs};
pub use pick::{Pick, Tri};
pub use rows::Row;

#[derive(Clone, Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
    /// What is on show, from top to bottom.
    rows: Vec<Row>,
    cursor: usize,
    filter: String,
    /// The plan that it began with, kept word for word until somebody changes something.
    base: Plan,
    touched: bool,
    skip_deleted: bool,
}

/// How much is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub experiments: u64,
    pub runs: u64,
    /// There are runs that have not been looked at.
    pub more: bool,
}

impl Tree {
    pub fn new(experiments: Vec<Experiment>, plan: &Plan) -> Self {
        let chooser = plan.chooser().ok();
        let nodes = experiments
            .into_iter()
            .map(|experiment| {
                let choice = chooser.as_ref().map_or(Choice::No, |chooser| chooser.choose(&experiment));
                // A deleted one that a rule leaves out is picked again when the rule goes.
                let is_left_out = plan.skip_deleted && experiment.lifecycle.is_deleted();
                let pick = if is_left_out && plan.experiments.is_empty() && plan.globs.is_empty() {
                    Pick::All
                } else {
                    Pick::of(choice)
                };
                Node::new(experiment, pick)
            })
            .collect();
        let mut tree = Self {
            nodes,
            rows: Vec::new(),
            cursor: 0,
            filter: String::new(),
            base: plan.clone(),
            touched: false,
            skip_deleted: plan.skip_deleted,
        };
        tree.show();
        tree
    }

    /// The runs of an experiment have come, or have not.
    pub fn loaded(&mut self, of: &ExperimentId, runs: Result<(Vec<Run>, bool), String>) {
        let Some(node) = self.nodes.iter_mut().find(|node| &node.experiment.id == of) else {
            return;
        };
        node.runs = match runs {
            Ok((runs, more)) => Runs::Known { runs: runs.into_iter().map(Leaf::from).collect(), more },
            Err(reason) => Runs::Failed(reason),
        };
        node.settle();
        self.show();
    }

    /// What is picked, as a plan; none when that is nothing.
    pub fn plan(&self) -> Option<Plan> {
        let base = Plan { skip_deleted: self.skip_deleted, ..self.base.clone() };
        if self.nodes.is_empty() {
            return Some(base);
        }
        if self.nodes.iter().all(|node| self.tri(node) == Tri::None || self.is_out(node)) {
            return None;
        }
        if !self.touched {
            return Some(base);
        }
        let everything = self.nodes.iter().all(|node| node.pick == Pick::All || self.is_out(node));
        let experiments = match everything {
            true => Vec::new(),
            false => self.nodes.iter().filter_map(Node::planned).collect(),
        };
        Some(Plan { globs: Vec::new(), experiments, ..base })
    }

    pub fn counted(&self) -> Counted {
        let mut counted = Counted::default();
        for node in self.nodes.iter().filter(|node| !self.is_out(node)) {
            let (runs, more) = match (&node.runs, &node.pick) {
                (_, Pick::None) => continue,
                (Runs::Known { runs, more }, pick) => {
                    let taken = runs.iter().filter(|leaf| pick.takes(&leaf.id) && !self.is_leaf_out(leaf));
                    (taken.count(), *more && !matches!(pick, Pick::Only(_)))
                }
                (_, Pick::Only(only)) => (only.len(), false),
                _ => (0, true),
            };
            counted.experiments += 1;
            counted.runs += runs as u64;
            counted.more |= more;
        }
        counted
    }

    pub fn tri(&self, node: &Node) -> Tri {
        match self.is_out(node) {
            true => Tri::Out,
            false => node.pick.tri(),
        }
    }

    pub fn leaf_tri(&self, node: &Node, leaf: &Leaf) -> Tri {
        match (self.is_out(node) || self.is_leaf_out(leaf), node.pick.takes(&leaf.id)) {
            (true, _) => Tri::Out,
            (_, true) => Tri::All,
            (_, false) => Tri::None,
        }
    }

    /// Runs are on their way.
    pub fn is_fetching(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.runs, Runs::Loading))
    }

    pub fn skips_deleted(&self) -> bool {
        self.skip_deleted
    }

    fn is_out(&self, node: &Node) -> bool {
        self.skip_deleted && node.experiment.lifecycle.is_deleted()
    }

    fn is_leaf_out(&self, leaf: &Leaf) -> bool {
        self.skip_deleted && leaf.deleted
    }
}
