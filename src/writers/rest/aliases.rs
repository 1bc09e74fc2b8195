//! Aliases of registered models. An alias may point to a deleted version: then a placeholder holds the number while the
//! alias is set.

use std::collections::BTreeMap;

use super::RestWriter;
use super::refused::{Refused, is_refusal};
use super::registry::{PLACEHOLDER, PLACEHOLDER_SOURCE};
use crate::entities::{ModelVersion, RegisteredModel, tag};
use crate::error::Result;
use crate::rest::NewVersion;
use crate::writers::TargetModel;

/// Each number costs two requests.
const MAX_USED_UP: u64 = 10_000;

impl RestWriter {
    /// Sets the aliases of a version number of the target. A version that was deleted on the source may still have
    /// aliases there; they are set while a placeholder holds its number. Releases that keep such aliases on the source
    /// also keep them here (MLflow 2.3 to 3.10, `store/model_registry/sqlalchemy_store.py`, `delete_model_version`; 3.18
    /// deletes them).
    pub(super) async fn set_aliases_of(&self, at: &mut TargetModel, number: u64) -> Result<()> {
        let of_number = at.wanted_aliases.iter().filter(|(_, wanted)| at.numbers.number(**wanted) == number);
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

    /// Uses up the numbers of the versions that were deleted on the source after the last existing one: up to the last
    /// number that the source has given out, or that an alias points to. This happens only if the next number is known,
    /// so that no later version loses its own number.
    async fn use_up(&self, at: &mut TargetModel, last_number: Option<u64>) -> Result<()> {
        let gap = BTreeMap::from([(tag::SOURCE_VERSION.to_owned(), PLACEHOLDER.to_owned())]);
        let name = at.name.clone();
        let is_free = |number: &u64| at.next.is_some_and(|next| next <= *number);
        let wanted = at.wanted_aliases.values().copied().chain(last_number);
        let last = wanted.map(|number| at.numbers.number(number)).filter(is_free).max();
        let missing = at.next.zip(last).map_or(0, |(next, last)| last - next + 1);
        if missing > MAX_USED_UP {
            self.note(format!(
                "{name}: the last {missing} version numbers that the source has used were not used up, because there are more \
                 than {MAX_USED_UP}"
            ));
            return Ok(());
        }
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
        let is_present = |number: u64| versions.iter().any(|version| version.version == number);
        if at.is_whole {
            self.use_up(&mut at, model.last_number).await?;
        }
        let of_deleted = model.aliases.iter().any(|(alias, number)| {
            let new = at.numbers.number(*number);
            at.aliases.get(alias) == Some(&new) && !is_present(*number) && !at.versions.contains_key(&new)
        });
        if of_deleted && let Some(now) = self.client.registered_model(&at.name).await? {
            at.aliases = now.aliases;
        }
        for (alias, number) in &model.aliases {
            let new = at.numbers.number(*number);
            match at.aliases.get(alias) {
                Some(existing) if *existing == new => {}
                // This value is counted with the others that were not changed.
                Some(_) if at.is_ours && is_present(*number) && !self.drift.sets("aliases") => {}
                Some(existing) if !at.is_ours || !is_present(*number) => {
                    notes.push(format!(
                        "{} {}: the alias {alias} points to version {existing} on the target, not {new}; it was not \
                         changed",
                        model.kind(),
                        at.name
                    ));
                }
                _ if is_present(*number) => match self.client.set_alias(&at.name, alias, new).await {
                    Err(e) if is_refusal(&e) => refused.add("alias", alias, e.to_string()),
                    other => other?,
                },
                _ => notes.push(format!(
                    "{} {}: the alias {alias} was not set: its version {number} is not on the target",
                    model.kind(),
                    at.name
                )),
            }
        }
        self.refusals.add(model.kind(), &model.name, refused);
        Ok(notes)
    }
}
