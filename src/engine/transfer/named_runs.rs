//! Params that name runs. A param can only be written once. If a param names a run that is not on the target yet, the
//! param must wait until that run exists. The named run may belong to another experiment, or may have started later.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::future::join_all;

use super::Copy;
use crate::entities::{Run, RunId, ids_in, names_model};
use crate::writers::IdMap;

/// For each id in a param: true when it is the id of a run of the source. Many hashes look like an id, so each id is
/// looked up once at the source.
#[derive(Default)]
pub(super) struct NamedRuns(Mutex<HashMap<RunId, bool>>);

impl NamedRuns {
    fn known(&self, id: &RunId) -> Option<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    fn learn(&self, id: RunId, is_run: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, is_run);
    }
}

/// The ids in one param that may belong to runs. Ids of logged models are excluded, because params that name a model
/// are handled separately.
fn ids(key: &str, value: &str) -> Vec<RunId> {
    match names_model(value) {
        true => Vec::new(),
        false => ids_in(key, value).into_iter().map(RunId::from).collect(),
    }
}

impl Copy {
    /// True when a param of the run names a run of the source. Checks every id, so that all ids are known afterwards.
    pub(super) async fn names_runs(&self, run: &Run) -> bool {
        let ids = run.params.iter().flat_map(|(key, value)| ids(key, value));
        join_all(ids.map(|id| self.is_run(id))).await.contains(&true)
    }

    /// Returns the run without the params that must wait, or `None` when no param must wait.
    pub(super) fn without_waiting(&self, run: &Run) -> Option<Run> {
        let waits = |key: &str, value: &str| ids(key, value).iter().any(|id| self.must_wait_for(id));
        let has_one = run.params.iter().any(|(key, value)| waits(key, value));
        has_one.then(|| {
            let mut run = run.clone();
            run.params.retain(|key, value| !waits(key, value));
            run
        })
    }

    /// True when every run that a param names is on the target.
    pub(super) fn are_runs_known(&self, run: &Run) -> bool {
        run.params.iter().flat_map(|(key, value)| ids(key, value)).all(|id| !self.must_wait_for(&id))
    }

    fn must_wait_for(&self, id: &RunId) -> bool {
        self.named_runs.known(id).unwrap_or(false) && self.journal.target_of(id).is_none()
    }

    async fn is_run(&self, id: RunId) -> bool {
        if let Some(known) = self.named_runs.known(&id) {
            return known;
        }
        // If the source does not answer, the id counts as a run, because waiting is the safe choice.
        let is_run = self.journal.target_of(&id).is_some() || !matches!(self.source.run(&id).await, Ok(None));
        self.named_runs.learn(id, is_run);
        is_run
    }
}
