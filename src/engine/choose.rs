use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::{TryStreamExt, stream};

use crate::entities::{
    Choice, EvaluationDataset, Experiment, ExperimentId, Plan, RegisteredModel, RunId, Window,
};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// Experiments whose runs are looked through side by side.
const AT_ONCE: usize = 8;

/// What a plan takes of a source.
pub struct Chosen {
    /// Each with what is taken of it.
    pub experiments: Vec<(Experiment, Choice)>,
    /// Registered models and prompts.
    pub models: Vec<RegisteredModel>,
    pub datasets: Vec<EvaluationDataset>,
    /// Runs, logged models and registered models that nobody chose and that a chosen version needs: id or name, version.
    pub needed: BTreeMap<String, String>,
}

/// Applies the plan. One that names what is not there is refused before anything is done.
pub async fn choose(source: &dyn Snapshot, plan: &Plan) -> Result<Chosen> {
    let chooser = plan.chooser()?;
    let all: Vec<Experiment> = source.experiments().try_concat().await?;
    let mut models: Vec<RegisteredModel> = source.registered_models().try_concat().await?;
    let mut unmatched = chooser.unmatched(all.iter().filter(|e| chooser.choose(e) != Choice::No));
    unmatched.extend(chooser.unmatched_models(&models));
    let mut datasets: Vec<EvaluationDataset> = source.evaluation_datasets().try_concat().await?;
    unmatched.extend(chooser.unmatched_datasets(&datasets));
    if !unmatched.is_empty() {
        let names = unmatched.join(", ");
        return Err(Error::usage(format!("{} has nothing called {names}", source.about().location))
            .hint("`mlferry plan --source …` lists what there is; a name with a comma needs a plan file"));
    }
    let mut experiments: Vec<_> = all.into_iter().map(|one| (chooser.choose(&one), one)).collect();
    let (window, mut needed) = (plan.window()?, BTreeMap::new());
    leave_out(source, &window, &mut experiments).await?;
    if plan.is_everything() && window.is_everything() {
        models.retain(|model| chooser.takes_model(model));
    } else {
        let (taken, left) = models.into_iter().partition(|model| chooser.takes_model(model));
        models = taken;
        take_what_versions_need(source, &mut models, left, &mut experiments, &mut needed).await?;
    }
    let chosen = |id: &ExperimentId| {
        experiments
            .iter()
            .any(|(choice, one)| one.id == *id && matches!(choice, Choice::Yes { only: None, .. }))
    };
    datasets.retain(|dataset| chooser.takes_dataset(dataset) || dataset.experiment_ids.iter().any(chosen));
    let experiments: Vec<_> =
        experiments.into_iter().filter(|(c, _)| *c != Choice::No).map(|(c, one)| (one, c)).collect();
    unique(
        experiments.iter().map(|(one, _)| plan.target_name(one)),
        "experiments",
        "--experiment-rename-file",
    )?;
    unique(models.iter().map(|one| plan.target_model_name(one)), "registered models", "--model-rename-file")?;
    Ok(Chosen { experiments, models, datasets, needed })
}

/// Turns the window into ids, so that the choice alone says what is taken: of models and of what they need, too.
async fn leave_out(
    source: &dyn Snapshot,
    window: &Window,
    experiments: &mut [(Choice, Experiment)],
) -> Result<()> {
    if window.is_everything() {
        return Ok(());
    }
    let chosen = experiments.iter_mut().filter(|(choice, _)| *choice != Choice::No);
    stream::iter(chosen.map(Ok))
        .try_for_each_concurrent(AT_ONCE, |(choice, experiment)| async move {
            choice.leave_out(source.runs_outside(experiment, window).await?);
            Ok(())
        })
        .await
}

fn unique<'a>(names: impl Iterator<Item = &'a str>, what: &str, option: &str) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::usage(format!("two {what} would be called {name:?} on the target"))
                .hint(format!("give each a name of its own in {option} or the plan")));
        }
    }
    Ok(())
}

/// Adds the runs, logged models and registered models that versions of these models come from and that the plan does
/// not take by itself.
async fn take_what_versions_need(
    source: &dyn Snapshot,
    models: &mut Vec<RegisteredModel>,
    mut left: Vec<RegisteredModel>,
    experiments: &mut [(Choice, Experiment)],
    needed: &mut BTreeMap<String, String>,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut at = 0;
    while let Some(model) = models.get(at) {
        at += 1;
        if model.is_prompt() {
            continue;
        }
        for version in source.model_versions(model).await? {
            let original =
                version.copied_from().and_then(|(name, _)| left.iter().position(|one| one.name == name));
            if let Some(original) = original.map(|at| left.swap_remove(at)) {
                needed.insert(original.name.clone(), version.label());
                models.push(original);
            }
            let mut runs: Vec<RunId> = version.run_id.iter().cloned().collect();
            if let Some(id) = version.logged_model().filter(|id| seen.insert(id.to_string()))
                // What is gone for good is said when its version cannot be moved.
                && let Some(logged) = source.logged_model(&id).await?
            {
                runs.extend(logged.source_run_id.clone());
                let choice = experiments.iter_mut().find(|(_, one)| one.id == logged.experiment_id);
                if let Some((choice, _)) = choice.filter(|(choice, _)| !choice.takes_model(&logged)) {
                    choice.add_model(id.clone());
                    needed.insert(id.to_string(), version.label());
                }
            }
            for id in runs {
                if !seen.insert(id.to_string()) {
                    continue;
                }
                let Some(run) = source.run(&id).await? else { continue };
                let choice = experiments.iter_mut().find(|(_, one)| one.id == run.experiment_id);
                if let Some((choice, _)) = choice.filter(|(choice, _)| !choice.takes(&id)) {
                    choice.add(id.clone());
                    needed.insert(id.to_string(), version.label());
                }
            }
        }
    }
    Ok(())
}
