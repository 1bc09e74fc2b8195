//! Objects that the target creates although its answer was lost, for example because a gateway timed out or the server
//! was stuck for longer than a request waits. In the meantime, the import may have created the object again. The empty
//! copy is removed, because a user cannot distinguish it from a real object.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::model_writer::ImportedModel;
use super::{ImportedRun, RestWriter};
use crate::entities::{ExperimentId, Lifecycle, ModelId, ModelStatus, ModelVersion, RunId, RunStatus, tag};
use crate::error::Result;

/// The pauses before each search for an object whose creation got no answer.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(5)];
/// The same for a numbered version. A second version would use up a number, and a number is never free again.
pub(super) const PAUSES_FOR_NUMBERS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// The experiments and registered models in which this job created an object without getting an answer.
#[derive(Default)]
pub(super) struct Unanswered {
    experiments: Mutex<HashSet<ExperimentId>>,
    models: Mutex<HashSet<String>>,
}

impl Unanswered {
    pub fn in_experiment(&self, id: &ExperimentId) {
        self.experiments.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
    }

    pub fn in_model(&self, name: &str) {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// True for an experiment in which a creation got no answer. Each one is returned only once.
    pub fn take_experiment(&self, id: &ExperimentId) -> bool {
        self.experiments.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    pub fn take_model(&self, name: &str) -> bool {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }
}

/// Searches several times, because the server may still be busy with the creation.
pub(super) async fn look_for<T, F>(look: impl Fn() -> F) -> Result<Option<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        if let Some(found) = look().await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl RestWriter {
    /// Chooses between two copies of a run. An empty copy is deleted; the user decides about two copies with content.
    pub(super) async fn resolve_duplicate_run(
        &self,
        source: &RunId,
        kept: &mut ImportedRun,
        other: ImportedRun,
    ) -> Result<()> {
        let known = self.id_map.target_of(source);
        if kept.is_bare && !(other.is_bare && known.as_ref() == Some(&kept.id)) {
            let bare = std::mem::replace(kept, other);
            return self.remove_late_run(source, &bare, kept).await;
        }
        if other.is_bare {
            return self.remove_late_run(source, &other, kept).await;
        }
        self.note_double(source, kept, &other);
        if kept.status == RunStatus::Running {
            *kept = other;
        }
        Ok(())
    }

    async fn remove_late_run(&self, source: &RunId, bare: &ImportedRun, kept: &ImportedRun) -> Result<()> {
        // Without a lease, another import may still be writing to it.
        if self.keeps_no_lease.load(Ordering::Relaxed) || !self.is_empty(&bare.id).await? {
            self.note_double(source, kept, bare);
            return Ok(());
        }
        self.client.set_run_tag(&bare.id, tag::LATE_COPY, source.as_str()).await?;
        self.client.set_run_lifecycle(&bare.id, Lifecycle::Deleted).await?;
        self.note(format!(
            "run {source} of the source was on the target twice, because the target had created one after its answer was \
             lost: the empty copy {} was deleted, {} was kept",
            bare.id, kept.id
        ));
        Ok(())
    }

    /// True when the run still has no content and no files. Files that cannot be listed count as files.
    async fn is_empty(&self, id: &RunId) -> Result<bool> {
        let run = self.client.run(id).await?;
        let has_none = match self.client.list_artifacts(run.owner(), "").await {
            Ok((files, folders)) => files.is_empty() && folders.is_empty(),
            Err(error) if error.is_about_object() => false,
            Err(error) => return Err(error),
        };
        Ok(has_none && ImportedRun::from(run).is_bare)
    }

    /// Notes that a run exists twice, after two imports at the same time or an import of an old release that was not
    /// stopped. The import continues with the finished copy; the user decides which one to delete.
    fn note_double(&self, source: &RunId, one: &ImportedRun, other: &ImportedRun) {
        self.note(format!(
            "run {source} of the source is on the target twice, as {} and {}: delete one of them there",
            one.id, other.id
        ));
    }

    /// The same for two copies of a logged model. A copy that is still pending is deleted.
    pub(super) async fn resolve_duplicate_model(
        &self,
        source: &ModelId,
        kept: ImportedModel,
        other: ImportedModel,
    ) -> Result<ImportedModel> {
        let is_known = |model: &ImportedModel| self.id_map.model_of(source).as_ref() == Some(&model.id);
        let is_open = |model: &ImportedModel| model.status == ModelStatus::Pending;
        let (kept, late) = match is_known(&other) || (!is_known(&kept) && is_open(&kept)) {
            true => (other, kept),
            false => (kept, other),
        };
        let (kept_id, late_id) = (&kept.id, &late.id);
        if is_open(&late) && !self.keeps_no_lease.load(Ordering::Relaxed) {
            self.client.delete_logged_model(late_id).await?;
            self.note(format!(
                "logged model {source} of the source was on the target twice, because the target had created one \
                 after its answer was lost: the unfinished copy {late_id} was deleted, {kept_id} was kept"
            ));
        } else {
            self.note(format!(
                "logged model {source} of the source is on the target twice, as {kept_id} and {late_id}: delete one \
                 of them there"
            ));
        }
        Ok(kept)
    }

    /// Deletes versions that are late copies of another version of this model. Returns the remaining ones.
    pub(super) async fn without_late_copies(
        &self,
        name: &str,
        mut existing: BTreeMap<u64, ModelVersion>,
        aliased: &BTreeSet<u64>,
    ) -> Result<BTreeMap<u64, ModelVersion>> {
        let is_safe = !self.keeps_no_lease.load(Ordering::Relaxed);
        let late: Vec<(u64, u64)> = existing
            .values()
            .filter(|one| is_safe && !aliased.contains(&one.version))
            .filter_map(|one| Some((one.version, copied_number(one, &existing)?)))
            .collect();
        for (number, of) in late {
            self.client.delete_model_version(name, number).await?;
            existing.remove(&number);
            self.note(format!(
                "version {number} of {name:?} was the same as version {of}, because the target had created it after its \
                 answer was lost: it was deleted, {of} was kept"
            ));
        }
        Ok(existing)
    }
}

/// The number of the version that this one repeats in every field. A copy that a user has made has another source or
/// another text.
fn copied_number(one: &ModelVersion, existing: &BTreeMap<u64, ModelVersion>) -> Option<u64> {
    let label = one.tags.get(tag::SOURCE_VERSION)?;
    let number: u64 = label.rsplit_once('/')?.1.parse().ok()?;
    let first = existing.get(&number).filter(|_| number != one.version)?;
    let is_same = first.source == one.source
        && first.tags == one.tags
        && first.description == one.description
        && first.run_id == one.run_id
        && matches!(one.stage.as_str(), "" | "None");
    is_same.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_that_repeats_another_one_is_a_late_copy() {
        let version = |number: u64, label: &str, source: &str| ModelVersion {
            version: number,
            source: source.to_owned(),
            tags: [(tag::SOURCE_VERSION.to_owned(), label.to_owned())].into(),
            ..ModelVersion::default()
        };
        let existing: BTreeMap<u64, ModelVersion> =
            [version(1, "m/1", "s3://a"), version(2, "m/2", "s3://b")].map(|one| (one.version, one)).into();
        assert_eq!(copied_number(&existing[&2], &existing), None, "it has its own number");
        assert_eq!(copied_number(&version(3, "m/1", "s3://a"), &existing), Some(1));
        assert_eq!(copied_number(&version(3, "m/1", "models:/m/1"), &existing), None, "MLflow's own copy");
        assert_eq!(copied_number(&version(3, "m/5", "s3://a"), &existing), None);
        let mut edited = version(3, "m/1", "s3://a");
        edited.tags.insert("mlflow.prompt.text".to_owned(), "new".to_owned());
        assert_eq!(copied_number(&edited, &existing), None, "a new text from an old prompt");
        let staged = ModelVersion { stage: "Production".to_owned(), ..version(3, "m/1", "s3://a") };
        assert_eq!(copied_number(&staged, &existing), None, "a user uses it");
    }
}
