//! Looking around in a snapshot, for a person who chooses. Only reads.

use futures::TryStreamExt;

use super::Endpoint;
use super::check::first;
use super::choose::choose;
use crate::entities::{EvaluationDataset, Experiment, ModelVersion, Plan, RegisteredModel, Run, Tally};
use crate::error::Result;

/// Everything that is chosen by name.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Active ones first, by name.
    pub experiments: Vec<Experiment>,
    /// Registered models and prompts, by name.
    pub models: Vec<RegisteredModel>,
    /// By name.
    pub datasets: Vec<EvaluationDataset>,
}

pub async fn holdings(of: &Endpoint) -> Result<Holdings> {
    let snapshot = of.snapshot()?;
    let mut experiments: Vec<Experiment> = snapshot.experiments().try_concat().await?;
    experiments.sort_by(|a, b| (a.lifecycle.is_deleted(), &a.name).cmp(&(b.lifecycle.is_deleted(), &b.name)));
    let mut models: Vec<RegisteredModel> = snapshot.registered_models().try_concat().await?;
    models.sort_by(|a, b| a.name.cmp(&b.name));
    let mut datasets: Vec<EvaluationDataset> = snapshot.evaluation_datasets().try_concat().await?;
    datasets.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Holdings { experiments, models, datasets })
}

/// What an experiment holds, as far as a person looks.
#[derive(Clone, Debug)]
pub struct Contents {
    pub runs: Vec<Run>,
    /// There are more runs than were fetched.
    pub more: bool,
    pub traces: Tally,
}

/// At most `most` runs. Traces are counted no further than that, by whole pages.
pub async fn contents(of: &Endpoint, experiment: &Experiment, most: usize) -> Result<Contents> {
    let snapshot = of.snapshot()?;
    let (runs, more) = snapshot.first_runs(experiment, most).await?;
    // Runs can be chosen where traces cannot be counted.
    let traces = first(snapshot.traces(experiment), most as u64).await;
    Ok(Contents { runs, more, traces: traces.unwrap_or_else(|error| Tally::unknown(error.to_string())) })
}

/// The versions of a registered model or prompt, by ascending number.
pub async fn versions(of: &Endpoint, model: &RegisteredModel) -> Result<Vec<ModelVersion>> {
    of.snapshot()?.model_versions(model).await
}

/// What the plan does not choose and what goes along because a chosen version needs it: its id or name, and the
/// version as `name/number`.
pub async fn needed(of: &Endpoint, plan: &Plan) -> Result<Vec<(String, String)>> {
    let chosen = choose(of.snapshot()?.as_ref(), plan).await?;
    Ok(chosen.needed.into_iter().collect())
}
