//! Some values are set once and cannot be changed later: the number, the run and the files of a version, and the run of
//! a logged model. Therefore an object must not be created before the objects that it names. If a named object has
//! failed in this job but may succeed in another job, every object that names it fails too. The next import then
//! creates both.

use std::sync::PoisonError;

use super::Copy;
use crate::entities::{Kind, ModelId, ModelVersion, OwnedUri, RunId};
use crate::error::Error;
use crate::writers::IdMap;

impl Copy {
    /// The reason why an object that names this run cannot be created yet. `None` when the object need not wait: the
    /// run is complete on the target, or no later job can create it.
    pub(super) fn run_to_wait_for(&self, run: &RunId) -> Option<Error> {
        self.to_wait_for(Kind::Run, run.as_str(), self.journal.target_of(run).is_some())
    }

    /// The reason why this version cannot be created, or not yet. `None` when it need not wait for any object that it
    /// names.
    pub(super) fn version_to_wait_for(&self, version: &ModelVersion) -> Option<Error> {
        if let Some(error) = version.run_id.as_ref().and_then(|run| self.run_to_wait_for(run)) {
            return Some(error);
        }
        if let Some((name, number)) = version.copied_from() {
            let original = format!("{name}/{number}");
            let refused = self.refused_versions.lock().unwrap_or_else(PoisonError::into_inner);
            // The target may have another version with this number, and the copy would become a copy of that one.
            if refused.contains(&original) {
                return Some(
                    Error::permanent(format!("it is a copy of {original}, which could not be moved"))
                        .hint("migrate that version, too: its own error says how"),
                );
            }
            return self.to_wait_for(Kind::ModelVersion, &original, true);
        }
        let uri = OwnedUri::parse(&version.source)?;
        if !uri.is_of_model() {
            return self.run_to_wait_for(&RunId::from(uri.owner));
        }
        let is_known = self.journal.model_of(&ModelId::from(uri.owner)).is_some();
        // If the logged models of an experiment could not be listed, this model may be one of them.
        if !is_known && self.context.any_failed_for_now(Kind::LoggedModel) {
            return Some(for_now(Kind::LoggedModel, uri.owner));
        }
        self.to_wait_for(Kind::LoggedModel, uri.owner, is_known)
    }

    /// `is_known` means that the object exists on the target. An object may exist there even if it has failed.
    fn to_wait_for(&self, kind: Kind, id: &str, is_known: bool) -> Option<Error> {
        // If an experiment could not be listed, its content is unknown.
        let may_come = !is_known && self.context.any_failed_for_now(Kind::Experiment);
        (self.context.failed_for_now(kind, id) || may_come).then(|| for_now(kind, id))
    }
}

fn for_now(kind: Kind, id: &str) -> Error {
    Error::transient(format!("it names the {} {id}, which could not be moved yet", kind.words().0))
        .hint("run the same command again: it continues")
}
