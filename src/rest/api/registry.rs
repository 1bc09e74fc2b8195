//! The model registry: read and write calls.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::items::Items;
use super::wire::{Pair, map, pairs};
use crate::entities::{Kind, ModelVersion, RegisteredModel, integer, tag};
use crate::error::{Class, Error, Result};
use crate::io::{Listing, listing, strict};
use crate::rest::{Call, Client};

const MODELS_PER_PAGE: usize = 500;
const VERSIONS_PER_PAGE: usize = 1_000;

#[derive(Deserialize)]
struct ModelPage {
    #[serde(default)]
    registered_models: Items,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct OneModel {
    registered_model: WireModel,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct WireModel {
    name: String,
    description: String,
    tags: Vec<Pair>,
    aliases: Vec<Alias>,
    user_id: String,
    #[serde(with = "integer::optional")]
    creation_timestamp: Option<i64>,
    #[serde(with = "integer::optional")]
    last_updated_timestamp: Option<i64>,
    latest_versions: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Alias {
    alias: String,
    #[serde(with = "integer")]
    version: i64,
}

#[derive(Deserialize)]
struct VersionPage {
    #[serde(default)]
    model_versions: Items,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct OneVersion {
    model_version: WireVersion,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireVersion {
    name: String,
    #[serde(with = "integer")]
    version: i64,
    description: String,
    source: String,
    run_id: String,
    run_link: String,
    current_stage: String,
    status: String,
    status_message: String,
    user_id: String,
    tags: Vec<Pair>,
    #[serde(with = "integer::optional")]
    creation_timestamp: Option<i64>,
    #[serde(with = "integer::optional")]
    last_updated_timestamp: Option<i64>,
}

impl From<WireModel> for RegisteredModel {
    fn from(wire: WireModel) -> Self {
        let alias = |one: Alias| (one.alias, one.version.unsigned_abs());
        Self {
            name: wire.name,
            description: wire.description,
            tags: map(wire.tags),
            aliases: wire.aliases.into_iter().map(alias).collect(),
            creation_time: wire.creation_timestamp,
            last_update_time: wire.last_updated_timestamp,
            user_id: wire.user_id,
            last_number: None,
        }
    }
}

impl From<WireVersion> for ModelVersion {
    fn from(wire: WireVersion) -> Self {
        Self {
            name: wire.name,
            version: wire.version.unsigned_abs(),
            description: wire.description,
            source: wire.source,
            run_id: Some(wire.run_id).filter(|id| !id.is_empty()).map(Into::into),
            run_link: wire.run_link,
            stage: wire.current_stage,
            status: wire.status,
            status_message: wire.status_message,
            tags: map(wire.tags),
            creation_time: wire.creation_timestamp,
            last_update_time: wire.last_updated_timestamp,
            user_id: wire.user_id,
        }
    }
}

/// The fields that `model-versions/create` can set.
pub struct NewVersion<'a> {
    pub name: &'a str,
    pub source: &'a str,
    /// Supported since MLflow 3.0; earlier releases ignore the field.
    pub model_id: Option<&'a str>,
    pub run_id: Option<&'a str>,
    pub run_link: &'a str,
    pub description: &'a str,
    pub tags: &'a BTreeMap<String, String>,
}

impl Client {
    /// Registered models without the prompts, where the server distinguishes them.
    pub fn registered_models(&self) -> Listing<'_, RegisteredModel> {
        self.registered_models_where("", Kind::RegisteredModel)
    }

    /// Registered models that are prompts (MLflow 2.21 on).
    pub fn prompts(&self) -> Listing<'_, RegisteredModel> {
        self.registered_models_where(&is_prompt(), Kind::Prompt)
    }

    fn registered_models_where(&self, filter: &str, kind: Kind) -> Listing<'_, RegisteredModel> {
        let filter = filter.to_owned();
        listing(
            |one: &RegisteredModel| one.name.clone(),
            move |token: Option<String>| {
                let call =
                    search("/api/2.0/mlflow/registered-models/search", &filter, MODELS_PER_PAGE, token);
                async move {
                    let page: ModelPage = self.json(&call).await?;
                    let into = |wire: WireModel| Ok(wire.into());
                    Ok((page.registered_models.read(kind, "/name", into), page.next_page_token))
                }
            },
        )
    }

    /// All versions of a model or prompt, except deleted ones: REST does not show those.
    pub async fn model_versions(&self, name: &str, with_prompts: bool) -> Result<Vec<ModelVersion>> {
        let filter = format!("name={}", quoted(name)?);
        let mut all = self.versions_where(&filter).await?;
        // A single version with the prompt tag hides every version of its model from the plain search (MLflow 2.21 to
        // 3.18).
        if all.is_empty() && with_prompts {
            all = self.versions_where(&format!("{filter} AND {}", is_prompt())).await?;
        }
        if all.is_empty() && self.shows_versions(name).await? {
            return Err(Error::permanent(format!(
                "the server lists no version of {name:?}, but shows its latest versions"
            ))
            .hint("restart the server, or check its database"));
        }
        // The filter ignores case on some databases.
        all.retain(|version| version.name == name);
        all.sort_by_key(|version| version.version);
        Ok(all)
    }

    /// Whether the registered model itself lists a version.
    async fn shows_versions(&self, name: &str) -> Result<bool> {
        let call = Call::get("/api/2.0/mlflow/registered-models/get").query("name", name);
        match self.json::<OneModel>(&call).await {
            Ok(found) => Ok(!found.registered_model.latest_versions.is_empty()),
            Err(e) if e.class() == Class::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The versions of all registered models, without those of prompts.
    pub fn all_model_versions(&self) -> Listing<'_, ModelVersion> {
        self.versions_listing("")
    }

    async fn versions_where(&self, filter: &str) -> Result<Vec<ModelVersion>> {
        strict(self.versions_listing(filter)).try_concat().await
    }

    fn versions_listing<'a>(&'a self, filter: &'a str) -> Listing<'a, ModelVersion> {
        listing(ModelVersion::label, move |token: Option<String>| {
            let call = search("/api/2.0/mlflow/model-versions/search", filter, VERSIONS_PER_PAGE, token);
            async move {
                let page: VersionPage = self.json(&call).await?;
                let into = |wire: WireVersion| Ok(wire.into());
                Ok((page.model_versions.read(Kind::ModelVersion, "/version", into), page.next_page_token))
            }
        })
    }

    pub async fn registered_model(&self, name: &str) -> Result<Option<RegisteredModel>> {
        let call = Call::get("/api/2.0/mlflow/registered-models/get").query("name", name);
        match self.json::<OneModel>(&call).await {
            Ok(found) => Ok(Some(found.registered_model.into())),
            Err(e) if e.class() == Class::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Creates a registered model. The call is not repeated when its outcome is unknown: the caller then looks for the
    /// name.
    pub async fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<()> {
        let body = json!({ "name": name, "description": description, "tags": pairs(tags) });
        self.done(&Call::post("/api/2.0/mlflow/registered-models/create", &body)?.only_unsent()).await
    }

    /// The registered models that have this tag; either prompts or models, because servers list them separately.
    pub async fn registered_models_tagged(
        &self,
        key: &str,
        value: &str,
        prompts: bool,
    ) -> Result<Vec<RegisteredModel>> {
        let tagged = format!("tags.`{key}` = {}", quoted(value)?);
        let (filter, kind) = match prompts {
            true => (format!("{tagged} AND {}", is_prompt()), Kind::Prompt),
            false => (tagged, Kind::RegisteredModel),
        };
        strict(self.registered_models_where(&filter, kind)).try_concat().await
    }

    /// Renames a registered model. If the call is repeated after a lost reply, the old name no longer exists: then the
    /// new name shows the outcome.
    pub async fn rename_registered_model(&self, name: &str, new: &str) -> Result<()> {
        let body = json!({ "name": name, "new_name": new });
        match self.done(&Call::post("/api/2.0/mlflow/registered-models/rename", &body)?).await {
            Err(e) if e.class() == Class::NotFound && self.registered_model(new).await?.is_some() => Ok(()),
            other => other,
        }
    }

    pub async fn describe_registered_model(&self, name: &str, description: &str) -> Result<()> {
        let body = json!({ "name": name, "description": description });
        let route = "/api/2.0/mlflow/registered-models/update";
        self.done(&Call::with_body(Method::PATCH, route, &body)?).await
    }

    pub async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Result<()> {
        let body = json!({ "name": name, "version": version.to_string(), "description": description });
        let route = "/api/2.0/mlflow/model-versions/update";
        self.done(&Call::with_body(Method::PATCH, route, &body)?).await
    }

    pub async fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let body = json!({ "name": name, "key": key, "value": value });
        self.done(&Call::post("/api/2.0/mlflow/registered-models/set-tag", &body)?).await
    }

    pub async fn set_model_version_tag(
        &self,
        name: &str,
        version: u64,
        key: &str,
        value: &str,
    ) -> Result<()> {
        let body = json!({ "name": name, "version": version.to_string(), "key": key, "value": value });
        self.done(&Call::post("/api/2.0/mlflow/model-versions/set-tag", &body)?).await
    }

    pub async fn set_alias(&self, name: &str, alias: &str, version: u64) -> Result<()> {
        let body = json!({ "name": name, "alias": alias, "version": version.to_string() });
        self.done(&Call::post("/api/2.0/mlflow/registered-models/alias", &body)?).await
    }

    /// Creates a version and returns its number. The server assigns it: one more than any number that the model ever
    /// had.
    pub async fn create_model_version(&self, new: &NewVersion<'_>) -> Result<u64> {
        let mut body = json!({
            "name": new.name, "source": new.source, "description": new.description, "tags": pairs(new.tags),
        });
        if let Some(run_id) = new.run_id {
            body["run_id"] = run_id.into();
        }
        if let Some(model_id) = new.model_id {
            body["model_id"] = model_id.into();
        }
        if !new.run_link.is_empty() {
            body["run_link"] = new.run_link.into();
        }
        let call = Call::post("/api/2.0/mlflow/model-versions/create", &body)?.only_unsent();
        Ok(ModelVersion::from(self.json::<OneVersion>(&call).await?.model_version).version)
    }

    /// Deletes a version. A version that no longer exists counts as deleted.
    pub async fn delete_model_version(&self, name: &str, version: u64) -> Result<()> {
        let body = json!({ "name": name, "version": version.to_string() });
        let call = Call::with_body(Method::DELETE, "/api/2.0/mlflow/model-versions/delete", &body)?;
        match self.done(&call).await {
            Err(e) if e.class() == Class::NotFound => Ok(()),
            other => other,
        }
    }

    /// Sets the stage of a version. Other versions in this stage stay there.
    pub async fn set_stage(&self, name: &str, version: u64, stage: &str) -> Result<()> {
        let body = json!({
            "name": name, "version": version.to_string(), "stage": stage, "archive_existing_versions": false,
        });
        self.done(&Call::post("/api/2.0/mlflow/model-versions/transition-stage", &body)?).await
    }
}

fn search(route: &'static str, filter: &str, most: usize, token: Option<String>) -> Call {
    let mut call = Call::get(route).query("max_results", most);
    if !filter.is_empty() {
        call = call.query("filter", filter);
    }
    if let Some(token) = token {
        call = call.query("page_token", token);
    }
    call
}

fn is_prompt() -> String {
    format!("tags.`{}` = 'true'", tag::IS_PROMPT)
}

/// A text as a filter of MLflow contains it. Filters accept both kinds of quotes and cannot escape either.
pub(in crate::rest) fn quoted(name: &str) -> Result<String> {
    match (name.contains('\''), name.contains('"')) {
        (false, _) => Ok(format!("'{name}'")),
        (true, false) => Ok(format!("\"{name}\"")),
        (true, true) => Err(Error::permanent(format!(
            "{name:?} cannot be used in a search: a filter of MLflow cannot contain both kinds of quotes"
        ))),
    }
}
