//! Registered models and prompts that were renamed since an import made them.

use std::sync::PoisonError;

use super::RestWriter;
use super::refused::is_refusal;
use crate::entities::{RegisteredModel, tag};
use crate::error::{Class, Error, Result};

impl RestWriter {
    /// The other source model that this target model was made from. It had this name before. The creation time
    /// identifies it.
    pub(super) fn model_copied_from_another(
        &self,
        existing: &RegisteredModel,
        model: &RegisteredModel,
    ) -> Option<&(RegisteredModel, String)> {
        let made = |one: &RegisteredModel| one.creation_time.map(|time| time.to_string());
        let origin = existing
            .tags
            .get(tag::SOURCE_REGISTERED_MODEL)
            .and(existing.tags.get(tag::SOURCE_CREATION_TIME))?;
        if made(model).as_ref() == Some(origin) {
            return None;
        }
        let mut all = self.source.get()?.models.iter();
        all.find(|(one, _)| {
            one.name != model.name && one.kind() == existing.kind() && made(one).as_ref() == Some(origin)
        })
    }

    /// Renames the copy of `other`, because `other` was renamed at the source, so that the name becomes free.
    pub(super) async fn rename_copied_model(
        &self,
        existing: &RegisteredModel,
        (other, new): &(RegisteredModel, String),
        name: &str,
    ) -> Result<()> {
        let kind = existing.kind();
        let is_given = existing.tags.get(tag::GIVEN_NAME).is_none_or(|given| *given == existing.name);
        if !is_given || self.client.registered_model(new).await?.is_some() {
            return Err(Error::permanent(format!(
                "the target's {kind} {name:?} is the copy of another one, which is now called {new:?}"
            ))
            .hint("rename it on the target, or give this one another name with --model-rename-file"));
        }
        self.rename_model(name, new, &other.name).await?;
        self.note(format!("{kind} {name:?} was renamed to {new:?} on the target, as on the source"));
        Ok(())
    }

    async fn rename_model(&self, old: &str, new: &str, source_name: &str) -> Result<()> {
        self.client.rename_registered_model(old, new).await?;
        for (key, value) in [(tag::GIVEN_NAME, new), (tag::SOURCE_REGISTERED_MODEL, source_name)] {
            self.client.set_registered_model_tag(new, key, value).await?;
        }
        Ok(())
    }

    /// The model that an earlier import made from this one, before one of them was renamed. The source has no id for a
    /// model, but its creation time does not change. The target's model gets the source's new name, unless a user has
    /// renamed it there.
    pub(super) async fn under_another_name(
        &self,
        model: &RegisteredModel,
        name: &str,
    ) -> Result<Option<RegisteredModel>> {
        let Some(created) = model.creation_time.map(|time| time.to_string()) else { return Ok(None) };
        let found = self
            .client
            .registered_models_tagged(tag::SOURCE_CREATION_TIME, &created, model.is_prompt())
            .await?;
        let is_open = |existing: &RegisteredModel| {
            let names = self.model_names.lock().unwrap_or_else(PoisonError::into_inner);
            names.iter().any(|(source, target)| *source != model.name && *target == existing.name)
        };
        let mut found: Vec<RegisteredModel> = found
            .into_iter()
            .filter(|existing| {
                existing.kind() == model.kind() && existing.tags.contains_key(tag::SOURCE_REGISTERED_MODEL)
            })
            .filter(|existing| !is_open(existing))
            .collect();
        let (Some(existing), None) = (found.pop(), found.pop()) else { return Ok(None) };
        let given =
            existing.tags.get(tag::GIVEN_NAME).or_else(|| existing.tags.get(tag::SOURCE_REGISTERED_MODEL));
        let (kind, old) = (model.kind(), existing.name.clone());
        if given != Some(&old) {
            self.note(format!(
                "{kind} {name:?} was migrated before and a user has renamed it to {old:?} on the target: it keeps that name"
            ));
            return Ok(Some(existing));
        }
        match self.rename_model(&old, name, &model.name).await {
            Ok(()) => {}
            Err(e) if is_refusal(&e) || e.class() == Class::Forbidden => {
                self.note(format!(
                    "{kind} {name:?} is still called {old:?} on the target, which refuses to rename it: {e}"
                ));
                return Ok(Some(existing));
            }
            Err(e) => return Err(e),
        }
        self.note(format!("{kind} {old:?} was renamed to {name:?} on the target, as on the source"));
        Ok(Some(RegisteredModel { name: name.to_owned(), ..existing }))
    }
}
