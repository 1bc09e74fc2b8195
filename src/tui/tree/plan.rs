use super::{Node, Pick, Tree};
use crate::entities::{Kind, Plan};

/// Fits every name, whatever comes to be there until the plan is carried out.
const ALL: &str = "*";

impl Tree {
    /// What is picked, as a plan; none when that is nothing.
    pub fn plan(&self) -> Option<Plan> {
        let base =
            Plan { skip_deleted: self.skip_deleted, skip_traces: self.skip_traces, ..self.base.clone() };
        if !self.has_picks() {
            return None;
        }
        if !self.touched || self.nodes.is_empty() {
            return Some(base);
        }
        let (mut globs, mut experiments) = (Vec::new(), Vec::new());
        let (mut models, mut prompts, mut datasets) = (Vec::new(), Vec::new(), Vec::new());
        // A plan without a choice takes everything.
        if !self.nodes.iter().all(|node| self.is_whole(node)) {
            match self.is_all_of(Kind::Experiment) {
                true => globs.push(ALL.to_owned()),
                false => {
                    experiments = self.of_kind(Kind::Experiment).iter().filter_map(Node::planned).collect()
                }
            }
            models = self.names(Kind::RegisteredModel);
            prompts = self.names(Kind::Prompt);
            datasets = self.names(Kind::EvaluationDataset);
        }
        Some(Plan { globs, experiments, models, prompts, datasets, ..base })
    }

    fn is_whole(&self, node: &Node) -> bool {
        node.pick == Pick::All || self.is_out(node)
    }

    fn is_all_of(&self, kind: Kind) -> bool {
        let nodes = self.of_kind(kind);
        nodes.iter().all(|node| self.is_whole(node)) && nodes.iter().any(|node| !self.is_out(node))
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        if self.is_all_of(kind) {
            return vec![ALL.to_owned()];
        }
        let picked = self.of_kind(kind).iter().filter(|node| node.pick == Pick::All);
        picked.map(|node| Plan::literal(node.item.name())).collect()
    }
}
