//! Registered models, prompts and their versions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use super::refused::{Refused, is_refusal, not_made};
use super::source::NewSource;
use super::{MAX_TRIES, RestWriter};
use crate::entities::{
    Kind, ModelVersion, RegisteredModel, VersionNumbers, is_same_origin, merge_experiments, rewrite, tag,
};
use crate::error::{Class, Error, Result};
use crate::writers::{Existing, TargetModel};

/// The source of a placeholder. No release checks its scheme, and it has a path, because MLflow 3.10 requires one
/// (`server/handlers.py`, `_validate_source_model`).
pub(super) const PLACEHOLDER_SOURCE: &str = "s3://mlferry-placeholder/none";
/// The tag value of a placeholder, which identifies a remaining one.
pub(super) const PLACEHOLDER: &str = "placeholder";

const WAYS_OUT: &str = "nothing was overwritten; append the source's versions with --append-versions, give the model \
                        another name with --model-rename-file, or delete that version there";

impl RestWriter {
    pub(super) async fn find_or_make_model(
        &self,
        model: &RegisteredModel,
        name: &str,
        appends: bool,
    ) -> Result<TargetModel> {
        let names = || self.model_names.lock().unwrap_or_else(PoisonError::into_inner);
        names().insert(model.name.clone(), name.to_owned());
        // The name is the only part of this request that the server can refuse.
        let existing = self.client.registered_model(name).await.map_err(|e| match e.class() {
            Class::Permanent => e.hint("give it another name with --model-rename-file"),
            _ => e,
        })?;
        let existing = match existing {
            None => self.under_another_name(model, name).await?,
            Some(existing) => match self.model_copied_from_another(&existing, model) {
                None => Some(existing),
                Some(other) => {
                    self.rename_copied_model(&existing, other, name).await?;
                    self.under_another_name(model, name).await?
                }
            },
        };
        let Some(existing) = existing else {
            self.make_model(model, name).await?;
            let wanted_aliases = model.aliases.clone();
            return Ok(TargetModel {
                name: name.to_owned(),
                next: Some(1),
                wanted_aliases,
                appends,
                append_tag: VersionNumbers::tag(model),
                ..TargetModel::default()
            });
        };
        let name = existing.name.as_str();
        names().insert(model.name.clone(), name.to_owned());
        if existing.is_prompt() != model.is_prompt() {
            let (is, wanted) = (existing.kind(), model.kind());
            return Err(Error::permanent(format!("{name:?} is a {is} on the target, not a {wanted}"))
                .hint("give it another name with --model-rename-file"));
        }
        let is_ours = existing.tags.contains_key(tag::SOURCE_REGISTERED_MODEL)
            && is_same_origin(&existing.tags, model.creation_time);
        let is_described = existing.description == model.description;
        let mut refused = Refused::default();
        if is_ours && !is_described && self.drift.sets("descriptions of models") {
            match self.client.describe_registered_model(name, &model.description).await {
                Err(e) if is_refusal(&e) => refused.add("description", name, e.to_string()),
                other => other?,
            }
        }
        let mut missing = self.new_tags(&model.tags);
        missing.retain(|key, value| match existing.tags.get(key) {
            None => true,
            // An earlier import may have covered fewer experiments, so the lists are merged.
            Some(known) if key == tag::PROMPT_EXPERIMENTS => {
                *value = merge_experiments(value, known);
                value != known
            }
            Some(known) => is_ours && known != value && self.drift.sets("tags of models"),
        });
        let has_other_tags = |(key, value): (&String, &String)| {
            key != tag::PROMPT_EXPERIMENTS && existing.tags.get(key).is_some_and(|known| known != value)
        };
        if !is_ours && (!is_described || self.new_tags(&model.tags).iter().any(has_other_tags)) {
            self.note(format!(
                "{} {name:?} was on the target before: its description and tags there were not changed",
                model.kind()
            ));
        }
        missing.extend(self.drift.kept_time(&existing.tags, model.last_update_time).filter(|_| is_ours));
        refused.extend(self.set_model_tags(name, missing).await?);
        self.refusals.add(model.kind(), &model.name, refused);
        let aliased: BTreeSet<u64> = existing.aliases.values().copied().collect();
        let versions = self.existing_versions(name).await?;
        let versions = self.without_late_copies(name, versions, &aliased).await?;
        Ok(TargetModel {
            name: name.to_owned(),
            found: true,
            is_ours,
            versions,
            numbers: VersionNumbers::of(model, &existing),
            aliases: existing.aliases,
            wanted_aliases: model.aliases.clone(),
            appends,
            append_tag: VersionNumbers::tag(model),
            ..TargetModel::default()
        })
    }

    async fn set_model_tags(&self, name: &str, tags: BTreeMap<String, String>) -> Result<Refused> {
        let mut refused = Refused::default();
        for (key, value) in tags {
            match self.client.set_registered_model_tag(name, &key, &value).await {
                Err(e) if is_refusal(&e) => refused.add("tag", &key, e.to_string()),
                other => other?,
            }
        }
        Ok(refused)
    }

    async fn make_model(&self, model: &RegisteredModel, name: &str) -> Result<()> {
        let user_tags = self.new_tags(&model.tags);
        let mut tags = BTreeMap::from([
            (tag::SOURCE_REGISTERED_MODEL.to_owned(), model.name.clone()),
            (tag::GIVEN_NAME.to_owned(), name.to_owned()),
        ]);
        insert_times(&mut tags, model.creation_time, model.last_update_time, &model.user_id);
        // Without this tag, the server would create another kind of object.
        tags.extend(user_tags.get_key_value(tag::IS_PROMPT).map(|(key, value)| (key.clone(), value.clone())));
        match self.create_model(model, name, &with(&user_tags, &tags)).await {
            // The server may refuse one of the tags. Then the others are written, and this one is reported.
            Err(e) if is_refusal(&e) => {
                self.create_model(model, name, &tags).await.map_err(|_| e)?;
                let refused = self.set_model_tags(name, user_tags).await?;
                self.refusals.add(model.kind(), &model.name, refused);
                Ok(())
            }
            other => other,
        }
    }

    async fn create_model(
        &self,
        model: &RegisteredModel,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<()> {
        let mut tries = 1;
        loop {
            match self.client.create_registered_model(name, &model.description, tags).await {
                Err(e) if e.class() == Class::Ambiguous => {
                    if self.client.registered_model(name).await?.is_some() {
                        return Ok(());
                    }
                    if tries == MAX_TRIES {
                        return Err(not_made(e));
                    }
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// The versions on the target. A placeholder that an interrupted import left is removed first.
    pub(super) async fn existing_versions(&self, name: &str) -> Result<BTreeMap<u64, ModelVersion>> {
        let mut existing = BTreeMap::new();
        for version in self.client.model_versions(name, true).await? {
            if version.tags.get(tag::SOURCE_VERSION).is_some_and(|of| of == PLACEHOLDER) {
                self.client.delete_model_version(name, version.version).await?;
            } else {
                existing.insert(version.version, version);
            }
        }
        Ok(existing)
    }

    pub(super) async fn find_or_make_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
    ) -> Result<Existing> {
        let new = self.new_source(version).await?;
        let number = self.place_version(at, version, &new).await?;
        let found = match at.versions.get(&number) {
            Some(existing) => {
                if let Err(error) = self.ensure_same(existing, version, &new.source) {
                    at.conflict.get_or_insert(version.version);
                    return Err(error);
                }
                let is_ours = existing.is_made_from(version);
                let mut missing = self.new_tags(&version.tags);
                missing.retain(|key, value| match existing.tags.get(key) {
                    None => true,
                    Some(known) => is_ours && known != value && self.drift.sets("tags of versions"),
                });
                missing.extend(
                    self.drift.kept_time(&existing.tags, version.last_update_time).filter(|_| is_ours),
                );
                let is_described = existing.description == version.description;
                let describes = is_ours && !is_described && self.drift.sets("descriptions of versions");
                if describes {
                    self.describe_version(&at.name, number, version).await?;
                }
                match missing.is_empty() {
                    true if describes => Existing::Partial,
                    true => Existing::Everything,
                    false => {
                        self.set_version_tags(&at.name, number, version, missing).await?;
                        Existing::Partial
                    }
                }
            }
            None => {
                if let Some(first) = at.conflict {
                    return Err(Error::permanent(format!(
                        "version {first} of the model comes before it and has a conflict: if that one is appended later, \
                         their order would change"
                    ))
                    .hint(WAYS_OUT));
                }
                self.make_version(at, version, &new).await?;
                Existing::Nothing
            }
        };
        let named = |stage: &str| if stage.is_empty() { "None".to_owned() } else { stage.to_owned() };
        // A version that was just created may have got another number than it was to get.
        let number = at.numbers.number(version.version);
        let existing = at.versions.get(&number);
        let (wanted, stage) =
            (named(&version.stage), named(existing.map_or("", |existing| existing.stage.as_str())));
        let is_due = match wanted.as_str() {
            "None" => {
                stage != "None"
                    && existing.is_some_and(|existing| existing.is_made_from(version))
                    && self.drift.sets("stages")
            }
            wanted => wanted != stage,
        };
        if is_due {
            self.client.set_stage(&at.name, number, &wanted).await?;
            return Ok(if found == Existing::Everything { Existing::Partial } else { found });
        }
        Ok(found)
    }

    /// Fails unless the target's version with this number is the version to write.
    pub(super) fn ensure_same(
        &self,
        existing: &ModelVersion,
        version: &ModelVersion,
        source: &str,
    ) -> Result<()> {
        let is_ours = existing.is_made_from(version);
        // A prompt's text is in its tags.
        let tags: BTreeMap<_, _> = existing
            .tags
            .iter()
            .filter(|(key, _)| !tag::is_ours(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let differs = [
            (existing.source != source, format!("its source is {}, not {source}", existing.source)),
            (!is_ours && existing.description != version.description, "its description differs".to_owned()),
            (!is_ours && tags != self.new_tags(&version.tags), "its tags differ".to_owned()),
        ];
        let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) else { return Ok(()) };
        Err(Error::permanent(format!("the target's {} is another version: {what}", existing.label()))
            .hint(WAYS_OUT))
    }

    async fn make_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
        new: &NewSource,
    ) -> Result<()> {
        let user_tags = self.new_tags(&version.tags);
        let mut tags = BTreeMap::from([(tag::SOURCE_VERSION.to_owned(), version.label())]);
        insert_times(&mut tags, version.creation_time, version.last_update_time, &version.user_id);
        // Without this tag, the server would create another kind of object, for which it checks less.
        tags.extend(user_tags.get_key_value(tag::IS_PROMPT).map(|(key, value)| (key.clone(), value.clone())));
        match self.number_version(at, version, new, &with(&user_tags, &tags)).await {
            // The server may refuse one of the tags. Then the others are written, and this one is reported.
            Err(e) if is_refusal(&e) && !user_tags.is_empty() => {
                self.number_version(at, version, new, &tags).await.map_err(|_| e)?;
                let number = at.numbers.number(version.version);
                self.set_version_tags(&at.name, number, version, user_tags).await
            }
            other => other,
        }
    }

    async fn describe_version(&self, name: &str, number: u64, version: &ModelVersion) -> Result<()> {
        match self.client.describe_model_version(name, number, &version.description).await {
            Err(e) if is_refusal(&e) => {
                let mut refused = Refused::default();
                refused.add("description", &version.label(), e.to_string());
                self.refusals.add(Kind::ModelVersion, &version.label(), refused);
                Ok(())
            }
            other => other,
        }
    }

    async fn set_version_tags(
        &self,
        name: &str,
        number: u64,
        version: &ModelVersion,
        tags: BTreeMap<String, String>,
    ) -> Result<()> {
        let mut refused = Refused::default();
        for (key, value) in tags {
            match self.client.set_model_version_tag(name, number, &key, &value).await {
                Err(e) if is_refusal(&e) => refused.add("tag", &key, e.to_string()),
                other => other?,
            }
        }
        self.refusals.add(Kind::ModelVersion, &version.label(), refused);
        Ok(())
    }

    /// The tags of the source, with the new ids.
    fn new_tags(&self, tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let user_tags = tags.iter().filter(|(key, _)| !tag::is_ours(key));
        user_tags.map(|(key, value)| (key.clone(), self.new_value(key, value))).collect()
    }

    fn new_value(&self, key: &str, value: &str) -> String {
        if key == tag::PROMPT_EXPERIMENTS {
            return self.new_experiments(value);
        }
        rewrite(key, value, |id| self.id_map.target_of(id)).unwrap_or_else(|| value.to_owned())
    }
}

fn with(
    user_tags: &BTreeMap<String, String>,
    own_tags: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    user_tags.iter().chain(own_tags).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Adds the values that no request can set, as tags.
pub(super) fn insert_times(
    tags: &mut BTreeMap<String, String>,
    creation: Option<i64>,
    update: Option<i64>,
    user: &str,
) {
    let times = [(tag::SOURCE_CREATION_TIME, creation), (tag::SOURCE_UPDATE_TIME, update)];
    for (key, time) in times {
        tags.extend(time.map(|time| (key.to_owned(), time.to_string())));
    }
    if !user.is_empty() {
        tags.insert(tag::SOURCE_USER_ID.to_owned(), user.to_owned());
    }
}
