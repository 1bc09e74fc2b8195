use std::collections::BTreeMap;

use super::grouped::Grouped;
use super::select::Select;
use super::value::{Row, Value};
use super::{SqlStoreReader, ids, readable};
use crate::entities::{Kind, ModelVersion, Readable, RegisteredModel};
use crate::error::{Error, Result};
use crate::io::Pages;

const PER_PAGE: usize = 200;
const MODELS: [&str; 4] = ["name", "description", "creation_time", "last_updated_time"];
const VERSIONS: [&str; 12] = [
    "version",
    "name",
    "description",
    "source",
    "run_id",
    "run_link",
    "current_stage",
    "status",
    "status_message",
    "user_id",
    "creation_time",
    "last_updated_time",
];
/// The stage of a version that was deleted: its row remains, so that its number is never used again (MLflow 3.18,
/// `store/model_registry/sqlalchemy_store.py`, `delete_model_version`).
const DELETED: &str = "Deleted_Internal";

/// What other tables have about the models of one page.
struct Parts {
    tags: Grouped<(String, String)>,
    aliases: Grouped<(String, u64)>,
}

impl SqlStoreReader {
    /// Registered models and prompts.
    pub(super) fn every_registered_model(&self) -> Pages<'_, Readable<RegisteredModel>> {
        let select = self.in_workspace(Select::from("registered_models", &MODELS).order(&["name"]));
        self.list((Kind::RegisteredModel, String::new()), select, PER_PAGE, |rows| self.models_of(rows))
    }

    async fn models_of(&self, rows: Vec<Row>) -> Result<Vec<Readable<RegisteredModel>>> {
        let (database, names) = (&*self.database, ids(&rows));
        let tags = self.in_workspace(Select::from("registered_model_tags", &["name", "key", "value"]));
        let aliases =
            self.in_workspace(Select::from("registered_model_aliases", &["name", "alias", "version"]));
        let (tags, aliases) = futures::try_join!(
            Grouped::pairs(database, tags, names.clone()),
            Grouped::read(database, aliases, names.clone(), alias),
        )?;
        let mut parts = Parts { tags, aliases };
        Ok(rows.into_iter().map(|row| model(row, &mut parts)).collect())
    }

    pub(super) async fn versions_of(&self, model: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        let name = || vec![Value::from(model.name.as_str())];
        let tags =
            Select::from("model_version_tags", &["version", "name", "key", "value"]).only("name", name());
        let versions = Select::from("model_versions", &VERSIONS).only("name", name()).order(&["version"]);
        let (tags, versions) = futures::try_join!(
            self.database.all(self.in_workspace(tags)),
            self.database.all(self.in_workspace(versions)),
        )?;
        let mut tags_of = BTreeMap::<i64, BTreeMap<String, String>>::new();
        for row in tags {
            let [version, tagged, key, value] = row.columns();
            if tagged.string()? == model.name {
                let version = version.int()?.unwrap_or_default();
                tags_of.entry(version).or_default().insert(key.string()?, value.string()?);
            }
        }
        let versions =
            versions.into_iter().filter_map(|row| version(row, &model.name, &mut tags_of).transpose());
        versions.collect()
    }
}

fn model(row: Row, parts: &mut Parts) -> Readable<RegisteredModel> {
    let [name, description, creation_time, last_update_time] = row.columns();
    let read = || {
        let name = name.clone().string()?;
        Ok(RegisteredModel {
            description: description.string()?,
            tags: parts.tags.collect(&name)?,
            aliases: parts.aliases.collect(&name)?,
            creation_time: creation_time.int()?,
            last_update_time: last_update_time.int()?,
            user_id: String::new(),
            name,
        })
    };
    let model = read();
    readable(Kind::RegisteredModel, &name, model)
}

fn alias(row: Row) -> Result<(String, u64)> {
    let [alias, version] = row.columns();
    Ok((alias.string()?, version.int()?.unwrap_or_default().unsigned_abs()))
}

/// `None` for a deleted version, and for one of a model whose name differs in case: some databases ignore the case.
fn version(
    row: Row,
    model: &str,
    tags: &mut BTreeMap<i64, BTreeMap<String, String>>,
) -> Result<Option<ModelVersion>> {
    let [
        version,
        name,
        description,
        source,
        run_id,
        run_link,
        stage,
        status,
        message,
        user,
        created,
        updated,
    ] = row.columns();
    let (name, stage) = (name.string()?, stage.string()?);
    if stage == DELETED || name != model {
        return Ok(None);
    }
    let number =
        version.int()?.ok_or_else(|| Error::permanent(format!("a version of {name:?} has no number")))?;
    Ok(Some(ModelVersion {
        version: number.unsigned_abs(),
        description: description.string()?,
        source: source.string()?,
        run_id: run_id.text()?.filter(|id| !id.is_empty()).map(Into::into),
        run_link: run_link.string()?,
        stage,
        status: status.string()?,
        status_message: message.string()?,
        tags: tags.remove(&number).unwrap_or_default(),
        creation_time: created.int()?,
        last_update_time: updated.int()?,
        user_id: user.string()?,
        name,
    }))
}
