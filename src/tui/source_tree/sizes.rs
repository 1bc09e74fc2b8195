//! Sizes of runs as they become known.

use std::collections::HashMap;

use super::{Leaf, Node, Row, Sort, SourceTree};
use crate::engine::browse::{ArtifactSize, DetailKey};
use crate::entities::{Experiment, ExperimentId, RunId};

impl SourceTree {
    /// The object at the cursor, if its details need a request.
    pub fn subject(&self) -> Option<DetailKey> {
        let Some(Row::Leaf(at, leaf)) = self.row() else {
            return None;
        };
        let node = &self.nodes[at];
        let (leaf, model) = (&node.leaves()[leaf], node.item.model());
        match (leaf.run(), leaf.number(), model) {
            (Some(run), ..) => Some(DetailKey::Run(run.clone())),
            (_, Some(number), Some(model)) => Some(DetailKey::Version(Box::new(model.clone()), number)),
            _ => None,
        }
    }

    pub fn is_in_experiment(&self) -> bool {
        let node = self.row().and_then(Row::node).map(|at| &self.nodes[at]);
        node.is_some_and(|node| node.item.experiment().is_some() && !node.leaves().is_empty())
    }

    /// At least one run has been measured.
    pub fn has_sizes(&self) -> bool {
        self.has_sizes
    }

    /// The experiment at the cursor, and its fetched runs that are not measured yet.
    pub fn unmeasured(&self) -> Option<(ExperimentId, Vec<RunId>)> {
        let node = self.row().and_then(Row::node).map(|at| &self.nodes[at])?;
        let runs = node.parts().filter(|leaf| leaf.bytes.is_none()).filter_map(Leaf::run).cloned();
        Some((node.item.experiment()?.id.clone(), runs.collect()))
    }

    /// Stores the measured sizes of these runs.
    pub fn measured(&mut self, of: &ExperimentId, weights: &HashMap<RunId, ArtifactSize>) {
        let Some(node) = self.places.get(of).and_then(|at| self.nodes.get_mut(*at)) else {
            return;
        };
        self.has_sizes |= !weights.is_empty();
        let sort = self.sort;
        let Some(held) = node.held_mut() else { return };
        for leaf in &mut held.leaves {
            if let Some(weight) = leaf.run().and_then(|run| weights.get(run)) {
                leaf.bytes = Some(weight.bytes);
            }
        }
        if sort == Sort::Size {
            held.sort(sort);
            self.arrange_sections();
            self.show();
        }
    }

    /// At most `most` experiments that are not deleted, spread evenly over the list.
    pub fn sample_experiments(&self, most: usize) -> Vec<Experiment> {
        let there = || self.nodes.iter().filter_map(|node: &Node| node.item.experiment());
        let active = || there().filter(|one| !one.lifecycle.is_deleted());
        let step = active().count().div_ceil(most).max(1);
        active().step_by(step).cloned().collect()
    }
}
