//! Reduces a plan to the smallest plan that selects a given failed item.

use futures::TryStreamExt;

use crate::engine::validate::Difference;
use crate::entities::{Experiment, ExperimentId, Kind, ModelId, RunId};
use crate::error::Result;
use crate::plan::{ExperimentSelection, Plan, PlannedExperiment};
use crate::readers::Reader;

/// Returns the plan for one item. `id` is the id that the job's events contain. Returns `None` where only the whole
/// plan selects the item: a trace and a scorer are only found through their experiment.
pub async fn plan_of(
    source: &dyn Reader,
    kind: Kind,
    id: &str,
    name: &str,
    plan: &Plan,
) -> Result<Option<Plan>> {
    let item = Difference::missing(kind, name, id);
    let (of, owner) = item.whole().filter(|_| kind == Kind::Artifact).unwrap_or((kind, id));
    let experiment = match of {
        Kind::Experiment => Some(ExperimentId::from(id)),
        Kind::Run => source.run(&RunId::from(owner)).await?.map(|run| run.experiment_id),
        Kind::LoggedModel => {
            source.logged_model(&ModelId::from(owner)).await?.map(|model| model.experiment_id)
        }
        Kind::Artifact | Kind::Trace | Kind::Scorer => None,
        Kind::RegisteredModel
        | Kind::ModelVersion
        | Kind::Prompt
        | Kind::PromptVersion
        | Kind::EvaluationDataset => return Ok(item.plan_of(plan)),
    };
    let Some(experiment) = experiment else { return Ok(None) };
    let Some(experiment) = find(source, &experiment).await? else { return Ok(None) };
    let item = item.of_experiment(&experiment.name);
    Ok(match kind {
        Kind::Experiment => whole(&experiment, plan)?.and_then(|whole| {
            let plan = item.plan_of(plan)?;
            Some(Plan { experiments: vec![whole], ..plan })
        }),
        _ => item.plan_of(plan),
    })
}

async fn find(source: &dyn Reader, id: &ExperimentId) -> Result<Option<Experiment>> {
    let mut pages = source.experiments();
    while let Some(page) = pages.try_next().await? {
        if let Some(found) = page.into_iter().flatten().find(|experiment| experiment.id == *id) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The experiment with all runs that the plan selects: as the experiment failed, none of its runs is on the target.
fn whole(experiment: &Experiment, plan: &Plan) -> Result<Option<PlannedExperiment>> {
    Ok(match plan.chooser()?.choose(experiment) {
        ExperimentSelection::No => None,
        ExperimentSelection::Yes { only, except, traces, .. } => {
            Some(PlannedExperiment { name: experiment.name.clone(), runs: only, except, traces })
        }
    })
}
