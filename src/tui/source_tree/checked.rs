//! The selected part of one item, whether its contents have been fetched or not.

use crate::entities::RunId;
use crate::plan::Subset;

/// The state of a checkbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    All,
    Some,
    None,
    /// Excluded by a rule: cannot be selected.
    Out,
}

impl Checked {
    pub(super) fn of(pick: &Subset<ChildId>) -> Self {
        match pick {
            Subset::All => Self::All,
            Subset::None => Self::None,
            Subset::Only(_) | Subset::Except(_) => Self::Some,
        }
    }
}

/// An object that can be selected one by one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChildId {
    Run(RunId),
    /// A version of a registered model or prompt, by its number.
    Version(u64),
}

impl ChildId {
    pub fn run(self) -> Option<RunId> {
        match self {
            Self::Run(id) => Some(id),
            Self::Version(_) => None,
        }
    }

    pub fn version(self) -> Option<u64> {
        match self {
            Self::Version(number) => Some(number),
            Self::Run(_) => None,
        }
    }
}

/// Converts a selection of runs or versions.
pub(super) fn of<Id: Clone + Ord>(pick: Subset<Id>, part: fn(Id) -> ChildId) -> Subset<ChildId> {
    match pick {
        Subset::All => Subset::All,
        Subset::None => Subset::None,
        Subset::Only(ids) => Subset::Only(ids.into_iter().map(part).collect()),
        Subset::Except(ids) => Subset::Except(ids.into_iter().map(part).collect()),
    }
}
