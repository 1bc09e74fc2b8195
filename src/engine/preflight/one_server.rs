//! Notices when both ends seem to be one server under two names. Only an import can be sure, by its lease at the target:
//! a restored copy of a database looks the same.

use super::report::Report;
use crate::engine::Endpoint;
use crate::entities::{Experiment, ExperimentId};
use crate::error::Result;
use crate::readers::read_all;

pub async fn check(source: &Endpoint, target: &Endpoint, report: &mut Report<'_>) {
    let (Endpoint::Server(_), Endpoint::Server(_)) = (source, target) else { return };
    // The steps that need a list report when it cannot be read.
    let (Ok(ours), Ok(theirs)) = (identities(source).await, identities(target).await) else { return };
    if !ours.is_empty() && ours == theirs {
        report.warn(
            "another server",
            "shows the same experiments as the source, created in the same milliseconds",
            "see whether both addresses lead to one server: an import into its own source is refused",
        );
    }
}

/// Servers without creation times cannot be told apart.
async fn identities(end: &Endpoint) -> Result<Vec<(ExperimentId, i64)>> {
    let (experiments, _) = read_all(end.reader()?.experiments()).await?;
    let identity = |one: Experiment| Some((one.id, one.creation_time?));
    let mut identities: Vec<_> = experiments.into_iter().filter_map(identity).collect();
    identities.sort();
    Ok(identities)
}
