//! What of one thing is picked, whether what it holds has been seen or not.

use crate::entities::{Pick, RunId};

/// The state of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tri {
    All,
    Some,
    None,
    /// Left out by a rule: cannot be picked.
    Out,
}

impl Tri {
    pub(super) fn of(pick: &Pick<Part>) -> Self {
        match pick {
            Pick::All => Self::All,
            Pick::None => Self::None,
            Pick::Only(_) | Pick::Except(_) => Self::Some,
        }
    }
}

/// What is picked one by one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Run(RunId),
    /// Of a registered model or prompt, by its number.
    Version(u64),
}

impl Part {
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

/// A pick of runs or of versions.
pub(super) fn of<Id: Clone + Ord>(pick: Pick<Id>, part: fn(Id) -> Part) -> Pick<Part> {
    match pick {
        Pick::All => Pick::All,
        Pick::None => Pick::None,
        Pick::Only(ids) => Pick::Only(ids.into_iter().map(part).collect()),
        Pick::Except(ids) => Pick::Except(ids.into_iter().map(part).collect()),
    }
}
