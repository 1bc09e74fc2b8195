//! Looking around in a snapshot, for a person who chooses. Only reads.

use futures::TryStreamExt;

use super::Endpoint;
use crate::entities::{Experiment, Run};
use crate::error::Result;

/// Every experiment, active ones first, by name.
pub async fn experiments(of: &Endpoint) -> Result<Vec<Experiment>> {
    let snapshot = of.snapshot()?;
    let mut all: Vec<Experiment> = snapshot.experiments().try_concat().await?;
    all.sort_by(|a, b| (a.lifecycle.is_deleted(), &a.name).cmp(&(b.lifecycle.is_deleted(), &b.name)));
    Ok(all)
}

/// The first runs of an experiment, at most `most`, and whether there are more.
pub async fn runs(of: &Endpoint, experiment: &Experiment, most: usize) -> Result<(Vec<Run>, bool)> {
    of.snapshot()?.first_runs(experiment, most).await
}
