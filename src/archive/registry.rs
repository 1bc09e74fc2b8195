//! `model.json`: a registered model or prompt with all its versions, as mlflow-export-import writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::entities::{ModelVersion, RegisteredModel, integer};

#[derive(Serialize, Deserialize)]
pub struct ModelFile {
    pub registered_model: ModelDocument,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelDocument {
    name: String,
    #[serde(deserialize_with = "or_default")]
    description: String,
    #[serde(deserialize_with = "tag_list")]
    tags: Vec<Tag>,
    aliases: Vec<Alias>,
    #[serde(with = "integer::optional")]
    creation_timestamp: Option<i64>,
    #[serde(with = "integer::optional")]
    last_updated_timestamp: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_number: Option<u64>,
    versions: Vec<VersionDocument>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Serialize, Deserialize)]
struct Alias {
    alias: String,
    #[serde(deserialize_with = "number")]
    version: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct VersionDocument {
    name: String,
    #[serde(deserialize_with = "number")]
    version: String,
    #[serde(deserialize_with = "or_default")]
    description: String,
    #[serde(deserialize_with = "or_default")]
    source: String,
    #[serde(deserialize_with = "or_default")]
    run_id: String,
    #[serde(deserialize_with = "or_default")]
    run_link: String,
    #[serde(deserialize_with = "or_default")]
    current_stage: String,
    #[serde(deserialize_with = "or_default")]
    status: String,
    #[serde(deserialize_with = "or_default")]
    status_message: String,
    #[serde(deserialize_with = "or_default")]
    user_id: String,
    #[serde(deserialize_with = "crate::entities::tags")]
    tags: BTreeMap<String, String>,
    aliases: Vec<String>,
    #[serde(with = "integer::optional")]
    creation_timestamp: Option<i64>,
    #[serde(with = "integer::optional")]
    last_updated_timestamp: Option<i64>,
}

fn tag_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    Ok(list(crate::entities::tags(deserializer)?))
}

fn list(map: BTreeMap<String, String>) -> Vec<Tag> {
    map.into_iter().map(|(key, value)| Tag { key, value }).collect()
}

fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Version numbers are strings in MLflow's JSON. Numbers are accepted too.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(integer::deserialize(deserializer)?.to_string())
}

impl ModelFile {
    pub fn new(model: &RegisteredModel, versions: &[ModelVersion]) -> Self {
        let aliases = model.aliases.iter();
        let registered_model = ModelDocument {
            name: model.name.clone(),
            description: model.description.clone(),
            tags: list(model.tags.clone()),
            aliases: aliases
                .map(|(alias, n)| Alias { alias: alias.clone(), version: n.to_string() })
                .collect(),
            creation_timestamp: model.creation_time,
            last_updated_timestamp: model.last_update_time,
            user_id: model.user_id.clone(),
            last_number: model.last_number,
            versions: versions.iter().map(|version| VersionDocument::new(model, version)).collect(),
        };
        Self { registered_model }
    }

    /// The model, and its versions in ascending order.
    pub fn read(self) -> (RegisteredModel, Vec<ModelVersion>) {
        let ModelDocument { name, description, tags, aliases, user_id, last_number, versions, .. } =
            self.registered_model;
        let number = |text: &str| text.parse().unwrap_or(0);
        let model = RegisteredModel {
            name,
            description,
            tags: tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
            aliases: aliases.into_iter().map(|one| (one.alias, number(&one.version))).collect(),
            creation_time: self.registered_model.creation_timestamp,
            last_update_time: self.registered_model.last_updated_timestamp,
            user_id,
            last_number,
        };
        let mut versions: Vec<ModelVersion> =
            versions.into_iter().map(|version| version.read(&model.name)).collect();
        versions.sort_by_key(|version| version.version);
        (model, versions)
    }
}

impl VersionDocument {
    fn new(model: &RegisteredModel, version: &ModelVersion) -> Self {
        let aliases = model.aliases.iter().filter(|(_, number)| **number == version.version);
        Self {
            name: version.name.clone(),
            version: version.version.to_string(),
            description: version.description.clone(),
            source: version.source.clone(),
            run_id: version.run_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            run_link: version.run_link.clone(),
            current_stage: version.stage.clone(),
            status: version.status.clone(),
            status_message: version.status_message.clone(),
            user_id: version.user_id.clone(),
            tags: version.tags.clone(),
            aliases: aliases.map(|(alias, _)| alias.clone()).collect(),
            creation_timestamp: version.creation_time,
            last_updated_timestamp: version.last_update_time,
        }
    }

    fn read(self, name: &str) -> ModelVersion {
        ModelVersion {
            name: name.to_owned(),
            version: self.version.parse().unwrap_or(0),
            description: self.description,
            source: self.source,
            run_id: Some(self.run_id).filter(|id| !id.is_empty()).map(Into::into),
            run_link: self.run_link,
            stage: self.current_stage,
            status: self.status,
            status_message: self.status_message,
            tags: self.tags,
            creation_time: self.creation_timestamp,
            last_update_time: self.last_updated_timestamp,
            user_id: self.user_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_survives_its_file() {
        let model = RegisteredModel {
            name: "a b".into(),
            tags: [("k".into(), "v".into())].into(),
            aliases: [("champion".into(), 12)].into(),
            creation_time: Some(1),
            last_number: Some(13),
            ..RegisteredModel::default()
        };
        let version = |n| ModelVersion {
            name: "a b".into(),
            version: n,
            stage: "None".into(),
            ..ModelVersion::default()
        };
        let text = serde_json::to_string(&ModelFile::new(&model, &[version(12), version(2)])).unwrap();
        let (again, versions) = serde_json::from_str::<ModelFile>(&text).unwrap().read();
        assert_eq!(again, model);
        assert_eq!(versions, [version(2), version(12)], "by number, not by letters");
    }

    #[test]
    fn dictionaries_lists_and_nulls_are_read() {
        let text = r#"{"registered_model":{"name":"m","description":null,"tags":{"a":"b"},
            "versions":[{"version":10,"tags":[{"key":"x"}],"run_id":null}]}}"#;
        let (model, versions) = serde_json::from_str::<ModelFile>(text).unwrap().read();
        assert_eq!(model.tags["a"], "b");
        assert_eq!(
            (versions[0].version, versions[0].tags["x"].as_str(), &versions[0].run_id),
            (10, "", &None)
        );
    }
}
