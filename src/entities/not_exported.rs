use serde::{Deserialize, Serialize};

use super::{ExperimentId, Kind, Unreadable};

/// An item that a job could not move, or not completely. A directory keeps a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotExported {
    pub kind: Kind,
    pub id: String,
    /// The experiment that the item belongs to. `None` for an experiment, and for items outside of experiments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<ExperimentId>,
    pub reason: String,
}

impl NotExported {
    pub fn explain(&self) -> String {
        format!("the export could not read it, or not all of it: {}", self.reason)
    }
}

impl From<&NotExported> for Unreadable {
    fn from(item: &NotExported) -> Self {
        Self { kind: item.kind, id: item.id.clone(), reason: item.explain() }
    }
}
