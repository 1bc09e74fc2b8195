use crate::engine::validate::{Difference, Mark};
use crate::entities::Kind;

/// A line of the tree, and what is below it.
#[derive(Debug)]
pub struct Node {
    pub what: NodeKind,
    /// Number of the node that holds it.
    pub above: Option<usize>,
    pub below: Vec<usize>,
    /// Of it and of all below it.
    pub counts: Counts,
    /// As somebody has left it; else it is open when there is room for everything.
    pub open: Option<bool>,
}

#[derive(Debug)]
pub enum NodeKind {
    Experiment(String),
    /// Things of no experiment: models, prompts, datasets.
    Kind(Kind),
    /// Number of the difference.
    Item(usize),
    /// Something that is the same itself, and whose files or versions are not; as a difference without fields.
    Whole(Box<Difference>),
    /// Its name within the one above.
    Folder(String),
}

/// Differences by mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u32; Mark::ALL.len()]);

impl Counts {
    pub fn add(&mut self, mark: Mark) {
        self.0[mark as usize] += 1;
    }

    pub fn of(self, mark: Mark) -> u64 {
        u64::from(self.0[mark as usize])
    }

    /// Some that this filter lets through.
    pub fn fit(self, only: Option<Mark>) -> bool {
        only.is_none_or(|mark| self.of(mark) > 0)
    }
}
