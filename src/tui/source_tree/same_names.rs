//! The choice for names that the target has already, as a part of the tree's plan.

use super::SourceTree;
use crate::plan::SameNames;

impl SourceTree {
    pub fn same_names(&self) -> SameNames {
        self.base.same_names()
    }

    /// Does not change which objects are selected.
    pub fn set_same_names(&mut self, choice: SameNames) {
        let SameNames { prefix, merge, append_versions } = choice;
        (self.base.experiments_prefix, self.base.merge, self.base.append_versions) =
            (prefix, merge, append_versions);
    }
}
