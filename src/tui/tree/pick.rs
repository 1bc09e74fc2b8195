//! What of one experiment is picked, whether its runs have been seen or not.

use std::collections::BTreeSet;

use crate::entities::{Choice, PlannedExperiment, RunId};

/// The state of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tri {
    All,
    Some,
    None,
    /// Left out by a rule: cannot be picked.
    Out,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    All,
    None,
    Only(BTreeSet<RunId>),
    Except(BTreeSet<RunId>),
}

impl Pick {
    pub fn of(choice: Choice) -> Self {
        match choice {
            Choice::No => Self::None,
            Choice::Yes { only: Some(only), except, .. } => {
                Self::Only(only.difference(&except).cloned().collect())
            }
            Choice::Yes { only: None, except, .. } if except.is_empty() => Self::All,
            Choice::Yes { only: None, except, .. } => Self::Except(except),
        }
    }

    /// Of what is picked as a whole or not at all.
    pub fn whole(taken: bool) -> Self {
        if taken { Self::All } else { Self::None }
    }

    pub fn takes(&self, run: &RunId) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Only(only) => only.contains(run),
            Self::Except(except) => !except.contains(run),
        }
    }

    pub fn set(&mut self, run: &RunId, taken: bool) {
        if self.takes(run) == taken {
            return;
        }
        match self {
            Self::All => *self = Self::Except([run.clone()].into()),
            Self::None => *self = Self::Only([run.clone()].into()),
            Self::Only(only) if taken => drop(only.insert(run.clone())),
            Self::Only(only) => drop(only.remove(run)),
            Self::Except(except) if taken => drop(except.remove(run)),
            Self::Except(except) => drop(except.insert(run.clone())),
        }
    }

    pub fn invert(&mut self) {
        *self = match std::mem::replace(self, Self::None) {
            Self::All => Self::None,
            Self::None => Self::All,
            Self::Only(runs) => Self::Except(runs),
            Self::Except(runs) => Self::Only(runs),
        };
    }

    /// Says it in the simplest way. `every` are all the runs there are, when they are known.
    pub fn settle(&mut self, every: Option<&[&RunId]>) {
        if let Some(every) = every.filter(|every| !every.is_empty()) {
            if every.iter().all(|run| self.takes(run)) {
                *self = Self::All;
            } else if !every.iter().any(|run| self.takes(run)) {
                *self = Self::None;
            }
        }
        match self {
            Self::Only(runs) if runs.is_empty() => *self = Self::None,
            Self::Except(runs) if runs.is_empty() => *self = Self::All,
            _ => {}
        }
    }

    pub fn tri(&self) -> Tri {
        match self {
            Self::All => Tri::All,
            Self::None => Tri::None,
            Self::Only(_) | Self::Except(_) => Tri::Some,
        }
    }

    /// The shortest words of a plan; none when nothing is taken.
    pub fn planned(&self, name: &str, every: Option<&[&RunId]>) -> Option<PlannedExperiment> {
        let whole = PlannedExperiment { name: name.to_owned(), ..PlannedExperiment::default() };
        let only = |runs: BTreeSet<RunId>| PlannedExperiment { runs: Some(runs), ..whole.clone() };
        let except = |runs: BTreeSet<RunId>| PlannedExperiment { except: runs, ..whole.clone() };
        match (self, every) {
            (Self::None, _) => None,
            (Self::All, _) => Some(whole),
            (_, Some(every)) => {
                let (taken, left): (Vec<&RunId>, Vec<&RunId>) =
                    every.iter().copied().partition(|run| self.takes(run));
                Some(if taken.len() <= left.len() {
                    only(taken.into_iter().cloned().collect())
                } else {
                    except(left.into_iter().cloned().collect())
                })
            }
            (Self::Only(runs), None) => Some(only(runs.clone())),
            (Self::Except(runs), None) => Some(except(runs.clone())),
        }
    }
}
