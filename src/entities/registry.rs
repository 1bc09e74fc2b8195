use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, ModelId, OwnedUri, RunId, tag};

/// A registered model or a prompt. The model registry also holds prompts, marked by a tag (MLflow 2.21 on).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegisteredModel {
    pub name: String,
    pub description: String,
    pub tags: BTreeMap<String, String>,
    /// Alias to version number.
    pub aliases: BTreeMap<String, u64>,
    /// Milliseconds since 1970.
    pub creation_time: Option<i64>,
    /// Milliseconds since 1970.
    pub last_update_time: Option<i64>,
    pub user_id: String,
    /// The last number that was given out, if the versions with the last numbers were deleted. Only a store shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_number: Option<u64>,
}

impl RegisteredModel {
    pub fn is_prompt(&self) -> bool {
        self.tags.get(tag::IS_PROMPT).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn kind(&self) -> Kind {
        if self.is_prompt() { Kind::Prompt } else { Kind::RegisteredModel }
    }

    pub fn version_kind(&self) -> Kind {
        if self.is_prompt() { Kind::PromptVersion } else { Kind::ModelVersion }
    }
}

/// The last of these numbers if its version was deleted. A version comes with its number, and whether it was deleted.
pub fn last_deleted(versions: impl IntoIterator<Item = (u64, bool)>) -> Option<u64> {
    let (number, is_deleted) = versions.into_iter().max()?;
    is_deleted.then_some(number)
}

/// One version of a registered model or prompt. The text of a prompt is in the tags of the version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelVersion {
    pub name: String,
    pub version: u64,
    pub description: String,
    /// Where the model is: `models:/m-…`, `runs:/…`, below an artifact root, or anywhere else.
    pub source: String,
    pub run_id: Option<RunId>,
    pub run_link: String,
    /// `None`, `Staging`, `Production` or `Archived`.
    pub stage: String,
    pub status: String,
    pub status_message: String,
    pub tags: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    pub creation_time: Option<i64>,
    /// Milliseconds since 1970.
    pub last_update_time: Option<i64>,
    pub user_id: String,
}

impl ModelVersion {
    /// The logged model that its source names.
    pub fn logged_model(&self) -> Option<ModelId> {
        OwnedUri::parse(&self.source).filter(OwnedUri::is_of_model).map(|uri| uri.owner.into())
    }

    /// The version that this one is a copy of: its source is `models:/<name>/<number>`.
    pub fn copied_from(&self) -> Option<(&str, u64)> {
        let (name, number) = self.source.strip_prefix("models:/")?.rsplit_once('/')?;
        let number = number.parse().ok()?;
        (!name.contains('/')).then_some((name, number))
    }

    /// True when an import made this version of the target from the version `source`. The model may have been renamed
    /// since.
    pub fn is_made_from(&self, source: &Self) -> bool {
        let number = format!("/{}", source.version);
        self.tags.get(tag::SOURCE_VERSION).is_some_and(|label| label.ends_with(&number))
            && is_same_origin(&self.tags, source.creation_time)
    }

    /// The name that a user recognises.
    pub fn label(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }
}

/// True unless the tags of an object on the target show that it was made from another object than the one that was
/// created at this time. Two sources may have models of the same name: the creation time distinguishes them, if both
/// sides have it.
pub fn is_same_origin(theirs: &BTreeMap<String, String>, creation_time: Option<i64>) -> bool {
    let created = theirs.get(tag::SOURCE_CREATION_TIME);
    created.zip(creation_time).is_none_or(|(known, time)| *known == time.to_string())
}
