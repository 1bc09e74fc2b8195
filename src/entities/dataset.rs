use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A dataset that a run read. Within an experiment, name and digest identify it. The first write of the other fields
/// wins (MLflow 3.10, `store/tracking/sqlalchemy_store.py`, `log_inputs`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Message", into = "Message")]
pub struct DatasetInput {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub schema: Option<String>,
    pub profile: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// The dataset in MLflow's own form, in REST messages and in export directories.
#[derive(Serialize, Deserialize)]
struct Message {
    dataset: Dataset,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize, Deserialize)]
struct Dataset {
    name: String,
    digest: String,
    #[serde(default)]
    source_type: String,
    #[serde(default)]
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl From<Message> for DatasetInput {
    fn from(message: Message) -> Self {
        let Dataset { name, digest, source_type, source, schema, profile } = message.dataset;
        let tags = message.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        Self { name, digest, source_type, source, schema, profile, tags }
    }
}

impl From<DatasetInput> for Message {
    fn from(input: DatasetInput) -> Self {
        let DatasetInput { name, digest, source_type, source, schema, profile, tags } = input;
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Self { dataset: Dataset { name, digest, source_type, source, schema, profile }, tags }
    }
}
