//! The tree of items that can be moved: experiments with their runs and traces, registered models and prompts with
//! their versions, and evaluation datasets. It grows page by page, and the contents of an item are fetched when the
//! user opens it. Values that every frame needs are counted after each change, not while drawing. This module does not
//! draw.

mod count;
mod filter;
mod node;
mod order;
mod plan;
mod range;
mod rows;
mod sort;
mod toggle;

mod apply_plan;
mod checked;
mod child;
mod children;
mod glob_rule;
mod group;
mod paging;
mod plan_words;
mod same_names;
mod sizes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::engine::browse::{Contents, Holdings};
use crate::entities::{ExperimentId, ModelVersion};
use crate::plan::{ExperimentSelection, Plan, PlanMatcher, PlannedTraces, Subset};

use self::toggle::Sweep;
pub use checked::{Checked, ChildId};
pub use child::{Leaf, What};
pub use children::{Children, Leaves, RUNS_PER_READ, Rest};
pub use count::Counted;
pub use group::Section;
pub use node::{Item, Node};
pub use paging::MAX_RUNS;
pub use rows::Row;
pub use sort::Sort;

#[derive(Clone, Debug)]
pub struct SourceTree {
    /// In the order of arrival.
    pub nodes: Vec<Node>,
    /// One section for each kind that has nodes.
    pub sections: Vec<Section>,
    /// More nodes are still to arrive.
    more: bool,
    /// The node index of each experiment.
    places: HashMap<ExperimentId, usize>,
    /// The items that are included without being selected, by id or name, and the version that needs them.
    needed: BTreeMap<String, String>,
    /// The visible rows, from top to bottom.
    rows: Vec<Row>,
    cursor: usize,
    /// The start row of a range.
    anchor: Option<usize>,
    filter: String,
    sort: Sort,
    sweeps: Vec<Sweep>,
    counted: Counted,
    /// The initial plan. It is kept unchanged until the user changes the selection.
    base: Plan,
    touched: bool,
    skip_deleted: bool,
    skip_traces: bool,
    has_sizes: bool,
}

impl SourceTree {
    /// Creates a tree from the first page of the source's contents.
    pub fn new(holdings: Holdings, plan: &Plan) -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            sections: Vec::new(),
            more: true,
            places: HashMap::new(),
            needed: BTreeMap::new(),
            rows: Vec::new(),
            cursor: 0,
            anchor: None,
            filter: String::new(),
            sort: Sort::default(),
            sweeps: Vec::new(),
            counted: Counted::default(),
            base: plan.clone(),
            touched: false,
            skip_deleted: plan.skip_deleted,
            skip_traces: plan.skip_traces,
            has_sizes: false,
        };
        tree.extend(holdings);
        tree
    }

    /// Adds the next page.
    pub fn extend(&mut self, holdings: Holdings) {
        // Items that a rule excludes become selected again when the user removes the rule.
        let with_deleted = Plan { skip_deleted: false, ..self.base.clone() };
        let matcher = with_deleted.matcher().ok();
        let node = |item: Item| match &matcher {
            None => Node::new(item, Subset::None),
            Some(matcher) => chosen(matcher, item),
        };
        let first = self.nodes.len();
        let items = holdings.experiments.into_iter().map(Item::Experiment);
        let items = items.chain(holdings.models.into_iter().map(Item::Model));
        let items = items.chain(holdings.datasets.into_iter().map(Item::Dataset));
        self.nodes.extend(items.map(node));
        let experiments = self.nodes.iter().enumerate().skip(first);
        let places = experiments.filter_map(|(at, node)| Some((node.item.experiment()?.id.clone(), at)));
        self.places.extend(places);
        self.more = holdings.more;
        self.catch_up(first);
        self.add_to_groups(first);
        let is_at_top = self.cursor == 0;
        self.show();
        if is_at_top {
            self.cursor = 0;
        }
        self.recount();
    }

    /// Adds a page of the contents of an experiment, or notes that it could not be fetched.
    pub fn on_contents(&mut self, of: &ExperimentId, contents: Result<Contents, String>) {
        let Some(node) = self.places.get(of).and_then(|at| self.nodes.get_mut(*at)) else {
            return;
        };
        match contents {
            Ok(Contents { runs, more, unreadable, traces }) => {
                if traces.is_some() {
                    node.forget(Leaves::Loading);
                }
                let is_shown = |tally: &crate::entities::Count| tally.is_some();
                let traces = traces.filter(is_shown).map(node::traces_leaf);
                node.add(traces.into_iter().chain(runs.into_iter().map(node::run_leaf)), self.sort);
                let count = node.part_count();
                if let Some(held) = node.held_mut() {
                    held.unreadable += unreadable;
                    held.on_page(count, more);
                }
            }
            Err(reason) => match node.held_mut() {
                Some(held) => held.rest = Rest::Failed(reason),
                None => node.leaves = Leaves::Failed(reason),
            },
        }
        node.normalize();
        self.show();
        self.recount();
    }

    /// Adds the versions of a registered model or prompt, or notes that they could not be fetched.
    pub fn on_versions(&mut self, of: &str, versions: Result<Vec<ModelVersion>, String>) {
        let mut models = self.nodes.iter_mut().filter_map(|node| match &node.item {
            Item::Model(model) if model.name == of => Some((model.clone(), node)),
            _ => None,
        });
        let Some((model, node)) = models.next() else {
            return;
        };
        match versions {
            Ok(versions) => {
                node.forget(Leaves::Loading);
                node.add(versions.iter().map(|version| (Leaf::version(&model, version), None)), self.sort);
            }
            Err(reason) => node.leaves = Leaves::Failed(reason),
        }
        self.show();
        self.recount();
    }

    pub fn set_needed(&mut self, needed: impl IntoIterator<Item = (String, String)>) {
        self.needed = needed.into_iter().collect();
    }

    /// The version, as `name/number`, that needs this item although it is not selected itself.
    pub fn needed_by(&self, id_or_name: &str) -> Option<&str> {
        self.needed.get(id_or_name).map(String::as_str)
    }

    /// The experiment that can include this dataset: one that is selected as a whole.
    pub fn including_experiment(&self, node: &Node) -> Option<&str> {
        let Item::Dataset(dataset) = &node.item else { return None };
        let owners = dataset.experiment_ids.iter().filter_map(|id| self.nodes.get(*self.places.get(id)?));
        let whole = |owner: &&Node| !self.is_out(owner) && owner.selects_all_except();
        owners.into_iter().find(whole).map(|owner| owner.item.name())
    }

    /// A dataset that is included although it is not selected itself.
    pub fn is_included(&self, node: &Node) -> bool {
        node.picked() == Checked::None && !node.left && self.including_experiment(node).is_some()
    }

    pub fn checked(&self, node: &Node) -> Checked {
        match self.is_out(node) {
            true => Checked::Out,
            false if self.is_included(node) => Checked::All,
            false => match (node.picked(), node.traces) {
                (picked, PlannedTraces::OfRuns) => picked,
                // If all traces are excluded, the selection of traces has no effect.
                (picked, _) if self.skip_traces => picked,
                (Checked::All, PlannedTraces::None) | (Checked::None, PlannedTraces::All) => Checked::Some,
                (picked, _) => picked,
            },
        }
    }

    pub fn leaf_checked(&self, node: &Node, leaf: &Leaf) -> Checked {
        match (self.is_out(node) || self.is_leaf_out(leaf), node.takes(leaf)) {
            (true, _) => Checked::Out,
            (false, _) if leaf.is_traces() => node.traces_tri(),
            (false, true) => Checked::All,
            (false, false) => Checked::None,
        }
    }

    /// Some of the source's contents have not arrived yet.
    pub fn is_growing(&self) -> bool {
        self.more
    }

    /// A request is running.
    pub fn is_fetching(&self) -> bool {
        let is_coming = |held: &Children| held.rest == Rest::Coming;
        self.more
            || self.nodes.iter().any(|node| match &node.leaves {
                Leaves::Loading => true,
                Leaves::Known(held) => is_coming(held),
                Leaves::Unknown | Leaves::Failed(_) => false,
            })
    }

    pub fn skips_deleted(&self) -> bool {
        self.skip_deleted
    }

    pub fn skips_traces(&self) -> bool {
        self.skip_traces
    }

    /// The plan takes only runs that started within a time range.
    pub fn has_time_range(&self) -> bool {
        self.base.run_start_time.is_some() || self.base.runs_until.is_some()
    }

    fn is_out(&self, node: &Node) -> bool {
        self.skip_deleted && node.item.is_deleted()
    }

    fn is_leaf_out(&self, leaf: &Leaf) -> bool {
        (self.skip_deleted && leaf.is_deleted()) || (self.skip_traces && leaf.is_traces())
    }
}

/// Creates a node with the selection of a plan.
fn chosen(matcher: &PlanMatcher<'_>, item: Item) -> Node {
    let (pick, traces, left) = match &item {
        Item::Experiment(one) => match matcher.choose(one) {
            ExperimentSelection::No => (Subset::None, PlannedTraces::OfRuns, false),
            ExperimentSelection::Yes { only, except, traces, .. } => {
                (checked::of(Subset::of(only, except), ChildId::Run), traces, false)
            }
        },
        Item::Model(one) => {
            (checked::of(matcher.versions(one), ChildId::Version), PlannedTraces::OfRuns, false)
        }
        Item::Dataset(one) => {
            (Subset::whole(matcher.takes_dataset(one)), PlannedTraces::OfRuns, matcher.leaves_dataset(one))
        }
    };
    Node { traces, left, ..Node::new(item, pick) }
}
