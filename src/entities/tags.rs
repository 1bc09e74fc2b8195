//! Tags in files. Servers return lists of pairs, and exports of mlflow-export-import contain dictionaries. Both forms
//! may occur.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    Pairs(Vec<Tag>),
    Map(BTreeMap<String, String>),
}

/// Reads both forms. Null means no tags.
pub fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(match Option::deserialize(deserializer)? {
        Some(Tags::Pairs(pairs)) => pairs.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        Some(Tags::Map(map)) => map,
        None => BTreeMap::new(),
    })
}
