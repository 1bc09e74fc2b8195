//! Finds out whether the target is where the source comes from.

use super::RestWriter;
use super::merge::has_identity;
use crate::entities::{Experiment, ExperimentId, tag};
use crate::error::Result;

/// The number of experiments that are checked.
const MAX_ORIGINS: usize = 3;

impl RestWriter {
    /// See [`Writer::origin_of`](crate::writers::Writer::origin_of). A few experiments are enough to find out.
    pub(super) async fn made_from_here(&self, experiments: &[&Experiment]) -> Result<Option<String>> {
        for experiment in experiments.iter().filter_map(|one| Some((one, origin(one)?))).take(MAX_ORIGINS) {
            let (experiment, (id, created)) = experiment;
            match self.client.experiment(&id).await {
                Ok(existing) if existing.creation_time == Some(created) => {
                    return Ok(Some(experiment.name.clone()));
                }
                Ok(_) => {}
                Err(e) if e.is_about_object() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// See [`Writer::serves`](crate::writers::Writer::serves). A few experiments are enough to find out.
    pub(super) async fn has_the_same(&self, experiments: &[&Experiment]) -> Result<bool> {
        let known = experiments.iter().filter(|one| has_identity(one)).take(MAX_ORIGINS);
        let mut is_any = false;
        for experiment in known {
            match self.client.experiment(&experiment.id).await {
                Ok(existing)
                    if existing.creation_time == experiment.creation_time
                        && existing.name == experiment.name =>
                {
                    is_any = true;
                }
                Ok(_) => return Ok(false),
                Err(e) if e.is_about_object() => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(is_any)
    }
}

/// The origin of an imported experiment: its id and its creation time there.
fn origin(experiment: &Experiment) -> Option<(ExperimentId, i64)> {
    let id = experiment.tags.get(tag::SOURCE_EXPERIMENT_ID)?;
    Some((ExperimentId::from(id.as_str()), experiment.tags.get(tag::SOURCE_CREATION_TIME)?.parse().ok()?))
}
