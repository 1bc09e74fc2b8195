use super::glob_rule::Rule;
use super::{Checked, Node, SourceTree};
use crate::entities::Kind;
use crate::plan::{Plan, PlannedModel};

/// Matches every name, including names that are added before the plan runs.
const ALL: &str = "*";

impl SourceTree {
    /// The user has changed the selection.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// The selection as a plan. `None` if nothing is selected.
    pub fn plan(&self) -> Option<Plan> {
        let base =
            Plan { skip_deleted: self.skip_deleted, skip_traces: self.skip_traces, ..self.base.clone() };
        if !self.has_picks() {
            return None;
        }
        if !self.touched || self.nodes.is_empty() {
            return Some(base);
        }
        let left = self.of_kind(Kind::EvaluationDataset).filter(|node| self.is_left(node));
        let except_datasets = left.map(|node| Plan::literal(node.item.name())).collect();
        let nothing = Plan {
            globs: Vec::new(),
            experiments: Vec::new(),
            except_experiments: Vec::new(),
            models: Vec::new(),
            model_versions: Vec::new(),
            prompts: Vec::new(),
            prompt_versions: Vec::new(),
            datasets: Vec::new(),
            except_datasets,
            ..base
        };
        // A plan without a selection includes everything.
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
            false => self.name_experiments(&mut plan),
        }
        Some(plan)
    }

    /// Uses the shortest equivalent form: names, all except some names, or the matches of a filter except some names.
    fn name_experiments(&self, plan: &mut Plan) {
        let rule = self.rule();
        let is_covered = |node: &Node| rule.as_ref().is_some_and(|rule| rule.covers(node));
        for node in self.of_kind(Kind::Experiment) {
            match (self.is_none(node), is_covered(node)) {
                (true, true) => plan.except_experiments.push(Plan::literal(node.item.name())),
                (true, false) => {}
                (false, true) if node.is_whole() && node.traces.is_of_runs() => {}
                (false, _) => plan.experiments.extend(node.planned_experiment()),
            }
        }
        plan.globs = rule.map_or_else(Vec::new, Rule::into_globs);
    }

    fn is_whole(&self, node: &Node) -> bool {
        node.is_whole() || self.is_out(node) || self.is_included(node)
    }

    /// Nothing of the node is selected. Items that a rule excludes stay in the plan for the case that the user removes
    /// the rule.
    pub(super) fn is_none(&self, node: &Node) -> bool {
        let traces = node.traces_tri();
        match self.is_out(node) {
            true => node.picked() == Checked::None && traces == Checked::None,
            false => self.checked(node) == Checked::None,
        }
    }

    /// An excluded dataset that would be included with its experiment.
    fn is_left(&self, node: &Node) -> bool {
        node.left && self.including_experiment(node).is_some()
    }

    fn is_all_of(&self, kind: Kind) -> bool {
        self.of_kind(kind).all(|node| self.is_whole(node))
            && self.of_kind(kind).any(|node| !self.is_out(node))
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        if self.is_all_of(kind) {
            return vec![ALL.to_owned()];
        }
        let picked = self.of_kind(kind).filter(|node| node.picked() == Checked::All);
        picked.map(|node| Plan::literal(node.item.name())).collect()
    }

    fn in_part(&self, kind: Kind) -> Vec<PlannedModel> {
        self.of_kind(kind).filter_map(Node::planned_model).collect()
    }
}
