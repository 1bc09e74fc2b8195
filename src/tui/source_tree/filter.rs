//! Matches nodes and leaves against the filter.

use super::{Leaf, Node};

/// Minimum length of a filter word that is compared with ids. A shorter word would match by accident.
const ID: usize = 4;

/// The filter words in lower case. All of them must occur.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words(Vec<String>);

/// Filter words that do not occur in the name of a node.
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

    /// A run or a version also matches words in the name of its node.
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

    /// A run also matches the beginning of its id.
    pub(super) fn fit_leaf(&self, leaf: &Leaf) -> bool {
        self.0.iter().all(|word| {
            let is_id = || word.len() >= ID && leaf.run().is_some_and(|id| id.as_str().starts_with(word));
            leaf.folded().contains(word) || is_id()
        })
    }
}
