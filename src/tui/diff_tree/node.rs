use crate::engine::validate::{Difference, Mark};
use crate::entities::Kind;

/// A line of the tree and the nodes below it.
#[derive(Debug)]
pub struct Node {
    pub what: NodeKind,
    /// Index of the parent node.
    pub above: Option<usize>,
    pub below: Vec<usize>,
    /// Counts of this node and of all nodes below it.
    pub counts: Counts,
    /// The state that the user has set. If there is none, the node is open when everything fits on the screen.
    pub open: Option<bool>,
}

#[derive(Debug)]
pub enum NodeKind {
    Experiment(String),
    /// Items that belong to no experiment: models, prompts, datasets.
    Kind(Kind),
    /// Index of the difference.
    Item(usize),
    /// An item that is equal itself but has differing files or versions, as a difference without fields.
    Whole(Box<Difference>),
    /// The folder's name within its parent.
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

    /// True if at least one difference passes this filter.
    pub fn fit(self, only: Option<Mark>) -> bool {
        only.is_none_or(|mark| self.of(mark) > 0)
    }
}
