use super::{Leaves, Tree, Tri};
use crate::entities::{Kind, Pick};

/// How much is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub experiments: u64,
    pub runs: u64,
    /// There are runs that have not been looked at.
    pub more: bool,
    pub models: u64,
    pub prompts: u64,
    /// Those that go along with an experiment too.
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

impl Tree {
    pub fn counted(&self) -> Counted {
        let is_taken = |tri| matches!(tri, Tri::All | Tri::Some);
        let taken = |kind| self.of_kind(kind).iter().filter(|node| is_taken(self.tri(node))).count() as u64;
        let mut counted = Counted {
            models: taken(Kind::RegisteredModel),
            prompts: taken(Kind::Prompt),
            datasets: taken(Kind::EvaluationDataset),
            ..Counted::default()
        };
        for node in self.of_kind(Kind::Experiment).iter().filter(|node| !self.is_out(node)) {
            let (runs, more) = match (&node.leaves, &node.pick) {
                (_, Pick::None) if self.tri(node) == Tri::None => continue,
                (_, Pick::None) => (0, false),
                (Leaves::Known { more, .. }, pick) => {
                    let taken = node.parts().filter(|leaf| node.takes(leaf) && !self.is_leaf_out(leaf));
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

    /// Something is picked: there is a plan.
    pub fn has_picks(&self) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|node| !matches!(self.tri(node), Tri::None | Tri::Out))
    }
}
