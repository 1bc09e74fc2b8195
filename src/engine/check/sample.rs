use futures::{StreamExt, TryStreamExt, stream};

use super::KindReport;
use super::file_places::FilePlaces;
use super::sources::RefusedSources;
use super::too_long::TooLong;
use super::unread::unread;
use crate::engine::empty_roots::EmptyRoots;
use crate::entities::{Count, Experiment, Kind, Readable, RegisteredModel, Run, Unreadable};
use crate::error::{Error, Result};
use crate::io::Pages;
use crate::readers::{Reader, read_all};

/// The user waits for the result, so the check reads a limited number of objects: runs of one experiment, runs in
/// total, experiments, and registered models.
const MAX_RUNS_PER_EXPERIMENT: usize = 1_000;
const MAX_RUNS: u64 = 5_000;
const MAX_EXPERIMENTS: usize = 100;
const MAX_MODELS: usize = 200;
/// The limits for one experiment.
const MAX_LOGGED_MODELS: u64 = 1_000;
const MAX_TRACES: u64 = 1_000;
/// The maximum number of runs in one experiment whose files are listed.
pub const MAX_LISTED_RUNS: usize = 2;
const MAX_CONCURRENT_EXPERIMENTS: usize = 8;

/// The content of a source, counted as far as possible within a few seconds.
pub struct Sample {
    pub experiments: Vec<Experiment>,
    /// Registered models and prompts.
    pub models: Vec<RegisteredModel>,
    pub runs: Count,
    pub too_long: TooLong,
    pub refused: RefusedSources,
    logged_models: Count,
    scorers: Count,
    /// The number of scorers that contain code.
    pub code_scorers: u64,
    /// The number of scorers that name a gateway endpoint.
    pub endpoint_scorers: u64,
    traces: Count,
    datasets: Count,
    /// The versions of registered models, then the versions of prompts.
    versions: [Count; 2],
    /// The objects that the source cannot return.
    pub unreadable: Vec<Unreadable>,
    pub empty_roots: EmptyRoots,
    pub file_places: FilePlaces,
}

/// The sample of one experiment.
struct Part {
    runs: Count,
    logged_models: Count,
    scorers: Count,
    code_scorers: u64,
    endpoint_scorers: u64,
    traces: Count,
    too_long: TooLong,
    unreadable: Vec<Unreadable>,
    file_places: FilePlaces,
}

impl Sample {
    pub async fn of(source: &dyn Reader) -> Result<Self> {
        let (experiments, mut unreadable) = read_all(source.experiments()).await?;
        let (models, more) = read_all(source.registered_models()).await?;
        unreadable.extend(more);
        let (datasets, more) = read_all(source.evaluation_datasets()).await?;
        unreadable.extend(more);
        let (versions, refused, more) = inspect_versions(source, &models).await?;
        unreadable.extend(more);
        let mut sample = Self {
            runs: Count::exactly(0),
            too_long: TooLong::default(),
            logged_models: Count::exactly(0),
            scorers: Count::exactly(0),
            code_scorers: 0,
            endpoint_scorers: 0,
            traces: Count::exactly(0),
            datasets: Count::exactly(datasets.len() as u64),
            versions,
            refused,
            experiments,
            models,
            unreadable,
            empty_roots: EmptyRoots::default(),
            file_places: FilePlaces::default(),
        };
        let roots = EmptyRoots::default();
        let checked: Vec<Experiment> = sample.experiments.iter().take(MAX_EXPERIMENTS).cloned().collect();
        let mut parts = stream::iter(checked)
            .map(|one| inspect(source, one, &roots))
            .buffered(MAX_CONCURRENT_EXPERIMENTS);
        let mut seen = 0;
        while sample.runs.count.unwrap_or_default() < MAX_RUNS
            && let Some(part) = parts.try_next().await?
        {
            seen += 1;
            sample.runs = sample.runs.plus(part.runs);
            sample.logged_models = sample.logged_models.plus(part.logged_models);
            sample.scorers = sample.scorers.plus(part.scorers);
            sample.code_scorers += part.code_scorers;
            sample.endpoint_scorers += part.endpoint_scorers;
            sample.traces = sample.traces.plus(part.traces);
            sample.too_long = sample.too_long.plus(part.too_long);
            sample.unreadable.extend(part.unreadable);
            sample.file_places.add(part.file_places);
        }
        let rest = sample.experiments.len() > seen;
        drop(parts);
        sample.empty_roots = roots;
        let counted = [&mut sample.runs, &mut sample.logged_models, &mut sample.scorers, &mut sample.traces];
        for tally in counted {
            tally.more |= rest;
        }
        Ok(sample)
    }

    /// Returns the experiments, the number of their runs, and the objects that cannot be read.
    pub async fn runs_of(source: &dyn Reader) -> Result<(Vec<Experiment>, Count, Vec<Unreadable>)> {
        let (experiments, mut unreadable) = read_all(source.experiments()).await?;
        let mut runs = Count::counted(0, experiments.len() > MAX_EXPERIMENTS);
        for experiment in experiments.iter().take(MAX_EXPERIMENTS) {
            if runs.count.unwrap_or_default() >= MAX_RUNS {
                runs.more = true;
                break;
            }
            let (page, more) = source.first_runs(experiment, MAX_RUNS_PER_EXPERIMENT).await?;
            let (page, lost) = parted(page);
            unreadable.extend(lost);
            runs = runs.plus(Count::counted(page.len() as u64, more));
        }
        Ok((experiments, runs, unreadable))
    }

    pub fn kinds(&self) -> Vec<KindReport> {
        let prompts = self.models.iter().filter(|model| model.is_prompt()).count();
        let tally = |kind: Kind| match kind {
            Kind::Experiment => Count::exactly(self.experiments.len() as u64),
            Kind::Run => self.runs.clone(),
            Kind::Artifact => Count::unknown("not counted: one request per folder"),
            Kind::LoggedModel => self.logged_models.clone(),
            Kind::RegisteredModel => Count::exactly((self.models.len() - prompts) as u64),
            Kind::Prompt => Count::exactly(prompts as u64),
            Kind::ModelVersion => self.versions[0].clone(),
            Kind::PromptVersion => self.versions[1].clone(),
            Kind::EvaluationDataset => self.datasets.clone(),
            Kind::Scorer => self.scorers.clone(),
            Kind::Trace => self.traces.clone(),
        };
        // A list that could not be read completely may have more items.
        let is_unread = |kind: Kind| self.unreadable.iter().any(|one| one.kind == kind);
        let tally = |kind: Kind| {
            let tally = tally(kind);
            Count { more: tally.more || (tally.count.is_some() && is_unread(kind)), ..tally }
        };
        Kind::ALL.into_iter().map(|kind| KindReport::new(kind, tally(kind))).collect()
    }
}

fn parted(page: Vec<Readable<Run>>) -> (Vec<Run>, Vec<Unreadable>) {
    let (runs, lost): (Vec<_>, Vec<_>) = page.into_iter().partition(Result::is_ok);
    (runs.into_iter().flatten().collect(), lost.into_iter().filter_map(Result::err).collect())
}

async fn inspect(source: &dyn Reader, experiment: Experiment, roots: &EmptyRoots) -> Result<Part> {
    let (runs, more) = source.first_runs(&experiment, MAX_RUNS_PER_EXPERIMENT).await?;
    let (runs, mut unreadable) = parted(runs);
    let scorers = match source.scorers(&experiment).await {
        Ok(scorers) => scorers,
        Err(error) => {
            unreadable.push(unread(Kind::Scorer, &format!("of experiment {}", experiment.id), error)?);
            Vec::new()
        }
    };
    let (logged_models, lost) = first(source.logged_models(&experiment), MAX_LOGGED_MODELS).await?;
    unreadable.extend(lost);
    let (traces, lost) = first(source.traces(&experiment), MAX_TRACES).await?;
    unreadable.extend(lost);
    for run in runs.iter().filter(|run| EmptyRoots::concerns(run)).take(MAX_LISTED_RUNS) {
        // The import reports a root that cannot be listed.
        match first(source.files(run.owner()), 1).await {
            Ok((files, _)) => roots.add(run, files.count.unwrap_or_default() as usize),
            Err(error) => drop(unread(Kind::Artifact, run.id.as_str(), error)?),
        }
    }
    Ok(Part {
        runs: Count::counted(runs.len() as u64, more),
        logged_models,
        scorers: Count::exactly(scorers.len() as u64),
        code_scorers: scorers.iter().filter(|scorer| scorer.is_code()).count() as u64,
        endpoint_scorers: scorers.iter().filter(|scorer| scorer.names_endpoint()).count() as u64,
        traces,
        too_long: TooLong::of(&runs),
        file_places: FilePlaces::of(source, &runs).await,
        unreadable,
    })
}

/// Reads whole pages until at least `most` items are counted. Also returns the items that cannot be read.
pub(in crate::engine) async fn first<T>(
    mut pages: Pages<'_, Readable<T>>,
    most: u64,
) -> Result<(Count, Vec<Unreadable>)> {
    let (mut tally, mut lost) = (Count::exactly(0), Vec::new());
    while let Some(page) = pages.try_next().await? {
        let listed = page.len();
        lost.extend(page.into_iter().filter_map(Result::err));
        tally = tally.plus(Count::exactly(listed as u64));
        if tally.count.unwrap_or_default() >= most {
            tally.more = true;
            break;
        }
    }
    Ok((tally, lost))
}

/// Counts the versions of models and of prompts, and finds versions whose source some targets refuse.
async fn inspect_versions(
    source: &dyn Reader,
    models: &[RegisteredModel],
) -> Result<([Count; 2], RefusedSources, Vec<Unreadable>)> {
    let rest = |prompts: bool| models.iter().skip(MAX_MODELS).any(|model| model.is_prompt() == prompts);
    let mut counts = [Count::counted(0, rest(false)), Count::counted(0, rest(true))];
    let (mut refused, mut unreadable) = (RefusedSources::default(), Vec::new());
    let checked: Vec<RegisteredModel> = models.iter().take(MAX_MODELS).cloned().collect();
    let answers = stream::iter(checked).map(|model| async move {
        let versions = match source.model_versions(&model).await {
            Ok(versions) => versions,
            Err(error) => return unread(model.kind(), &model.name, error).map(Err),
        };
        let refused = RefusedSources::of(&model, &versions);
        Ok::<_, Error>(Ok((usize::from(model.is_prompt()), versions.len() as u64, refused)))
    });
    let mut answers = answers.buffered(MAX_CONCURRENT_EXPERIMENTS);
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Ok((index, versions, more)) => {
                counts[index] = counts[index].clone().plus(Count::exactly(versions));
                refused.add(more);
            }
            Err(lost) => unreadable.push(lost),
        }
    }
    Ok((counts, refused, unreadable))
}
