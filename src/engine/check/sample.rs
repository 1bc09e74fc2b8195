use futures::{StreamExt, TryStreamExt, stream};

use super::KindReport;
use super::limits::TooLong;
use super::sources::RefusedSources;
use crate::entities::{Experiment, Kind, RegisteredModel, Tally};
use crate::error::Result;
use crate::rest::Pages;
use crate::snapshot::Snapshot;

/// A person waits for the answer: runs that are looked at in one experiment and in all, and how many experiments and
/// registered models are looked into.
const RUNS_EACH: usize = 1_000;
const RUNS: u64 = 5_000;
const EXPERIMENTS: usize = 100;
const MODELS: usize = 200;
/// Of one experiment.
const LOGGED_MODELS: u64 = 1_000;
const TRACES: u64 = 1_000;
const AT_ONCE: usize = 8;

/// What a source holds, counted as far as that is done in seconds.
pub struct Sample {
    pub experiments: Vec<Experiment>,
    /// Registered models and prompts.
    pub models: Vec<RegisteredModel>,
    pub runs: Tally,
    pub too_long: TooLong,
    pub refused: RefusedSources,
    logged_models: Tally,
    scorers: Tally,
    /// Of them, those that hold code.
    pub code_scorers: u64,
    traces: Tally,
    datasets: Tally,
    versions: [Tally; 2],
}

/// One experiment.
struct Part {
    runs: Tally,
    logged_models: Tally,
    scorers: Tally,
    code_scorers: u64,
    traces: Tally,
    too_long: TooLong,
}

impl Sample {
    pub async fn of(source: &dyn Snapshot) -> Result<Self> {
        let experiments: Vec<Experiment> = source.experiments().try_concat().await?;
        let models: Vec<RegisteredModel> = source.registered_models().try_concat().await?;
        let datasets = source.evaluation_datasets().try_concat().await?.len() as u64;
        let (versions, refused) = look_at_versions(source, &models).await?;
        let mut sample = Self {
            runs: Tally::exactly(0),
            too_long: TooLong::default(),
            logged_models: Tally::exactly(0),
            scorers: Tally::exactly(0),
            code_scorers: 0,
            traces: Tally::exactly(0),
            datasets: Tally::exactly(datasets),
            versions,
            refused,
            experiments,
            models,
        };
        let some: Vec<Experiment> = sample.experiments.iter().take(EXPERIMENTS).cloned().collect();
        let mut parts = stream::iter(some).map(|one| look_into(source, one)).buffered(AT_ONCE);
        let mut seen = 0;
        while sample.runs.count.unwrap_or_default() < RUNS
            && let Some(part) = parts.try_next().await?
        {
            seen += 1;
            sample.runs = sample.runs.plus(part.runs);
            sample.logged_models = sample.logged_models.plus(part.logged_models);
            sample.scorers = sample.scorers.plus(part.scorers);
            sample.code_scorers += part.code_scorers;
            sample.traces = sample.traces.plus(part.traces);
            sample.too_long = sample.too_long.plus(part.too_long);
        }
        let rest = sample.experiments.len() > seen;
        let counted = [&mut sample.runs, &mut sample.logged_models, &mut sample.scorers, &mut sample.traces];
        for tally in counted {
            tally.more |= rest;
        }
        Ok(sample)
    }

    /// The experiments, and how many runs are in them.
    pub async fn runs_of(source: &dyn Snapshot) -> Result<(Vec<Experiment>, Tally)> {
        let experiments: Vec<Experiment> = source.experiments().try_concat().await?;
        let mut runs = Tally::counted(0, experiments.len() > EXPERIMENTS);
        for experiment in experiments.iter().take(EXPERIMENTS) {
            if runs.count.unwrap_or_default() >= RUNS {
                runs.more = true;
                break;
            }
            let (page, more) = source.first_runs(experiment, RUNS_EACH).await?;
            runs = runs.plus(Tally::counted(page.len() as u64, more));
        }
        Ok((experiments, runs))
    }

    pub fn kinds(&self) -> Vec<KindReport> {
        let prompts = self.models.iter().filter(|model| model.is_prompt()).count();
        let tally = |kind: Kind| match kind {
            Kind::Experiment => Tally::exactly(self.experiments.len() as u64),
            Kind::Run => self.runs.clone(),
            Kind::Artifact => Tally::unknown("not counted: a request a folder"),
            Kind::LoggedModel => self.logged_models.clone(),
            Kind::RegisteredModel => Tally::exactly((self.models.len() - prompts) as u64),
            Kind::Prompt => Tally::exactly(prompts as u64),
            Kind::ModelVersion => self.versions[0].clone(),
            Kind::PromptVersion => self.versions[1].clone(),
            Kind::EvaluationDataset => self.datasets.clone(),
            Kind::Scorer => self.scorers.clone(),
            Kind::Trace => self.traces.clone(),
        };
        Kind::ALL.into_iter().map(|kind| KindReport::new(kind, tally(kind))).collect()
    }
}

async fn look_into(source: &dyn Snapshot, experiment: Experiment) -> Result<Part> {
    let (runs, more) = source.first_runs(&experiment, RUNS_EACH).await?;
    let scorers = source.scorers(&experiment).await?;
    Ok(Part {
        runs: Tally::counted(runs.len() as u64, more),
        logged_models: first(source.logged_models(&experiment), LOGGED_MODELS).await?,
        scorers: Tally::exactly(scorers.len() as u64),
        code_scorers: scorers.iter().filter(|scorer| scorer.is_code()).count() as u64,
        traces: first(source.traces(&experiment), TRACES).await?,
        too_long: TooLong::of(&runs),
    })
}

/// Counts no further than `most`, by whole pages.
pub(in crate::engine) async fn first<T>(mut pages: Pages<'_, T>, most: u64) -> Result<Tally> {
    let mut tally = Tally::exactly(0);
    while let Some(page) = pages.try_next().await? {
        tally = tally.plus(Tally::exactly(page.len() as u64));
        if tally.count.unwrap_or_default() >= most {
            tally.more = true;
            break;
        }
    }
    Ok(tally)
}

/// How many there are of models and of prompts, and those that some targets refuse.
async fn look_at_versions(
    source: &dyn Snapshot,
    models: &[RegisteredModel],
) -> Result<([Tally; 2], RefusedSources)> {
    let rest = |prompts: bool| models.iter().skip(MODELS).any(|model| model.is_prompt() == prompts);
    let mut counts = [Tally::counted(0, rest(false)), Tally::counted(0, rest(true))];
    let mut refused = RefusedSources::default();
    let some: Vec<RegisteredModel> = models.iter().take(MODELS).cloned().collect();
    let asked = stream::iter(some).map(|model| async move {
        let versions = source.model_versions(&model).await?;
        let refused = RefusedSources::of(&model, &versions);
        Ok::<_, crate::error::Error>((usize::from(model.is_prompt()), versions.len() as u64, refused))
    });
    let mut asked = asked.buffered(AT_ONCE);
    while let Some((of, versions, some)) = asked.try_next().await? {
        counts[of] = counts[of].clone().plus(Tally::exactly(versions));
        refused.add(some);
    }
    Ok((counts, refused))
}
