use super::{Checked, Leaf, Node, SourceTree};
use crate::entities::Kind;
use crate::plan::Subset;

/// The size of the selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub experiments: u64,
    pub runs: u64,
    /// Some runs have not been fetched yet.
    pub more: bool,
    /// Number of runs that are excluded one by one in the selected experiments.
    pub left: u64,
    /// Number of params in the fetched runs.
    pub params: u64,
    /// Number of metrics in the fetched runs. Each metric has one point or more.
    pub metrics: u64,
    pub models: u64,
    pub prompts: u64,
    /// Datasets that are included with an experiment also count.
    pub datasets: u64,
}

impl Counted {
    pub fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Experiment => self.experiments,
            Kind::RegisteredModel => self.models,
            Kind::Prompt => self.prompts,
            Kind::EvaluationDataset => self.datasets,
            _ => 0,
        }
    }

    pub fn is_nothing(&self) -> bool {
        self.experiments + self.models + self.prompts + self.datasets == 0
    }
}

impl SourceTree {
    /// The counts after the last change.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// Runs after every change, so that drawing a frame does not visit all nodes.
    pub(super) fn recount(&mut self) {
        let tris: Vec<Checked> = self.sections.iter().map(|section| self.section_tri(section)).collect();
        self.sections.iter_mut().zip(tris).for_each(|(section, checked)| section.checked = checked);
        let is_taken = |checked| matches!(checked, Checked::All | Checked::Some);
        let taken = |kind| self.of_kind(kind).filter(|node| is_taken(self.checked(node))).count() as u64;
        let mut counted = Counted {
            models: taken(Kind::RegisteredModel),
            prompts: taken(Kind::Prompt),
            datasets: taken(Kind::EvaluationDataset),
            ..Counted::default()
        };
        for node in self.of_kind(Kind::Experiment).filter(|node| is_taken(self.checked(node))) {
            let (runs, more) = self.runs_of(node);
            let is_taken = |leaf: &&Leaf| leaf.taken && !self.is_leaf_out(leaf);
            for leaf in node.parts().filter(is_taken) {
                counted.params += u64::from(leaf.params);
                counted.metrics += u64::from(leaf.metrics);
            }
            counted.experiments += 1;
            counted.runs += runs;
            counted.more |= more;
            counted.left += node.left_out() as u64;
        }
        self.counted = counted;
    }

    /// The number of selected runs as far as it is known, and whether there may be more.
    fn runs_of(&self, node: &Node) -> (u64, bool) {
        let left = match self.skip_deleted {
            true => node.parts().filter(|leaf| leaf.taken && leaf.is_deleted()).count(),
            false => 0,
        };
        let seen = node.taken - left;
        match &node.unseen {
            _ if node.is_complete() => (seen as u64, false),
            Subset::Only(only) => ((seen + only.len()) as u64, false),
            Subset::None => (seen as u64, false),
            Subset::All | Subset::Except(_) => (seen as u64, true),
        }
    }

    /// Every experiment is selected, as a whole or without single runs.
    pub fn takes_every_experiment(&self) -> bool {
        let is_known =
            |node: &Node| node.is_complete() || matches!(node.unseen, Subset::All | Subset::Except(_));
        self.of_kind(Kind::Experiment)
            .all(|node| matches!(self.checked(node), Checked::All | Checked::Some) && is_known(node))
    }

    /// At least one item is selected, so there is a plan.
    pub fn has_picks(&self) -> bool {
        self.nodes.is_empty() || !self.counted.is_nothing()
    }
}
