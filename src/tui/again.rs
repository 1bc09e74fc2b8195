//! One difference looked into: its curve, a second comparison, a second import.

use super::effect::{At, Job};
use super::hands;
use crate::engine::validate::{self, ArtifactCheck, Curve, Difference};
use crate::engine::{Event, Outcome, StateDir, open};
use crate::entities::Plan;
use crate::error::{Error, Result};

/// Both sides of a metric of a run.
#[derive(Clone)]
pub struct Drawing {
    pub source: At,
    pub target: At,
    pub source_id: String,
    pub target_id: String,
    pub metric: String,
}

/// What is to be done to one item.
#[derive(Clone)]
pub struct Again {
    pub source: At,
    pub target: At,
    /// Where it is imported from first, if it is.
    pub import_from: Option<At>,
    /// The least that takes the item.
    pub plan: Plan,
    pub artifacts: ArtifactCheck,
    pub difference: Difference,
}

pub async fn curve(drawing: Drawing) -> Result<Curve> {
    let Drawing { source, target, source_id, target_id, metric } = drawing;
    let (source, target) = tokio::try_join!(
        open(&source.uri, source.end, source.access),
        open(&target.uri, target.end, target.access)
    )?;
    let (source, target) = (source.snapshot()?, target.snapshot()?);
    validate::curve((source.as_ref(), &source_id), (target.as_ref(), &target_id), &metric).await
}

/// What of the item differs now.
pub async fn again(again: Again, state: StateDir) -> Result<Vec<Difference>> {
    let Again { source, target, import_from, plan, artifacts, difference } = again;
    if let Some(source) = import_from {
        let import = Job::Import { source, target: target.clone(), plan: plan.clone(), update: true };
        let mut failed = None;
        let outcome = run(import, state.clone(), |event| match event {
            Event::ItemFailed { reason, hint, .. } if failed.is_none() => {
                let error = Error::permanent(reason);
                failed = Some(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                });
            }
            _ => {}
        });
        outcome.await?;
        if let Some(error) = failed {
            return Err(error);
        }
    }
    let compare = Job::Validate { source, target, plan, artifacts, reports: Vec::new() };
    let mut found = Vec::new();
    run(compare, state, |event| match event {
        Event::Difference(other) if difference.covers(&other) => found.push(other),
        _ => {}
    })
    .await?;
    Ok(found)
}

async fn run(job: Job, state: StateDir, mut hear: impl FnMut(Event)) -> Result<Outcome> {
    let mut job = hands::begin(job, state).await?;
    while let Some(event) = job.events.recv().await {
        hear(event);
    }
    job.outcome().await
}
