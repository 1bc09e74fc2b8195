//! Experiments of several sources that have one name on the target.

use std::sync::PoisonError;

use futures::TryStreamExt;

use super::RestWriter;
use crate::entities::{Experiment, ExperimentId};
use crate::error::{Code, Error, Result};
use crate::io::strict;
use crate::writers::Placement;

/// The experiment that every server has from the start.
pub(super) const DEFAULT_EXPERIMENT: &str = "0";

impl RestWriter {
    /// Fails when runs of several sources would be mixed in `existing` and the user has not asked for that. Call it
    /// after [`look_for_runs`](Self::look_for_runs).
    pub(super) async fn ensure_may_join(
        &self,
        experiment: &Experiment,
        existing: &Experiment,
        placement: Placement<'_>,
        is_imported: bool,
    ) -> Result<()> {
        let name = placement.name;
        if is_known(experiment, existing, is_imported)
            || self.has_one_of(&existing.id, placement)
            || self.is_unused(existing, is_imported).await?
        {
            return Ok(());
        }
        if placement.merge || existing.id.as_str() == DEFAULT_EXPERIMENT {
            self.note(format!(
                "experiment {name:?} was on the target before: runs were added to it, and its tags were not changed"
            ));
            return Ok(());
        }
        Err(Error::permanent(format!(
            "the target has an experiment named {name:?} that holds runs of another source"
        ))
        .code(Code::NameTaken)
        .hint(
            "to keep them apart, give this experiment another name with --experiments-prefix or \
             --experiment-rename-file; to add its runs to the others, use --merge",
        ))
    }

    /// True when an earlier import brought one of these runs here.
    fn has_one_of(&self, id: &ExperimentId, placement: Placement<'_>) -> bool {
        let known = self.existing.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).is_some_and(|known| placement.runs.iter().any(|run| known.contains_key(run)))
    }

    /// True when the experiment holds nothing that could be mixed with something else.
    async fn is_unused(&self, existing: &Experiment, is_imported: bool) -> Result<bool> {
        let brought = {
            let known = self.existing.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&existing.id).is_some_and(|known| !known.is_empty())
        };
        if brought {
            return Ok(false);
        }
        // An earlier import made it, and was interrupted before its first run.
        if is_imported {
            return Ok(true);
        }
        self.holds_nothing(&existing.id).await
    }

    /// True when the experiment has neither runs nor traces.
    pub(super) async fn holds_nothing(&self, id: &ExperimentId) -> Result<bool> {
        let (runs, _) = self.client.first_runs(id, 1).await?;
        if !runs.is_empty() || !self.can.traces_v3 {
            return Ok(runs.is_empty());
        }
        let traces = strict(self.client.traces(std::slice::from_ref(id), "")).try_next().await?;
        Ok(traces.is_none_or(|page| page.is_empty()))
    }
}

/// True when an earlier import made the experiment from this one, or merged this one into it.
pub(super) fn is_known(experiment: &Experiment, existing: &Experiment, is_imported: bool) -> bool {
    let was_merged = experiment.merged_tag().is_some_and(|key| existing.tags.contains_key(&key));
    was_merged || is_imported && has_identity(experiment)
}

/// False for an experiment without a creation time (before MLflow 1.30): its id is a small number, and other sources
/// have the same numbers.
pub(super) fn has_identity(experiment: &Experiment) -> bool {
    experiment.creation_time.is_some()
}
