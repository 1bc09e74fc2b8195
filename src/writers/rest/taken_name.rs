//! Finds out before an import whether an experiment would be refused, by the same rules as in [`merge`](super::merge).

use std::collections::HashMap;

use futures::TryStreamExt;

use super::RestWriter;
use super::experiment::{is_made_from, made_from};
use super::merge::{DEFAULT_EXPERIMENT, is_known};
use crate::entities::{Experiment, ExperimentId};
use crate::error::Result;
use crate::io::strict;
use crate::writers::Placement;

/// The number of the target's runs that are compared with the runs of an experiment without a creation time. Others may
/// have been merged into it, so they may come first.
const MAX_COMPARED_RUNS: usize = 1_000;

impl RestWriter {
    /// See [`Writer::is_name_taken`](crate::writers::Writer::is_name_taken). The list of experiments is read once.
    /// Further requests are only for names that the target has.
    pub(super) async fn has_runs_of_others(
        &self,
        experiment: &Experiment,
        placement: Placement<'_>,
    ) -> Result<bool> {
        let named = self.named_experiments.get_or_try_init(|| self.list_active()).await?;
        let Some(existing) = named.get(placement.name) else { return Ok(false) };
        let is_imported = is_made_from(existing, experiment);
        let may_join = placement.merge || existing.id.as_str() == DEFAULT_EXPERIMENT;
        if may_join || is_known(experiment, existing, is_imported) {
            return Ok(false);
        }
        // A rename at the source gives the name to another experiment.
        if !is_imported
            && (self.moved_before(experiment, placement).await?.is_some()
                || self.copied_from_another(existing, experiment, placement).is_some())
        {
            return Ok(false);
        }
        if self.holds_nothing(&existing.id).await? {
            return Ok(false);
        }
        Ok(!self.holds_one_of(&existing.id, placement).await?)
    }

    /// True when an earlier import brought one of these runs to this experiment. Nothing is changed.
    pub(super) async fn holds_one_of(&self, id: &ExperimentId, placement: Placement<'_>) -> Result<bool> {
        if placement.runs.is_empty() {
            return Ok(false);
        }
        let (runs, _) = self.client.first_runs(id, MAX_COMPARED_RUNS).await?;
        let mut sources = runs.iter().flatten().filter_map(made_from);
        Ok(sources.any(|run| placement.runs.contains(&run)))
    }

    async fn list_active(&self) -> Result<HashMap<String, Experiment>> {
        let all: Vec<Experiment> = strict(self.client.experiments()).try_concat().await?;
        let active = all.into_iter().filter(|one| !one.lifecycle.is_deleted());
        Ok(active.map(|one| (one.name.clone(), one)).collect())
    }
}
