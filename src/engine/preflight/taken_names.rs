//! Finds experiments that an import would refuse, because the target has their names with runs of another source.

use std::sync::Arc;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::report::Report;
use crate::engine::{Endpoint, Finding, Level};
use crate::entities::{Experiment, RunId};
use crate::error::Result;
use crate::plan::{ExperimentSelection, Plan};
use crate::readers::{Reader, read_all};
use crate::writers::{MemoryIdMap, Placement, Writer};

/// The name of the check.
pub const TAKEN_NAMES: &str = "names";
/// The maximum number of experiments that are checked concurrently.
const MAX_CONCURRENT_EXPERIMENTS: usize = 8;
/// The number of runs by which an experiment without a creation time is recognised.
const MAX_IDENTIFYING_RUNS: usize = 1_000;
const MAX_SHOWN: usize = 3;

pub async fn check(source: &Endpoint, target: &Endpoint, plan: &Plan, report: &mut Report<'_>) {
    // If a list cannot be read, the steps that need it report the error.
    let Ok(source) = source.reader() else { return };
    if let Ok(Some(finding)) = taken_names(source.as_ref(), target, plan).await {
        report.found(TAKEN_NAMES, finding);
    }
}

/// A warning that names the experiments of the plan that an import would refuse. `None` if there are none.
pub async fn taken_names(source: &dyn Reader, target: &Endpoint, plan: &Plan) -> Result<Option<Finding>> {
    if plan.merge || !matches!(target, Endpoint::Server(_)) {
        return Ok(None);
    }
    let (all, _) = read_all(source.experiments()).await?;
    let target = target.writer(Arc::new(MemoryIdMap::default()), false)?;
    let name = |one: &Experiment| plan.target_name(one).into_owned();
    target.learn_source(all.iter().map(|one| (one.clone(), name(one))).collect(), Vec::new());
    let matcher = plan.matcher()?;
    let chosen: Vec<(Experiment, String)> = all
        .into_iter()
        .filter(|one| matcher.choose(one) != ExperimentSelection::No)
        .map(|one| {
            let name = name(&one);
            (one, name)
        })
        .collect();
    let taken: Vec<Option<String>> = stream::iter(chosen)
        .map(|(one, name)| is_taken(source, target.as_ref(), one, name).boxed())
        .buffered(MAX_CONCURRENT_EXPERIMENTS)
        .try_collect()
        .await?;
    let taken: Vec<String> = taken.into_iter().flatten().collect();
    Ok(finding(&taken))
}

/// Returns the name, if it is taken.
async fn is_taken(
    source: &dyn Reader,
    target: &dyn Writer,
    experiment: Experiment,
    name: String,
) -> Result<Option<String>> {
    let placement = Placement { name: &name, ..Placement::default() };
    let mut taken = target.is_name_taken(&experiment, placement).await?;
    // The runs of such an experiment are only read if they decide.
    if taken && experiment.creation_time.is_none() {
        let (runs, _) = source.first_runs(&experiment, MAX_IDENTIFYING_RUNS).await?;
        let runs: Vec<RunId> = runs.into_iter().flatten().map(|run| run.id).collect();
        taken = target.is_name_taken(&experiment, Placement { runs: &runs, ..placement }).await?;
    }
    Ok(taken.then_some(name))
}

fn finding(taken: &[String]) -> Option<Finding> {
    let shown: Vec<String> = taken.iter().take(MAX_SHOWN).map(|name| format!("{name:?}")).collect();
    let shown = match taken.len().saturating_sub(MAX_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    };
    let text = match taken.len() {
        0 => return None,
        1 => format!("has 1 experiment of the same name with runs of another source: {shown}"),
        count => format!("has {count} experiments of the same names with runs of another source: {shown}"),
    };
    Some(Finding::new(Level::Warning, text).hint(
        "without a choice they fail: keep them apart with --experiments-prefix or --experiment-rename-file, or add \
         the runs with --merge",
    ))
}

#[cfg(test)]
mod tests {
    use super::finding;

    #[test]
    fn a_few_names_are_shown() {
        assert!(finding(&[]).is_none());
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        let text = |count: usize| finding(&names[..count]).map(|finding| finding.text).unwrap_or_default();
        assert!(text(1).ends_with("another source: \"a\""), "{}", text(1));
        assert!(text(5).starts_with("has 5 experiments"), "{}", text(5));
        assert!(text(5).ends_with("\"a\", \"b\", \"c\" and 2 more"), "{}", text(5));
    }
}
