//! Experiments that were renamed, deleted or restored since an import made them.

use super::RestWriter;
use super::experiment::is_made_from;
use super::merge::has_identity;
use super::refused::is_refusal;
use crate::entities::{Experiment, ExperimentId, Lifecycle, tag};
use crate::error::{Class, Error, Result};
use crate::writers::Placement;

impl RestWriter {
    /// Gives the copy `id` of an experiment its new name, and restores it, as at the source.
    pub(super) async fn follow_rename(
        &self,
        id: &ExperimentId,
        experiment: &Experiment,
        name: &str,
    ) -> Result<Experiment> {
        let _turn = self.renaming.lock().await;
        // Another experiment may have renamed it in the meantime, to get its name.
        let existing = self.client.experiment(id).await?;
        let existing = self.restored_experiment(existing, experiment).await?;
        self.under_its_name(existing, &experiment.name, name).await
    }

    /// Restores an experiment that an earlier import deleted here, because it was restored at the source.
    pub(super) async fn restored_experiment(
        &self,
        existing: Experiment,
        experiment: &Experiment,
    ) -> Result<Experiment> {
        if !existing.lifecycle.is_deleted() || experiment.lifecycle.is_deleted() {
            return Ok(existing);
        }
        self.client.set_experiment_lifecycle(&existing.id, Lifecycle::Active).await?;
        self.note(format!("experiment {:?} was restored on the target, as on the source", existing.name));
        Ok(Experiment { lifecycle: Lifecycle::Active, ..existing })
    }

    /// The other source experiment that this target experiment was made from, and its name on the target. It had this
    /// name before, unless both are to become one.
    pub(super) fn copied_from_another(
        &self,
        existing: &Experiment,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Option<&(Experiment, String)> {
        let all = &self.source.get()?.experiments;
        let is_marked = existing.tags.contains_key(tag::SOURCE_CREATION_TIME);
        let becomes_one = |name: &str| placement.merge && name == placement.name;
        let is_match = |(one, name): &&(Experiment, String)| {
            one.id != experiment.id && has_identity(one) && is_made_from(existing, one) && !becomes_one(name)
        };
        all.iter().find(is_match).filter(|_| is_marked)
    }

    /// Renames the copy of another experiment, because that one was renamed at the source, so that the name becomes
    /// free.
    pub(super) async fn rename_copied(
        &self,
        id: &ExperimentId,
        (other, new): &(Experiment, String),
        name: &str,
    ) -> Result<()> {
        let _turn = self.renaming.lock().await;
        // The other experiment may have got its name from its own import in the meantime.
        let existing = self.client.experiment(id).await?;
        if existing.name != name {
            return Ok(());
        }
        let existing = self.restored_experiment(existing, other).await?;
        if self.under_its_name(existing, &other.name, new).await?.name != name {
            return Ok(());
        }
        Err(Error::permanent(format!(
            "the target's experiment {name:?} is the copy of another one, which is now called {new:?}"
        ))
        .hint("rename it on the target, or give this experiment another name with --experiments-prefix or --experiment-rename-file"))
    }

    /// Renames an experiment after a rename at the source. A name that a user has set on the target is kept. If the
    /// name at the source is the same as before, an earlier import had a prefix or a rename file, and its name is kept,
    /// too.
    async fn under_its_name(&self, existing: Experiment, source: &str, name: &str) -> Result<Experiment> {
        if existing.name == name {
            return Ok(existing);
        }
        let is_taken = self.client.experiment_by_name(name).await?.is_some();
        let is_given = existing.tags.get(tag::GIVEN_NAME) == Some(&existing.name);
        let old = existing.name.clone();
        let is_unchanged = existing.tags.get(tag::SOURCE_NAME).is_some_and(|known| known == source);
        let why = match () {
            () if !is_given => "an import did not give it that name",
            () if existing.lifecycle.is_deleted() => "it is deleted there",
            () if is_unchanged && name == source => "an earlier import gave it with other options",
            () if is_taken => "another experiment has the new name there",
            () => match self.client.rename_experiment(&existing.id, name).await {
                Ok(()) => {
                    for (key, value) in [(tag::GIVEN_NAME, name), (tag::SOURCE_NAME, source)] {
                        self.client.set_experiment_tag(&existing.id, key, value).await?;
                    }
                    self.note(format!(
                        "experiment {old:?} was renamed to {name:?} on the target, its name in this import"
                    ));
                    return Ok(Experiment { name: name.to_owned(), ..existing });
                }
                Err(e) if is_refusal(&e) || e.class() == Class::Forbidden => {
                    "the target refuses to rename it"
                }
                Err(e) => return Err(e),
            },
        };
        self.note_kept_name(name, &old, why);
        Ok(existing)
    }

    pub(super) fn note_kept_name(&self, name: &str, old: &str, why: &str) {
        if name != old {
            self.note(format!(
                "experiment {name:?} was migrated before and is called {old:?} on the target: it keeps that name, because {why}"
            ));
        }
    }
}
