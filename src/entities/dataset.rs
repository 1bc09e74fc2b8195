use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A dataset that a run read. Within an experiment its identity is name and digest: the first write of the
/// other fields wins (MLflow 3.10, `store/tracking/sqlalchemy_store.py`, `log_inputs`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatasetInput {
    pub name: String,
    pub digest: String,
    #[serde(default)]
    pub source_type: String,
    #[serde(default)]
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}
