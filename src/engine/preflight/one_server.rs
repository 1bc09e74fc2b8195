//! Warns when both ends seem to be the same server with two addresses. This check cannot be sure, because a restored
//! copy of a database looks the same. Only an import is sure, by its lease on the target.

use super::report::Report;
use crate::engine::Endpoint;
use crate::entities::{Experiment, ExperimentId};
use crate::error::Result;
use crate::readers::read_all;

pub async fn check(source: &Endpoint, target: &Endpoint, report: &mut Report<'_>) {
    let (Endpoint::Server(_), Endpoint::Server(_)) = (source, target) else { return };
    // If a list cannot be read, the steps that need it report the error.
    let (Ok(ours), Ok(theirs)) = (identities(source).await, identities(target).await) else { return };
    if !ours.is_empty() && ours == theirs {
        report.warn(
            "another server",
            "shows the same experiments as the source, created in the same milliseconds",
            "check whether both addresses lead to the same server: an import into its own source is refused",
        );
    }
}

/// The ids and creation times of all experiments. The result is empty for a server without creation times, because then
/// two servers cannot be distinguished.
async fn identities(end: &Endpoint) -> Result<Vec<(ExperimentId, i64)>> {
    let (experiments, _) = read_all(end.reader()?.experiments()).await?;
    let identity = |one: Experiment| Some((one.id, one.creation_time?));
    let mut identities: Vec<_> = experiments.into_iter().filter_map(identity).collect();
    identities.sort();
    Ok(identities)
}
