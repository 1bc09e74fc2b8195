//! Sets the selection from another plan.

use super::{SourceTree, chosen};
use crate::entities::Experiment;
use crate::plan::Plan;

impl SourceTree {
    /// Replaces the current selection. Returns the experiments that the plan names and that the source does not have.
    pub fn apply_plan(&mut self, plan: &Plan) -> Vec<String> {
        let with_deleted = Plan { skip_deleted: false, ..plan.clone() };
        let Ok(matcher) = with_deleted.matcher() else {
            return Vec::new();
        };
        for node in &mut self.nodes {
            let fresh = chosen(&matcher, node.item.clone());
            (node.unseen, node.traces, node.left) = (fresh.unseen, fresh.traces, fresh.left);
            node.pick_again();
        }
        (self.base, self.touched) = (plan.clone(), false);
        (self.skip_deleted, self.skip_traces) = (plan.skip_deleted, plan.skip_traces);
        self.sweeps.clear();
        self.needed.clear();
        self.end_range();
        self.recount();
        let here: Vec<Experiment> =
            self.nodes.iter().filter_map(|node| node.item.experiment()).cloned().collect();
        // An experiment that has not arrived yet may still match the name.
        if self.more { Vec::new() } else { matcher.unmatched(&here) }
    }
}
