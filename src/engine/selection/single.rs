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
    Ok(match plan.matcher()?.choose(experiment) {
        ExperimentSelection::No => None,
        ExperimentSelection::Yes { only, except, traces, .. } => {
            Some(PlannedExperiment { name: experiment.name.clone(), runs: only, except, traces })
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::plan_of;
    use crate::entities::Kind;
    use crate::error::Result;
    use crate::memory::{MemoryStore, small};
    use crate::plan::{Plan, PlannedExperiment, PlannedTraces};
    use crate::readers::MemoryReader;

    #[tokio::test]
    async fn the_id_of_a_failed_item_is_enough_for_its_smallest_plan() -> Result<()> {
        let store = Arc::new(MemoryStore::new("s"));
        let run = small(&store)?[0].clone();
        let (experiment, model) = {
            let data = store.data();
            (data.runs[&run].run.experiment_id.clone(), data.models.keys().next().cloned())
        };
        let (source, plan) = (MemoryReader::new(store), Plan { skip_traces: true, ..Plan::default() });
        let planned = async |kind, id: &str| plan_of(&source, kind, id, "", &plan).await;
        let all = PlannedExperiment { name: "vision".into(), ..PlannedExperiment::default() };
        let only = PlannedExperiment {
            runs: Some([run.clone()].into()),
            traces: PlannedTraces::None,
            ..all.clone()
        };
        let model = model.map(|id| id.to_string()).unwrap_or_default();
        for (kind, id, experiment) in [
            (Kind::Run, run.to_string(), &only),
            (Kind::Artifact, format!("{run}/model/a.txt"), &only),
            (Kind::Experiment, experiment.to_string(), &all),
            (Kind::LoggedModel, model, &all),
        ] {
            let found = planned(kind, &id).await?.map(|plan| plan.experiments);
            assert_eq!(found, Some(vec![experiment.clone()]), "{kind} {id}");
        }
        let version = planned(Kind::ModelVersion, "churn/3").await?.map(|plan| plan.models);
        assert_eq!(version, Some(vec!["churn".into()]));
        for (kind, id) in [(Kind::Run, "0123"), (Kind::Experiment, "77777"), (Kind::Trace, "tr-1")] {
            assert_eq!(planned(kind, id).await?, None, "{kind} {id}");
        }
        Ok(())
    }
}
