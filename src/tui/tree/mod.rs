//! The tree of what may be moved: experiments with their runs and traces, registered models and prompts with their
//! versions, evaluation datasets. What a thing holds is known once somebody looks. No drawing here.

mod count;
mod leaf;
mod node;
mod pick;
mod plan;
mod rows;
mod section;
mod toggle;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::engine::browse::{Contents, Holdings};
use crate::entities::{Choice, Chooser, ExperimentId, Kind, ModelVersion, Pick, Plan, PlannedTraces};

pub use count::Counted;
pub use leaf::{Leaf, Leaves, What};
pub use node::{Item, Node};
pub use pick::{Part, Tri};
pub use rows::Row;
pub use section::Section;

#[derive(Clone, Debug)]
pub struct Tree {
    /// Section by section.
    pub nodes: Vec<Node>,
    /// The kinds of which there are any.
    pub sections: Vec<Section>,
    /// Where each experiment is among the nodes.
    places: HashMap<ExperimentId, usize>,
    /// What goes along without being picked, by id or name, and the version that needs it.
    needed: BTreeMap<String, String>,
    /// What is on show, from top to bottom.
    rows: Vec<Row>,
    cursor: usize,
    filter: String,
    /// The plan that it began with, kept word for word until somebody changes something.
    base: Plan,
    touched: bool,
    skip_deleted: bool,
    skip_traces: bool,
}

impl Tree {
    pub fn new(holdings: Holdings, plan: &Plan) -> Self {
        // What a rule leaves out is picked again when the rule goes.
        let with_deleted = Plan { skip_deleted: false, ..plan.clone() };
        let chooser = with_deleted.chooser().ok();
        let node = |item: Item| match &chooser {
            None => Node::new(item, Pick::None),
            Some(chooser) => chosen(chooser, item),
        };
        let (prompts, models): (Vec<_>, Vec<_>) =
            holdings.models.into_iter().partition(|model| model.is_prompt());
        let items = holdings.experiments.into_iter().map(Item::Experiment);
        let items = items.chain(models.into_iter().chain(prompts).map(Item::Model));
        let items = items.chain(holdings.datasets.into_iter().map(Item::Dataset));
        let nodes: Vec<Node> = items.map(node).collect();
        let experiments = nodes.iter().enumerate();
        let places = experiments.filter_map(|(at, node)| Some((node.item.experiment()?.id.clone(), at)));
        let mut tree = Self {
            places: places.collect(),
            sections: section::sections(&nodes),
            nodes,
            needed: BTreeMap::new(),
            rows: Vec::new(),
            cursor: 0,
            filter: String::new(),
            base: plan.clone(),
            touched: false,
            skip_deleted: plan.skip_deleted,
            skip_traces: plan.skip_traces,
        };
        tree.show();
        tree
    }

    /// What an experiment holds has come, or has not.
    pub fn contents_came(&mut self, of: &ExperimentId, contents: Result<Contents, String>) {
        let Some(node) = self.places.get(of).and_then(|at| self.nodes.get_mut(*at)) else {
            return;
        };
        node.leaves = match contents {
            Ok(Contents { runs, more, traces }) => {
                let traces = Some(Leaf::traces(traces.clone())).filter(|_| traces.is_some());
                Leaves::Known {
                    leaves: traces.into_iter().chain(runs.into_iter().map(Leaf::from)).collect(),
                    more,
                }
            }
            Err(reason) => Leaves::Failed(reason),
        };
        node.settle();
        self.show();
    }

    /// The versions of a registered model or prompt have come, or have not.
    pub fn versions_came(&mut self, of: &str, versions: Result<Vec<ModelVersion>, String>) {
        let mut models = self.nodes.iter_mut().filter_map(|node| match &node.item {
            Item::Model(model) if model.name == of => Some((model.clone(), node)),
            _ => None,
        });
        let Some((model, node)) = models.next() else {
            return;
        };
        node.leaves = match versions {
            Ok(versions) => {
                let versions = versions.iter().map(|version| Leaf::version(&model, version));
                Leaves::Known { leaves: versions.collect(), more: false }
            }
            Err(reason) => Leaves::Failed(reason),
        };
        node.settle();
        self.show();
    }

    pub fn set_needed(&mut self, needed: impl IntoIterator<Item = (String, String)>) {
        self.needed = needed.into_iter().collect();
    }

    /// The version that takes this along, `name/number`, when it is not picked itself.
    pub fn needed_by(&self, id_or_name: &str) -> Option<&str> {
        self.needed.get(id_or_name).map(String::as_str)
    }

    /// The experiment that takes this dataset along, if it is let: one that is picked whole.
    pub fn goes_with(&self, node: &Node) -> Option<&str> {
        let Item::Dataset(dataset) = &node.item else { return None };
        let owners = dataset.experiment_ids.iter().filter_map(|id| self.nodes.get(*self.places.get(id)?));
        let whole = |owner: &&Node| !self.is_out(owner) && matches!(owner.pick, Pick::All | Pick::Except(_));
        owners.into_iter().find(whole).map(|owner| owner.item.name())
    }

    /// A dataset that is not picked by itself and goes along all the same.
    pub fn goes_along(&self, node: &Node) -> bool {
        node.pick == Pick::None && !node.left && self.goes_with(node).is_some()
    }

    pub fn tri(&self, node: &Node) -> Tri {
        match self.is_out(node) {
            true => Tri::Out,
            false if self.goes_along(node) => Tri::All,
            false => match (Tri::of(&node.pick), node.traces) {
                (_, PlannedTraces::OfRuns) => Tri::of(&node.pick),
                // What is left behind altogether is picked by nothing.
                (tri, _) if self.skip_traces => tri,
                (Tri::All, PlannedTraces::None) | (Tri::None, PlannedTraces::All) => Tri::Some,
                (tri, _) => tri,
            },
        }
    }

    pub fn leaf_tri(&self, node: &Node, leaf: &Leaf) -> Tri {
        match (self.is_out(node) || self.is_leaf_out(leaf), node.takes(leaf)) {
            (true, _) => Tri::Out,
            (false, _) if leaf.is_traces() => node.traces_tri(),
            (false, true) => Tri::All,
            (false, false) => Tri::None,
        }
    }

    /// Something is on its way.
    pub fn is_fetching(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.leaves, Leaves::Loading))
    }

    pub fn skips_deleted(&self) -> bool {
        self.skip_deleted
    }

    pub fn skips_traces(&self) -> bool {
        self.skip_traces
    }

    fn is_out(&self, node: &Node) -> bool {
        self.skip_deleted && node.item.is_deleted()
    }

    fn is_leaf_out(&self, leaf: &Leaf) -> bool {
        (self.skip_deleted && leaf.is_deleted()) || (self.skip_traces && leaf.is_traces())
    }

    fn of_kind(&self, kind: Kind) -> &[Node] {
        let section = self.sections.iter().find(|section| section.kind == kind);
        section.map_or(&[], |section| &self.nodes[section.nodes.clone()])
    }
}

/// As a plan chooses it.
fn chosen(chooser: &Chooser<'_>, item: Item) -> Node {
    let (pick, traces, left) = match &item {
        Item::Experiment(one) => match chooser.choose(one) {
            Choice::No => (Pick::None, PlannedTraces::OfRuns, false),
            Choice::Yes { only, except, traces, .. } => {
                (pick::of(Pick::of(only, except), Part::Run), traces, false)
            }
        },
        Item::Model(one) => (pick::of(chooser.versions(one), Part::Version), PlannedTraces::OfRuns, false),
        Item::Dataset(one) => {
            (Pick::whole(chooser.takes_dataset(one)), PlannedTraces::OfRuns, chooser.leaves_dataset(one))
        }
    };
    Node { traces, left, ..Node::new(item, pick) }
}
