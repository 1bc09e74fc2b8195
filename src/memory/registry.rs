//! Registered models and prompts.

use std::collections::BTreeMap;

use super::{Data, StoredModel, not_found, refused};
use crate::entities::{ModelVersion, RegisteredModel, RunId};
use crate::error::Result;

/// The fields of a new version.
#[derive(Clone, Default)]
pub struct NewVersion {
    pub source: String,
    pub run_id: Option<RunId>,
    pub run_link: String,
    pub description: String,
    pub tags: BTreeMap<String, String>,
}

impl Data {
    pub fn registered(&mut self, name: &str) -> Result<&mut StoredModel> {
        self.registered.get_mut(name).ok_or_else(|| not_found(format!("Registered Model {name} not found")))
    }

    pub fn create_registered_model(&mut self, model: RegisteredModel) -> Result<()> {
        let name = model.name.clone();
        if self.registered.contains_key(&name) {
            return Err(refused(
                "RESOURCE_ALREADY_EXISTS",
                format!("Registered Model {name} already exists"),
            ));
        }
        self.registered.insert(name, StoredModel { model, ..StoredModel::default() });
        Ok(())
    }

    /// Creates a version and returns its number: one more than the highest number ever used. A copy of a version that
    /// does not exist is refused.
    pub fn create_version(&mut self, name: &str, new: NewVersion) -> Result<u64> {
        let version = ModelVersion {
            name: name.to_owned(),
            description: new.description,
            source: new.source,
            run_id: new.run_id,
            run_link: new.run_link,
            stage: "None".into(),
            status: "READY".into(),
            tags: new.tags,
            ..ModelVersion::default()
        };
        if let Some((original, number)) = version.copied_from()
            && !self.registered.get(original).is_some_and(|known| known.versions.contains_key(&number))
        {
            return Err(not_found(format!("Model Version (name={original}, version={number}) not found")));
        }
        let stored = self.registered(name)?;
        stored.last += 1;
        stored.versions.insert(stored.last, ModelVersion { version: stored.last, ..version });
        Ok(stored.last)
    }

    /// Deletes a version and its aliases. The number is never used again.
    pub fn delete_version(&mut self, name: &str, number: u64) -> Result<()> {
        let stored = self.registered(name)?;
        stored.versions.remove(&number).ok_or_else(|| not_found(format!("{name}/{number}")))?;
        stored.model.aliases.retain(|_, of| *of != number);
        Ok(())
    }

    pub fn set_stage(&mut self, name: &str, number: u64, stage: &str) -> Result<()> {
        let versions = &mut self.registered(name)?.versions;
        let version = versions.get_mut(&number).ok_or_else(|| not_found(format!("{name}/{number}")))?;
        version.stage = stage.to_owned();
        Ok(())
    }

    pub fn set_alias(&mut self, name: &str, alias: &str, number: u64) -> Result<()> {
        let stored = self.registered(name)?;
        if !stored.versions.contains_key(&number) {
            return Err(not_found(format!("{name}/{number}")));
        }
        stored.model.aliases.insert(alias.to_owned(), number);
        Ok(())
    }
}
