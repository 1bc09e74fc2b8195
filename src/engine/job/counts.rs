//! The number of items of each kind. In JSON, the counts are an object whose keys are the kinds in the plural.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entities::Kind;

/// The counts of one kind. `done + failed + skipped + pending == planned` is always true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub planned: u64,
    pub done: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Counts {
    pub fn finished(&self) -> u64 {
        self.done + self.failed + self.skipped
    }

    pub fn pending(&self) -> u64 {
        self.planned.saturating_sub(self.finished())
    }
}

type ByKind = [Counts; Kind::ALL.len()];

pub fn serialize<S: Serializer>(all: &ByKind, serializer: S) -> Result<S::Ok, S::Error> {
    let named: BTreeMap<_, _> = Kind::ALL.iter().map(|kind| (kind.plural(), all[kind.index()])).collect();
    named.serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByKind, D::Error> {
    let named = BTreeMap::<String, Counts>::deserialize(deserializer)?;
    Ok(Kind::ALL.map(|kind| named.get(kind.plural()).copied().unwrap_or_default()))
}
