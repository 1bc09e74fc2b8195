use super::{Node, Tree, Tri};
use crate::entities::{Kind, Pick, Plan, PlannedModel};

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
        let left = self.of_kind(Kind::EvaluationDataset).iter().filter(|node| self.is_left(node));
        let except_datasets = left.map(|node| Plan::literal(node.item.name())).collect();
        let nothing = Plan {
            globs: Vec::new(),
            experiments: Vec::new(),
            models: Vec::new(),
            model_versions: Vec::new(),
            prompts: Vec::new(),
            prompt_versions: Vec::new(),
            datasets: Vec::new(),
            except_datasets,
            ..base
        };
        // A plan without a choice takes everything.
        if self.nodes.iter().all(|node| self.is_whole(node) || self.is_left(node)) {
            return Some(nothing);
        }
        let mut plan = Plan {
            models: self.names(Kind::RegisteredModel),
            model_versions: self.in_part(Kind::RegisteredModel),
            prompts: self.names(Kind::Prompt),
            prompt_versions: self.in_part(Kind::Prompt),
            datasets: self.names(Kind::EvaluationDataset),
            ..nothing
        };
        match self.is_all_of(Kind::Experiment) {
            true => plan.globs.push(ALL.to_owned()),
            false => {
                let picked = self.of_kind(Kind::Experiment).iter().filter(|node| !self.is_none(node));
                plan.experiments = picked.filter_map(Node::planned_experiment).collect();
            }
        }
        Some(plan)
    }

    fn is_whole(&self, node: &Node) -> bool {
        node.is_whole() || self.is_out(node) || self.goes_along(node)
    }

    /// Nothing of it is picked. What a rule leaves out is kept in the plan for when the rule goes.
    fn is_none(&self, node: &Node) -> bool {
        self.tri(node) == Tri::None
    }

    /// A dataset that would go along with its experiment.
    fn is_left(&self, node: &Node) -> bool {
        node.left && self.goes_with(node).is_some()
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

    fn in_part(&self, kind: Kind) -> Vec<PlannedModel> {
        self.of_kind(kind).iter().filter_map(Node::planned_model).collect()
    }
}
