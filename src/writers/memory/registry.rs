//! Writes registered models and prompts.

use std::collections::BTreeMap;

use super::{Shared, lock};
use crate::entities::{
    ModelId, ModelVersion, OwnedUri, RegisteredModel, RunId, UriForm, VersionNumbers, merge_experiments,
    rewrite_experiments, tag,
};
use crate::error::{Error, Result};
use crate::memory::NewVersion;
use crate::writers::{Existing, TargetModel};

impl Shared {
    pub(super) fn open_registered(
        &self,
        model: &RegisteredModel,
        name: &str,
        appends: bool,
    ) -> Result<TargetModel> {
        lock(&self.model_names).insert(model.name.clone(), name.to_owned());
        let mut data = self.data();
        let found = data.registered.contains_key(name);
        if !found {
            let mut tags = self.new_tags(&model.tags);
            tags.insert(tag::SOURCE_REGISTERED_MODEL.to_owned(), model.name.clone());
            let (name, description) = (name.to_owned(), model.description.clone());
            data.create_registered_model(RegisteredModel {
                name,
                description,
                tags,
                ..RegisteredModel::default()
            })?;
        }
        let stored = data.registered(name)?;
        let wanted = model.tags.get(tag::PROMPT_EXPERIMENTS);
        if let Some((known, wanted)) = stored.model.tags.get_mut(tag::PROMPT_EXPERIMENTS).zip(wanted) {
            let new = rewrite_experiments(wanted, |id| self.new_experiment(id));
            *known = merge_experiments(&new, known);
        }
        let (versions, aliases) = (stored.versions.clone(), stored.model.aliases.clone());
        Ok(TargetModel {
            name: name.to_owned(),
            found,
            versions,
            numbers: VersionNumbers::of(model, &stored.model),
            aliases,
            next: Some(stored.last + 1),
            appends,
            append_tag: VersionNumbers::tag(model),
            ..TargetModel::default()
        })
    }

    /// Finds or creates a version. Placeholders use up the numbers that are free on the source; each one is deleted
    /// again.
    pub(super) fn write_version(&self, at: &mut TargetModel, version: &ModelVersion) -> Result<Existing> {
        let source = self.new_source(version)?;
        let mut number = at.number_of(version);
        let is_same = |existing: &ModelVersion| existing.source == source;
        let is_used = match at.versions.get(&number) {
            Some(existing) => !existing.is_made_from(version) && !is_same(existing),
            None => at.last_number() >= number,
        };
        if at.appends && is_used {
            number = at.last_number() + 1;
            let key = at.append_tag.clone().ok_or_else(|| Error::permanent("it has no creation time"))?;
            let kept = at.numbers.append(version.version, number).to_string();
            self.data().registered(&at.name)?.model.tags.insert(key, kept);
        }
        if number != version.version {
            lock(&self.new_numbers).insert(version.label(), number);
        }
        let found = match at.versions.get(&number) {
            Some(existing) if is_same(existing) => Existing::Everything,
            Some(_) => return Err(Error::permanent(format!("{} is another one", version.label()))),
            None => {
                self.make_version(at, version, source)?;
                Existing::Nothing
            }
        };
        if !matches!(version.stage.as_str(), "" | "None") {
            self.data().set_stage(&at.name, number, &version.stage)?;
        }
        Ok(found)
    }

    fn make_version(&self, at: &mut TargetModel, version: &ModelVersion, source: String) -> Result<()> {
        let wanted = at.numbers.number(version.version);
        let mut tags = self.new_tags(&version.tags);
        tags.insert(tag::SOURCE_VERSION.to_owned(), version.label());
        tags.extend(
            version.creation_time.map(|time| (tag::SOURCE_CREATION_TIME.to_owned(), time.to_string())),
        );
        let run_id =
            version.run_id.as_ref().map(|id| self.id_map.target_of(id).unwrap_or_else(|| id.clone()));
        let new = NewVersion {
            source,
            run_id,
            run_link: self.rewritten("mlflow.runLink", &version.run_link),
            description: version.description.clone(),
            tags,
        };
        let mut data = self.data();
        loop {
            let next = data.registered(&at.name)?.last + 1;
            at.next = Some(next + 1);
            if next > wanted {
                return Err(Error::permanent(format!("the number {wanted} was used before")));
            }
            if next == wanted {
                return data.create_version(&at.name, new).map(drop);
            }
            let placeholder = data.create_version(&at.name, NewVersion::default())?;
            data.delete_version(&at.name, placeholder)?;
        }
    }

    fn new_source(&self, version: &ModelVersion) -> Result<String> {
        let Some(uri) = OwnedUri::parse(&version.source) else {
            let names = lock(&self.model_names);
            let new = version.copied_from().and_then(|(name, number)| {
                let known = lock(&self.new_numbers).get(&format!("{name}/{number}")).copied();
                Some(format!("models:/{}/{}", names.get(name)?, known.unwrap_or(number)))
            });
            return Ok(new.unwrap_or_else(|| version.source.clone()));
        };
        let gone =
            || Error::permanent(format!("its files belong to {}, which is not on the target", uri.owner));
        let (owner, root) = if uri.is_of_model() {
            let id = self.id_map.model_of(&ModelId::from(uri.owner)).ok_or_else(gone)?;
            (id.to_string(), self.data().model(&id)?.artifact_uri.clone())
        } else {
            let id = self.id_map.target_of(&RunId::from(uri.owner)).ok_or_else(gone)?;
            (id.to_string(), self.data().runs[&id].run.artifact_uri.clone())
        };
        Ok(match uri.form {
            UriForm::Root => format!("{root}{}", uri.below),
            UriForm::Runs => format!("runs:/{owner}{}", uri.below),
            UriForm::Models => format!("models:/{owner}{}", uri.below),
        })
    }

    pub(super) fn set_aliases(
        &self,
        at: &TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>> {
        let is_present = |number: &u64| versions.iter().any(|version| version.version == *number);
        for (alias, number) in model.aliases.iter().filter(|(_, number)| is_present(number)) {
            let number = at.numbers.number(*number);
            let is_kept = at.aliases.get(alias).is_some_and(|existing| *existing != number);
            if !(is_kept && at.numbers.are_appended()) {
                self.data().set_alias(&at.name, alias, number)?;
            }
        }
        Ok(Vec::new())
    }

    fn new_tags(&self, tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let new = |key: &str, value: &str| match key {
            tag::PROMPT_EXPERIMENTS => rewrite_experiments(value, |id| self.new_experiment(id)),
            _ => self.rewritten(key, value),
        };
        let user_tags = tags.iter().filter(|(key, _)| !tag::is_ours(key));
        user_tags.map(|(key, value)| (key.clone(), new(key, value))).collect()
    }
}
