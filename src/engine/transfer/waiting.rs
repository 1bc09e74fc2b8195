//! What is made once and names something else must not be made before that is there: a version's number, its run and
//! its files, the run of a logged model can never be changed. Where the other one failed for now, all that names it
//! fails for now too, and the next import makes both.

use super::Copy;
use crate::entities::{Kind, ModelId, ModelVersion, OwnedUri, RunId};
use crate::error::Error;
use crate::writers::IdMap;

impl Copy {
    /// Why what names this run cannot be made yet; none when the run is there or never comes.
    pub(super) fn run_to_wait_for(&self, run: &RunId) -> Option<Error> {
        self.to_wait_for(Kind::Run, run.as_str(), self.journal.target_of(run).is_some())
    }

    /// The same of a version and all that it names.
    pub(super) fn version_to_wait_for(&self, version: &ModelVersion) -> Option<Error> {
        if let Some(error) = version.run_id.as_ref().and_then(|run| self.run_to_wait_for(run)) {
            return Some(error);
        }
        if let Some((name, number)) = version.copied_from() {
            return self.to_wait_for(Kind::ModelVersion, &format!("{name}/{number}"), true);
        }
        let uri = OwnedUri::parse(&version.source)?;
        if !uri.is_of_model() {
            return self.run_to_wait_for(&RunId::from(uri.owner));
        }
        let is_known = self.journal.model_of(&ModelId::from(uri.owner)).is_some();
        // It may be the list of them that failed.
        if !is_known && self.context.any_failed_for_now(Kind::LoggedModel) {
            return Some(for_now(Kind::LoggedModel, uri.owner));
        }
        self.to_wait_for(Kind::LoggedModel, uri.owner, is_known)
    }

    /// `is_known`: it has been met on the target. One that failed may have been.
    fn to_wait_for(&self, kind: Kind, id: &str, is_known: bool) -> Option<Error> {
        // Of an experiment that could not be listed nobody knows what it holds.
        let may_come = !is_known && self.context.any_failed_for_now(Kind::Experiment);
        (self.context.failed_for_now(kind, id) || may_come).then(|| for_now(kind, id))
    }
}

fn for_now(kind: Kind, id: &str) -> Error {
    Error::transient(format!("it names the {} {id}, which could not be moved for now", kind.words().0))
        .hint("run the same command again: it continues")
}
