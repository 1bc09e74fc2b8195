use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::TryStreamExt;

use crate::entities::{Choice, Experiment, ExperimentId, Plan, RegisteredModel, RunId};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// What a plan takes of a source.
pub struct Chosen {
    /// Each with what is taken of it.
    pub experiments: Vec<(Experiment, Choice)>,
    /// Registered models and prompts.
    pub models: Vec<RegisteredModel>,
    /// Runs that nobody chose and that a chosen version needs: run, version.
    pub needed: BTreeMap<RunId, String>,
}

/// Applies the plan. One that names what is not there is refused before anything is done.
pub async fn choose(source: &dyn Snapshot, plan: &Plan) -> Result<Chosen> {
    let chooser = plan.chooser()?;
    let all: Vec<Experiment> = source.experiments().try_concat().await?;
    let mut models: Vec<RegisteredModel> = source.registered_models().try_concat().await?;
    let mut unmatched = chooser.unmatched(all.iter().filter(|e| chooser.choose(e) != Choice::No));
    unmatched.extend(chooser.unmatched_models(&models));
    if !unmatched.is_empty() {
        let names = unmatched.join(", ");
        return Err(Error::usage(format!("{} has nothing called {names}", source.about().location))
            .hint("`mlferry plan --source …` lists what there is; a name with a comma needs a plan file"));
    }
    models.retain(|model| chooser.takes_model(model));
    let mut experiments: Vec<_> = all.into_iter().map(|one| (chooser.choose(&one), one)).collect();
    let mut needed = BTreeMap::new();
    if !plan.is_everything() {
        for (experiment, run, version) in needed_runs(source, &models, &experiments).await? {
            let place = experiments.iter_mut().find(|(_, one)| one.id == experiment);
            place.into_iter().for_each(|(choice, _)| choice.add(run.clone()));
            needed.insert(run, version);
        }
    }
    let experiments: Vec<_> =
        experiments.into_iter().filter(|(c, _)| *c != Choice::No).map(|(c, one)| (one, c)).collect();
    unique(
        experiments.iter().map(|(one, _)| plan.target_name(one)),
        "experiments",
        "--experiment-rename-file",
    )?;
    unique(models.iter().map(|one| plan.target_model_name(one)), "registered models", "--model-rename-file")?;
    Ok(Chosen { experiments, models, needed })
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

/// Runs that versions of these models come from and that the plan does not take by itself.
async fn needed_runs(
    source: &dyn Snapshot,
    models: &[RegisteredModel],
    experiments: &[(Choice, Experiment)],
) -> Result<Vec<(ExperimentId, RunId, String)>> {
    let (mut needed, mut seen) = (Vec::new(), BTreeSet::new());
    for model in models.iter().filter(|model| !model.is_prompt()) {
        for version in source.model_versions(model).await? {
            let Some(id) = version.run_id.clone().filter(|id| seen.insert(id.clone())) else { continue };
            // A run that is gone for good is said when its version cannot be moved.
            let Some(run) = source.run(&id).await? else { continue };
            let choice = experiments.iter().find(|(_, one)| one.id == run.experiment_id);
            if choice.is_some_and(|(choice, _)| !choice.takes(&id)) {
                needed.push((run.experiment_id, id, version.label()));
            }
        }
    }
    Ok(needed)
}
