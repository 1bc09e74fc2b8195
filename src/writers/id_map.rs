use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::entities::{ModelId, RunId};
use crate::error::Result;

/// Maps runs of the source to runs of the target, and keeps references to runs that do not exist on the target yet.
pub trait IdMap: Send + Sync {
    /// The run of the target for a run of the source, if it is known.
    fn target_of(&self, source: &RunId) -> Option<RunId>;

    /// The logged model of the target for one of the source. Models are stored by the digits of their ids, among the
    /// runs: so a text that names a model is handled like one that names a run.
    fn model_of(&self, source: &ModelId) -> Option<ModelId> {
        self.target_of(&source.digits()).as_ref().map(ModelId::of_digits)
    }

    fn opened_model(&self, source: &ModelId, target: &ModelId) -> Result<()> {
        self.opened(&source.digits(), &target.digits())
    }

    /// True for a run on the target that was made from a run of the source.
    fn is_target(&self, run: &RunId) -> bool;

    /// Records that `target` is the copy of `source`.
    fn opened(&self, source: &RunId, target: &RunId) -> Result<()>;

    /// Stores a reference that waits for its run.
    fn unresolved(&self, reference: Unresolved) -> Result<()>;

    /// All references that wait for their runs.
    fn all_unresolved(&self) -> Result<Vec<Unresolved>>;

    /// Removes a reference from those that wait.
    fn mark_resolved(&self, reference: &Unresolved) -> Result<()>;
}

/// A tag of a run or logged model on the target. It names a run or model that did not exist when the tag was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The run or logged model that carries the tag, on the target.
    pub on: String,
    pub key: String,
    /// The value, with the ids of the source.
    pub value: String,
}

/// An id map for a process that does not have to resume.
#[derive(Default)]
pub struct MemoryIdMap(Mutex<State>);

#[derive(Default)]
struct State {
    map: HashMap<RunId, RunId>,
    targets: HashSet<RunId>,
    waiting: Vec<Unresolved>,
}

impl MemoryIdMap {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IdMap for MemoryIdMap {
    fn target_of(&self, source: &RunId) -> Option<RunId> {
        self.state().map.get(source).cloned()
    }

    fn is_target(&self, run: &RunId) -> bool {
        self.state().targets.contains(run)
    }

    fn opened(&self, source: &RunId, target: &RunId) -> Result<()> {
        let mut state = self.state();
        state.map.insert(source.clone(), target.clone());
        state.targets.insert(target.clone());
        Ok(())
    }

    fn unresolved(&self, reference: Unresolved) -> Result<()> {
        self.state().waiting.push(reference);
        Ok(())
    }

    fn all_unresolved(&self) -> Result<Vec<Unresolved>> {
        Ok(self.state().waiting.clone())
    }

    fn mark_resolved(&self, reference: &Unresolved) -> Result<()> {
        self.state().waiting.retain(|waiting| waiting != reference);
        Ok(())
    }
}
