//! What the filter lets through.

use super::{Leaf, Node};

/// Fewer letters would fit ids that nobody means.
const ID: usize = 4;

/// All words must occur, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words(Vec<String>);

/// Words that the name of a node does not have.
pub(super) struct Missing<'a>(Vec<&'a str>);

impl Words {
    pub(super) fn of(filter: &str) -> Self {
        Self(filter.to_lowercase().split_whitespace().map(str::to_owned).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn fit(&self, node: &Node) -> bool {
        self.0.iter().all(|word| node.folded.contains(word))
    }

    /// A run or a version answers to the name above it too.
    pub(super) fn missing_in(&self, node: &Node) -> Missing<'_> {
        Missing(self.0.iter().map(String::as_str).filter(|word| !node.folded.contains(word)).collect())
    }

    pub(super) fn all(&self) -> &[String] {
        &self.0
    }
}

impl Missing<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A run answers to the beginning of its id, too.
    pub(super) fn fit_leaf(&self, leaf: &Leaf) -> bool {
        self.0.iter().all(|word| {
            let is_id = || word.len() >= ID && leaf.run().is_some_and(|id| id.as_str().starts_with(word));
            leaf.folded().contains(word) || is_id()
        })
    }
}
