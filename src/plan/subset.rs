use std::collections::BTreeSet;

/// All objects of a kind, some of them, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subset<Id> {
    All,
    None,
    Only(BTreeSet<Id>),
    Except(BTreeSet<Id>),
}

impl<Id: Clone + Ord> Subset<Id> {
    /// The ids in `only`, except those in `except`. If `only` is `None`, all ids except those in `except`.
    pub fn of(only: Option<BTreeSet<Id>>, except: BTreeSet<Id>) -> Self {
        match only {
            Some(only) => Self::Only(only.difference(&except).cloned().collect()),
            None if except.is_empty() => Self::All,
            None => Self::Except(except),
        }
    }

    /// The subset for an object that is taken as a whole or not at all.
    pub fn whole(taken: bool) -> Self {
        if taken { Self::All } else { Self::None }
    }

    pub fn takes(&self, id: &Id) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Only(only) => only.contains(id),
            Self::Except(except) => !except.contains(id),
        }
    }

    pub fn set(&mut self, id: &Id, taken: bool) {
        if self.takes(id) == taken {
            return;
        }
        match self {
            Self::All => *self = Self::Except([id.clone()].into()),
            Self::None => *self = Self::Only([id.clone()].into()),
            Self::Only(only) if taken => drop(only.insert(id.clone())),
            Self::Only(only) => drop(only.remove(id)),
            Self::Except(except) if taken => drop(except.remove(id)),
            Self::Except(except) => drop(except.insert(id.clone())),
        }
    }

    pub fn invert(&mut self) {
        *self = match std::mem::replace(self, Self::None) {
            Self::All => Self::None,
            Self::None => Self::All,
            Self::Only(ids) => Self::Except(ids),
            Self::Except(ids) => Self::Only(ids),
        };
    }

    /// Reduces the subset to its simplest form. `every` holds all existing ids, if they are known.
    pub fn normalize(&mut self, every: Option<&[Id]>) {
        if let Some(every) = every.filter(|every| !every.is_empty()) {
            if every.iter().all(|id| self.takes(id)) {
                *self = Self::All;
            } else if !every.iter().any(|id| self.takes(id)) {
                *self = Self::None;
            }
        }
        match self {
            Self::Only(ids) if ids.is_empty() => *self = Self::None,
            Self::Except(ids) if ids.is_empty() => *self = Self::All,
            _ => {}
        }
    }

    /// Removes an id from the list, because another rule covers it.
    pub fn forget(&mut self, id: &Id) {
        if let Self::Only(ids) | Self::Except(ids) = self {
            ids.remove(id);
        }
        self.normalize(None);
    }
}
