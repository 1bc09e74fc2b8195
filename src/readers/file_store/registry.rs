//! Registered models and prompts: `models/<name>`, and their versions (MLflow 2.2 on).

use std::path::{Path, PathBuf};

use super::layout::{META, MODELS};
use super::{Problems, Store, lost, with_problems};
use crate::entities::{Kind, ModelVersion, Readable, RegisteredModel, is_safe_path, last_deleted};
use crate::error::{Error, Result};

/// The stage of versions that were deleted (MLflow 3.18, `entities/model_registry/model_version_stages.py`).
const DELETED: &str = "Deleted_Internal";
/// The folder of a version, before its number.
const VERSION: &str = "version-";

impl Store {
    pub fn registered_model_names(&self) -> Result<Vec<String>> {
        let folders = self.disk.folders(&self.disk.root().join(MODELS))?.into_iter();
        Ok(folders.filter(|entry| !entry.path.is_file()).map(|entry| entry.name).collect())
    }

    /// The model, then its parts and versions that cannot be read. Nothing for an empty folder.
    pub fn read_registered_model(&self, name: &str) -> Vec<Readable<RegisteredModel>> {
        let folder = self.disk.root().join(MODELS).join(name);
        if !self.disk.holds_something(&folder) && self.disk.is_folder(&folder) {
            return Vec::new();
        }
        let mut problems = Problems::new();
        let read = self.registered_model_of(name, &folder, &mut problems);
        let read = read.and_then(|model| Ok((model, self.version_folders(&folder)?)));
        let (mut model, versions) = match read {
            Ok(read) => read,
            Err(error) => return vec![Err(lost(Kind::RegisteredModel, name, &error))],
        };
        let (kind, version_kind) = (model.kind(), model.version_kind());
        let (mut numbers, mut unread) = (Vec::new(), Vec::new());
        for (number, folder) in versions {
            match self.version_of(name, &number, &folder) {
                Ok(version) => numbers.extend(number.parse().ok().map(|number| (number, version.is_none()))),
                Err(error) => {
                    // It exists, although it cannot be read.
                    numbers.extend(number.parse().ok().map(|number| (number, false)));
                    unread.push(Err(lost(version_kind, &format!("{name}/{number}"), &error)));
                }
            }
        }
        model.last_number = last_deleted(numbers);
        let mut found = with_problems(kind, name, Ok(Some(model)), problems);
        // Versions have no list in which one of them could be an item of its own.
        found.extend(unread);
        found
    }

    fn registered_model_of(
        &self,
        name: &str,
        folder: &Path,
        problems: &mut Problems,
    ) -> Result<RegisteredModel> {
        let meta = self.meta(&folder.join(META))?;
        let tags = self.part(folder, "tags", problems)?;
        let aliases = self.part(folder, "aliases", problems)?;
        if let Some(written) = meta.optional("name").filter(|written| written != name) {
            self.note(format!(
                "the registered model in {} is named {written:?} in its {META}: it is read as {name:?}, by its folder",
                folder.display()
            ));
        }
        let mut model = RegisteredModel {
            name: name.to_owned(),
            description: meta.text("description"),
            tags,
            creation_time: meta.integer("creation_timestamp")?,
            last_update_time: meta.integer("last_updated_timestamp")?,
            ..RegisteredModel::default()
        };
        // The aliases in the file are old copies.
        for (alias, text) in aliases {
            match text.trim().parse() {
                Ok(version) => drop(model.aliases.insert(alias, version)),
                Err(_) => {
                    let error = Error::permanent(format!("{text:?} is not the number of a version"));
                    let place = folder.join("aliases").join(&alias);
                    problems.push((format!("aliases/{alias}"), error.at(place.display())));
                }
            }
        }
        Ok(model)
    }

    /// The versions of a model in ascending order, without deleted ones. [`Self::read_registered_model`] reports those
    /// that cannot be read.
    pub fn read_versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        if !is_safe_path(name) || name.contains('/') {
            return Err(Error::permanent(format!("{name:?} is not the name of a registered model")));
        }
        let folders = self.version_folders(&self.disk.root().join(MODELS).join(name))?;
        let read =
            |(number, folder): (String, PathBuf)| self.version_of(name, &number, &folder).ok().flatten();
        let mut versions: Vec<ModelVersion> = folders.into_iter().filter_map(read).collect();
        versions.sort_by_key(|version| version.version);
        Ok(versions)
    }

    /// The numbers and folders of the versions.
    fn version_folders(&self, model: &Path) -> Result<Vec<(String, PathBuf)>> {
        let names = self.names_in(model, |name| name.starts_with(VERSION))?.into_iter();
        let versions =
            names.filter_map(|name| Some((name.strip_prefix(VERSION)?.to_owned(), model.join(&name))));
        Ok(versions.collect())
    }

    /// `None` for a deleted version.
    fn version_of(&self, name: &str, number: &str, folder: &Path) -> Result<Option<ModelVersion>> {
        let version = number
            .parse()
            .map_err(|_| Error::permanent(format!("{number:?} is not a number")).at(folder.display()))?;
        let meta = self.meta(&folder.join(META))?;
        let stage = meta.optional("current_stage").unwrap_or_else(|| "None".to_owned());
        if stage == DELETED {
            return Ok(None);
        }
        let tags = self.values(&folder.join("tags"))?;
        if let Some((_, error)) = tags.lost.into_iter().next() {
            return Err(error);
        }
        Ok(Some(ModelVersion {
            name: name.to_owned(),
            version,
            description: meta.text("description"),
            source: meta.text("source"),
            run_id: meta.optional("run_id").filter(|id| !id.is_empty()).map(Into::into),
            run_link: meta.text("run_link"),
            stage,
            status: meta.text("status"),
            status_message: meta.text("status_message"),
            tags: tags.values,
            creation_time: meta.integer("creation_timestamp")?,
            last_update_time: meta.integer("last_updated_timestamp")?,
            user_id: meta.text("user_id"),
        }))
    }
}
