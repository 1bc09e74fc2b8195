//! Registered models, prompts and their versions. The server numbers versions itself, one more than any the model
//! ever had: numbers that are free on the source are used up with a placeholder that is deleted again.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::source::NewSource;
use super::{RestTarget, TRIES};
use crate::entities::{ModelId, ModelVersion, RegisteredModel, RunId, rewrite, tag};
use crate::error::{Class, Error, Result};
use crate::rest::NewVersion;
use crate::target::{Found, Registry};

/// The source of a placeholder: of a scheme that no release looks into, with a path, which MLflow 3.10 asks for
/// (`server/handlers.py`, `_validate_source_model`).
const PLACEHOLDER_SOURCE: &str = "s3://mlferry-placeholder/none";
const NO_SUCH_SOURCE: &str = "the target takes no such source: register a copy of the files, in a bucket or in the run \
                              that the version names, on the source or on the target";
/// What a placeholder says of itself, so that one that was left behind is known.
const PLACEHOLDER: &str = "placeholder";

impl RestTarget {
    pub(super) async fn find_or_make_model(&self, model: &RegisteredModel, name: &str) -> Result<Registry> {
        let names = || self.model_names.lock().unwrap_or_else(PoisonError::into_inner);
        names().insert(model.name.clone(), name.to_owned());
        // There is nothing else in the question that a server could refuse.
        let there = self.client.registered_model(name).await.map_err(|e| match e.class() {
            Class::Permanent => e.hint("give it another name with --model-rename-file"),
            _ => e,
        })?;
        let Some(there) = there else {
            self.make_model(model, name).await?;
            return Ok(Registry { name: name.to_owned(), next: Some(1), ..Registry::default() });
        };
        if there.is_prompt() != model.is_prompt() {
            let (is, wanted) = (there.kind(), model.kind());
            return Err(Error::permanent(format!("{name:?} is a {is} on the target, not a {wanted}"))
                .hint("give it another name with --model-rename-file"));
        }
        for (key, value) in &model.tags {
            if !there.tags.contains_key(key) {
                self.client.set_registered_model_tag(name, key, value).await?;
            }
        }
        let versions = self.versions_there(name).await?;
        Ok(Registry { name: name.to_owned(), found: true, versions, aliases: there.aliases, next: None })
    }

    async fn make_model(&self, model: &RegisteredModel, name: &str) -> Result<()> {
        let mut tags = self.new_tags(&model.tags);
        tags.insert(tag::SOURCE_REGISTERED_MODEL.to_owned(), model.name.clone());
        insert_times(&mut tags, model.creation_time, model.last_update_time, &model.user_id);
        match self.client.create_registered_model(name, &model.description, &tags).await {
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
        at: &mut Registry,
        version: &ModelVersion,
    ) -> Result<Found> {
        let new = self.new_source(version).await?;
        let found = match at.versions.get(&version.version) {
            Some(there) => self.is_it(there, version, &new.source).map(|()| Found::Everything)?,
            None => {
                self.make_version(at, version, &new).await?;
                Found::Nothing
            }
        };
        let stage = at.versions.get(&version.version).map_or("None", |there| there.stage.as_str());
        if !matches!(version.stage.as_str(), "" | "None") && version.stage != stage {
            self.client.set_stage(&at.name, version.version, &version.stage).await?;
            return Ok(if found == Found::Everything { Found::Partial } else { found });
        }
        Ok(found)
    }

    /// An error unless the version that holds the number is the one to be written.
    fn is_it(&self, there: &ModelVersion, version: &ModelVersion, source: &str) -> Result<()> {
        let ours = there.tags.get(tag::SOURCE_VERSION) == Some(&version.label());
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

    async fn make_version(&self, at: &mut Registry, version: &ModelVersion, new: &NewSource) -> Result<()> {
        let mut tags = self.new_tags(&version.tags);
        tags.insert(tag::SOURCE_VERSION.to_owned(), version.label());
        insert_times(&mut tags, version.creation_time, version.last_update_time, &version.user_id);
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
            tags: &tags,
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
                Err(e) if e.class() == Class::Permanent => return Err(e.hint(NO_SUCH_SOURCE)),
                Err(e) => return Err(e),
            };
            at.next = Some(made + 1);
            if made == wanted {
                return Ok(());
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

    pub(super) async fn set_aliases(
        &self,
        at: &Registry,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for (alias, number) in &model.aliases {
            match at.aliases.get(alias) {
                Some(there) if there == number => {}
                Some(there) => notes.push(format!(
                    "{} {}: the alias {alias} stands for version {there} on the target, not {number}; it was left alone",
                    model.kind(), at.name
                )),
                None if versions.iter().any(|version| version.version == *number) => {
                    self.client.set_alias(&at.name, alias, *number).await?;
                }
                None => notes.push(format!(
                    "{} {}: the alias {alias} was not set: its version {number} is not on the target",
                    model.kind(),
                    at.name
                )),
            }
        }
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
