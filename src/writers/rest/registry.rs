//! Registered models, prompts and their versions. The server numbers versions itself, one more than any the model
//! ever had: numbers that are free on the source are used up with a placeholder that is deleted again.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::refused::{Refused, is_refusal};
use super::source::NewSource;
use super::{RestWriter, TRIES};
use crate::entities::{Kind, ModelId, ModelVersion, RegisteredModel, RunId, merge_experiments, rewrite, tag};
use crate::error::{Class, Error, Result};
use crate::rest::NewVersion;
use crate::writers::{Existing, TargetModel};

/// The source of a placeholder: of a scheme that no release looks into, with a path, which MLflow 3.10 asks for
/// (`server/handlers.py`, `_validate_source_model`).
const PLACEHOLDER_SOURCE: &str = "s3://mlferry-placeholder/none";
const NO_SUCH_SOURCE: &str = "the target takes no such source: register a copy of the files, in a bucket or in the run \
                              that the version names, on the source or on the target";
/// What a placeholder says of itself, so that one that was left behind is known.
const PLACEHOLDER: &str = "placeholder";

impl RestWriter {
    pub(super) async fn find_or_make_model(
        &self,
        model: &RegisteredModel,
        name: &str,
    ) -> Result<TargetModel> {
        let names = || self.model_names.lock().unwrap_or_else(PoisonError::into_inner);
        names().insert(model.name.clone(), name.to_owned());
        // There is nothing else in the question that a server could refuse.
        let there = self.client.registered_model(name).await.map_err(|e| match e.class() {
            Class::Permanent => e.hint("give it another name with --model-rename-file"),
            _ => e,
        })?;
        let there = match there {
            None => self.under_another_name(model, name).await?,
            there => there,
        };
        let Some(there) = there else {
            self.make_model(model, name).await?;
            let wanted_aliases = model.aliases.clone();
            return Ok(TargetModel {
                name: name.to_owned(),
                next: Some(1),
                wanted_aliases,
                ..TargetModel::default()
            });
        };
        let name = there.name.as_str();
        names().insert(model.name.clone(), name.to_owned());
        if there.is_prompt() != model.is_prompt() {
            let (is, wanted) = (there.kind(), model.kind());
            return Err(Error::permanent(format!("{name:?} is a {is} on the target, not a {wanted}"))
                .hint("give it another name with --model-rename-file"));
        }
        let mut missing = self.new_tags(&model.tags);
        missing.retain(|key, value| match there.tags.get(key) {
            None => true,
            // An earlier import may have known fewer of them.
            Some(known) if key == tag::PROMPT_EXPERIMENTS => {
                *value = merge_experiments(value, known);
                value != known
            }
            Some(_) => false,
        });
        let refused = self.set_model_tags(name, missing).await?;
        self.refusals.add(model.kind(), &model.name, refused);
        let versions = self.versions_there(name).await?;
        Ok(TargetModel {
            name: name.to_owned(),
            found: true,
            versions,
            aliases: there.aliases,
            wanted_aliases: model.aliases.clone(),
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

    /// A model that an earlier import made from this one, before either was renamed: the source knows no id of a model,
    /// but the moment when it was made stays. It follows the source's new name, unless somebody has renamed it there.
    async fn under_another_name(
        &self,
        model: &RegisteredModel,
        name: &str,
    ) -> Result<Option<RegisteredModel>> {
        let Some(created) = model.creation_time.map(|time| time.to_string()) else { return Ok(None) };
        let found = self
            .client
            .registered_models_tagged(tag::SOURCE_CREATION_TIME, &created, model.is_prompt())
            .await?;
        let is_open = |there: &RegisteredModel| {
            let names = self.model_names.lock().unwrap_or_else(PoisonError::into_inner);
            names.iter().any(|(source, target)| *source != model.name && *target == there.name)
        };
        let mut found: Vec<RegisteredModel> = found
            .into_iter()
            .filter(|there| {
                there.kind() == model.kind() && there.tags.contains_key(tag::SOURCE_REGISTERED_MODEL)
            })
            .filter(|there| !is_open(there))
            .collect();
        let (Some(there), None) = (found.pop(), found.pop()) else { return Ok(None) };
        let given = there.tags.get(tag::GIVEN_NAME).or_else(|| there.tags.get(tag::SOURCE_REGISTERED_MODEL));
        let (kind, old) = (model.kind(), there.name.clone());
        if given != Some(&old) {
            self.note(format!(
                "{kind} {name:?} was moved before and somebody has renamed it to {old:?} on the target: it keeps that name"
            ));
            return Ok(Some(there));
        }
        match self.client.rename_registered_model(&old, name).await {
            Ok(()) => {}
            Err(e) if is_refusal(&e) || e.class() == Class::Forbidden => {
                self.note(format!(
                    "{kind} {name:?} is still called {old:?} on the target, which does not rename it: {e}"
                ));
                return Ok(Some(there));
            }
            Err(e) => return Err(e),
        }
        for (key, value) in [(tag::GIVEN_NAME, name), (tag::SOURCE_REGISTERED_MODEL, &model.name)] {
            self.client.set_registered_model_tag(name, key, value).await?;
        }
        self.note(format!("{kind} {old:?} was renamed to {name:?} on the target, as on the source"));
        Ok(Some(RegisteredModel { name: name.to_owned(), ..there }))
    }

    async fn make_model(&self, model: &RegisteredModel, name: &str) -> Result<()> {
        let theirs = self.new_tags(&model.tags);
        let mut tags = BTreeMap::from([
            (tag::SOURCE_REGISTERED_MODEL.to_owned(), model.name.clone()),
            (tag::GIVEN_NAME.to_owned(), name.to_owned()),
        ]);
        insert_times(&mut tags, model.creation_time, model.last_update_time, &model.user_id);
        // Without this one it would be made as another kind of thing.
        tags.extend(theirs.get_key_value(tag::IS_PROMPT).map(|(key, value)| (key.clone(), value.clone())));
        match self.create_model(model, name, &with(&theirs, &tags)).await {
            // One of its tags may be what the server refuses: the others arrive, and it is named.
            Err(e) if is_refusal(&e) => {
                self.create_model(model, name, &tags).await.map_err(|_| e)?;
                let refused = self.set_model_tags(name, theirs).await?;
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
        match self.client.create_registered_model(name, &model.description, tags).await {
            Err(e)
                if e.class() == Class::Ambiguous && self.client.registered_model(name).await?.is_some() =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// What is there, after removing a placeholder that a broken-off import has left.
    async fn versions_there(&self, name: &str) -> Result<BTreeMap<u64, ModelVersion>> {
        let mut there = BTreeMap::new();
        for version in self.client.model_versions(name, true).await? {
            if version.tags.get(tag::SOURCE_VERSION).is_some_and(|of| of == PLACEHOLDER) {
                self.client.delete_model_version(name, version.version).await?;
            } else {
                there.insert(version.version, version);
            }
        }
        Ok(there)
    }

    pub(super) async fn find_or_make_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
    ) -> Result<Existing> {
        let new = self.new_source(version).await?;
        let found = match at.versions.get(&version.version) {
            Some(there) => {
                self.is_it(there, version, &new.source)?;
                let mut missing = self.new_tags(&version.tags);
                missing.retain(|key, _| !there.tags.contains_key(key));
                if missing.is_empty() {
                    Existing::Everything
                } else {
                    self.set_version_tags(&at.name, version, missing).await?;
                    Existing::Partial
                }
            }
            None => {
                self.make_version(at, version, &new).await?;
                Existing::Nothing
            }
        };
        let stage = at.versions.get(&version.version).map_or("None", |there| there.stage.as_str());
        if !matches!(version.stage.as_str(), "" | "None") && version.stage != stage {
            self.client.set_stage(&at.name, version.version, &version.stage).await?;
            return Ok(if found == Existing::Everything { Existing::Partial } else { found });
        }
        Ok(found)
    }

    /// An error unless the version that holds the number is the one to be written.
    fn is_it(&self, there: &ModelVersion, version: &ModelVersion, source: &str) -> Result<()> {
        // The model may have been renamed since.
        let number = format!("/{}", version.version);
        let ours = there.tags.get(tag::SOURCE_VERSION).is_some_and(|label| label.ends_with(&number));
        // A prompt's text is in its tags.
        let tags: BTreeMap<_, _> = there
            .tags
            .iter()
            .filter(|(key, _)| !tag::is_ours(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let differs = [
            (there.source != source, format!("its source is {}, not {source}", there.source)),
            (!ours && there.description != version.description, "its description differs".to_owned()),
            (!ours && tags != self.new_tags(&version.tags), "its tags differ".to_owned()),
        ];
        let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) else { return Ok(()) };
        Err(Error::permanent(format!("the target's {} is another one: {what}", there.label())).hint(
            "nothing was overwritten; give it another name with --model-rename-file, or delete it there",
        ))
    }

    async fn make_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
        new: &NewSource,
    ) -> Result<()> {
        let theirs = self.new_tags(&version.tags);
        let mut tags = BTreeMap::from([(tag::SOURCE_VERSION.to_owned(), version.label())]);
        insert_times(&mut tags, version.creation_time, version.last_update_time, &version.user_id);
        // Without this one another kind of thing would be made, of which the server asks less.
        tags.extend(theirs.get_key_value(tag::IS_PROMPT).map(|(key, value)| (key.clone(), value.clone())));
        match self.number_version(at, version, new, &with(&theirs, &tags)).await {
            // One of its tags may be what the server refuses: the others arrive, and it is named.
            Err(e) if is_refusal(&e) && !theirs.is_empty() => {
                self.number_version(at, version, new, &tags).await.map_err(|_| e)?;
                self.set_version_tags(&at.name, version, theirs).await
            }
            other => other,
        }
    }

    async fn set_version_tags(
        &self,
        name: &str,
        version: &ModelVersion,
        tags: BTreeMap<String, String>,
    ) -> Result<()> {
        let mut refused = Refused::default();
        for (key, value) in tags {
            match self.client.set_model_version_tag(name, version.version, &key, &value).await {
                Err(e) if is_refusal(&e) => refused.add("tag", &key, e.to_string()),
                other => other?,
            }
        }
        self.refusals.add(Kind::ModelVersion, &version.label(), refused);
        Ok(())
    }

    /// Makes the version with its own number: placeholders use up those before it.
    async fn number_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
        new: &NewSource,
        tags: &BTreeMap<String, String>,
    ) -> Result<()> {
        let gap = BTreeMap::from([(tag::SOURCE_VERSION.to_owned(), PLACEHOLDER.to_owned())]);
        let named = version.run_id.as_ref().map(|id| self.ledger.target_of(id).unwrap_or_else(|| id.clone()));
        // Files of a run are then taken for a version of that run alone.
        let run_id = named.or_else(|| new.run.clone().filter(|_| self.can.checked_sources));
        let wanted = version.version;
        let real = NewVersion {
            name: &at.name.clone(),
            source: &new.source,
            model_id: new.model.as_ref().map(ModelId::as_str),
            run_id: run_id.as_ref().map(RunId::as_str),
            run_link: &self.rewritten("mlflow.runLink", &version.run_link),
            description: &version.description,
            tags,
        };
        let placeholder = NewVersion {
            source: PLACEHOLDER_SOURCE,
            model_id: None,
            run_id: None,
            run_link: "",
            description: "",
            tags: &gap,
            ..real
        };
        let mut lost = 0;
        loop {
            let is_gap = at.next.is_some_and(|next| next < wanted);
            let made = match self.client.create_model_version(if is_gap { &placeholder } else { &real }).await
            {
                Ok(made) => made,
                // Look what became of it: a version that was made is there, a placeholder is removed.
                Err(e) if e.class() == Class::Ambiguous && lost < TRIES => {
                    lost += 1;
                    at.versions = self.versions_there(&at.name).await?;
                    at.next = None;
                    match at.versions.get(&wanted) {
                        Some(there) => return self.is_it(there, version, &new.source),
                        None => continue,
                    }
                }
                Err(e) if e.class() == Class::Permanent && e.is_final() => {
                    return Err(e.hint(NO_SUCH_SOURCE));
                }
                Err(e) => return Err(e),
            };
            at.next = Some(made + 1);
            if made == wanted {
                return Ok(());
            }
            if made < wanted {
                self.set_aliases_of(at, made).await?;
            }
            self.client.delete_model_version(&at.name, made).await?;
            if made > wanted {
                return Err(Error::permanent(format!(
                    "the number {wanted} was used before on the target, which would call it {made}"
                ))
                .hint("numbers of deleted versions are never used again: give the model another name"));
            }
        }
    }

    /// A version that was deleted on the source may still have aliases there. They are set while its number is held by
    /// a placeholder: releases that leave them on the source leave them here, too (MLflow 2.3 to 3.10,
    /// `store/model_registry/sqlalchemy_store.py`, `delete_model_version`; 3.18 takes them along).
    async fn set_aliases_of(&self, at: &mut TargetModel, number: u64) -> Result<()> {
        let of_number = at.wanted_aliases.iter().filter(|(_, wanted)| **wanted == number);
        let missing: Vec<String> = of_number
            .map(|(alias, _)| alias.clone())
            .filter(|alias| !at.aliases.contains_key(alias))
            .collect();
        for alias in missing {
            self.client.set_alias(&at.name, &alias, number).await?;
            at.aliases.insert(alias, number);
        }
        Ok(())
    }

    /// Uses up the numbers up to the last one that an alias stands for: versions beyond the last that is left were
    /// deleted on the source, too. Only where the next number is known, so that no later version loses its own.
    async fn use_up(&self, at: &mut TargetModel) -> Result<()> {
        let gap = BTreeMap::from([(tag::SOURCE_VERSION.to_owned(), PLACEHOLDER.to_owned())]);
        let name = at.name.clone();
        let is_free = |number: &u64| at.next.is_some_and(|next| next <= *number);
        let last = at.wanted_aliases.values().copied().filter(is_free).max();
        while let (Some(next), Some(last)) = (at.next, last)
            && next <= last
        {
            let made = self
                .client
                .create_model_version(&NewVersion {
                    name: &name,
                    source: PLACEHOLDER_SOURCE,
                    model_id: None,
                    run_id: None,
                    run_link: "",
                    description: "",
                    tags: &gap,
                })
                .await?;
            at.next = Some(made + 1);
            self.set_aliases_of(at, made).await?;
            self.client.delete_model_version(&name, made).await?;
        }
        Ok(())
    }

    pub(super) async fn set_aliases(
        &self,
        mut at: TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        let mut refused = Refused::default();
        let is_there = |number: u64| versions.iter().any(|version| version.version == number);
        if at.is_whole {
            self.use_up(&mut at).await?;
        }
        let of_deleted = model.aliases.iter().any(|(alias, number)| {
            at.aliases.get(alias) == Some(number) && !is_there(*number) && !at.versions.contains_key(number)
        });
        if of_deleted && let Some(now) = self.client.registered_model(&at.name).await? {
            at.aliases = now.aliases;
        }
        for (alias, number) in &model.aliases {
            match at.aliases.get(alias) {
                Some(there) if there == number => {}
                Some(there) => notes.push(format!(
                    "{} {}: the alias {alias} stands for version {there} on the target, not {number}; it was left alone",
                    model.kind(), at.name
                )),
                None if is_there(*number) => match self.client.set_alias(&at.name, alias, *number).await {
                    Err(e) if is_refusal(&e) => refused.add("alias", alias, e.to_string()),
                    other => other?,
                },
                None => notes.push(format!(
                    "{} {}: the alias {alias} was not set: its version {number} is not on the target",
                    model.kind(),
                    at.name
                )),
            }
        }
        self.refusals.add(model.kind(), &model.name, refused);
        Ok(notes)
    }

    /// Tags with the new ids in them.
    fn new_tags(&self, tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let theirs = tags.iter().filter(|(key, _)| !tag::is_ours(key));
        theirs.map(|(key, value)| (key.clone(), self.new_value(key, value))).collect()
    }

    fn new_value(&self, key: &str, value: &str) -> String {
        if key == tag::PROMPT_EXPERIMENTS {
            return self.new_experiments(value);
        }
        rewrite(key, value, |id| self.ledger.target_of(id)).unwrap_or_else(|| value.to_owned())
    }
}

fn with(theirs: &BTreeMap<String, String>, ours: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    theirs.iter().chain(ours).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What no request can set is kept as tags.
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
