use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ExperimentId, Lifecycle, integer, tag};

/// A named group of runs. Names are unique on a server, deleted experiments included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    #[serde(rename = "experiment_id")]
    pub id: ExperimentId,
    pub name: String,
    #[serde(default)]
    pub artifact_location: String,
    #[serde(rename = "lifecycle_stage", default)]
    pub lifecycle: Lifecycle,
    /// Milliseconds since 1970; absent before MLflow 1.30.
    #[serde(default, with = "integer::optional")]
    pub creation_time: Option<i64>,
    /// Milliseconds since 1970; absent before MLflow 1.30.
    #[serde(default, with = "integer::optional")]
    pub last_update_time: Option<i64>,
    #[serde(default, deserialize_with = "super::tags")]
    pub tags: BTreeMap<String, String>,
}

impl Experiment {
    /// The tag of another experiment that this one was merged into. `None` without a creation time: then the id alone
    /// does not identify it.
    pub fn merged_tag(&self) -> Option<String> {
        let created = self.creation_time?;
        Some(format!("{}{}.{created}", tag::MERGED_EXPERIMENT, self.id))
    }

    /// True if the tag of this copy has the creation time of the source's experiment, or neither of them has one. In
    /// databases, ids of experiments are small numbers that occur on every source, so the id alone is not enough.
    pub fn was_created_as(&self, source: &Self) -> bool {
        let created = source.creation_time.map(|time| time.to_string());
        self.tags.get(tag::SOURCE_CREATION_TIME) == created.as_ref()
    }

    /// True if experiments of several sources were merged into this one.
    pub fn is_merged(&self) -> bool {
        self.tags.keys().any(|key| key.starts_with(tag::MERGED_EXPERIMENT))
    }
}
