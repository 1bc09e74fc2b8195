use std::collections::BTreeMap;

use super::grouped::Grouped;
use super::select::Select;
use super::value::{Row, Value};
use super::{SqlStoreReader, ids, readable};
use crate::entities::{Kind, ModelVersion, Readable, RegisteredModel, last_deleted};
use crate::error::{Error, Result};
use crate::io::Pages;

const PER_PAGE: usize = 200;
const MODELS: [&str; 4] = ["name", "description", "creation_time", "last_updated_time"];
const VERSIONS: [&str; 11] = [
    "version",
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
    /// The numbers of all versions, and whether they were deleted.
    numbers: Grouped<(u64, bool)>,
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
        let numbers =
            self.in_workspace(Select::from("model_versions", &["name", "version", "current_stage"]));
        let (tags, aliases, numbers) = futures::try_join!(
            Grouped::pairs(database, tags, names.clone()),
            Grouped::read(database, aliases, names.clone(), alias),
            Grouped::read(database, numbers, names.clone(), number_of),
        )?;
        let mut parts = Parts { tags, aliases, numbers };
        Ok(rows.into_iter().map(|row| model(row, &mut parts)).collect())
    }

    pub(super) async fn versions_of(&self, model: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        let name = || vec![Value::from(model.name.as_str())];
        let tags = Select::from("model_version_tags", &["version", "key", "value"]).only("name", name());
        let versions = Select::from("model_versions", &VERSIONS).only("name", name()).order(&["version"]);
        let (tags, versions) = futures::try_join!(
            self.database.all(self.in_workspace(tags)),
            self.database.all(self.in_workspace(versions)),
        )?;
        let mut tags_of = BTreeMap::<i64, BTreeMap<String, String>>::new();
        for row in tags {
            let [version, key, value] = row.columns();
            let version = version.int()?.unwrap_or_default();
            tags_of.entry(version).or_default().insert(key.string()?, value.string()?);
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
            last_number: last_deleted(parts.numbers.take(&name)?),
            name,
        })
    };
    let model = read();
    readable(Kind::RegisteredModel, &name, model)
}

fn number_of(row: Row) -> Result<(u64, bool)> {
    let [version, stage] = row.columns();
    Ok((version.int()?.unwrap_or_default().unsigned_abs(), stage.string()? == DELETED))
}

fn alias(row: Row) -> Result<(String, u64)> {
    let [alias, version] = row.columns();
    Ok((alias.string()?, version.int()?.unwrap_or_default().unsigned_abs()))
}

/// `None` for a deleted version. A database that ignores the case of names also returns versions whose name differs in
/// case from that of the model: they belong to it, because such a database has no second model of this name.
fn version(
    row: Row,
    model: &str,
    tags: &mut BTreeMap<i64, BTreeMap<String, String>>,
) -> Result<Option<ModelVersion>> {
    let [version, description, source, run_id, run_link, stage, status, message, user, created, updated] =
        row.columns();
    let stage = stage.string()?;
    if stage == DELETED {
        return Ok(None);
    }
    let number =
        version.int()?.ok_or_else(|| Error::permanent(format!("a version of {model:?} has no number")))?;
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
        name: model.to_owned(),
    }))
}
