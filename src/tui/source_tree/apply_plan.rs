//! Picking as another plan says.

use super::{SourceTree, chosen};
use crate::entities::Experiment;
use crate::plan::Plan;

impl SourceTree {
    /// Forgets what was picked. Gives the experiments that the plan names and that are not here.
    pub fn adopt(&mut self, plan: &Plan) -> Vec<String> {
        let with_deleted = Plan { skip_deleted: false, ..plan.clone() };
        let Ok(chooser) = with_deleted.chooser() else {
            return Vec::new();
        };
        for node in &mut self.nodes {
            let fresh = chosen(&chooser, node.item.clone());
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
        // What has not come yet may still answer to its name.
        if self.more { Vec::new() } else { chooser.unmatched(&here) }
    }
}
