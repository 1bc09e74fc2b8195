use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::check::unread;
use super::not_migrated;
use super::selection::choose::{Chosen, ChosenModel, choose};
use crate::entities::{EvaluationDataset, Experiment, Kind, Readable, Unreadable};
use crate::error::Result;
use crate::io::Pages;
use crate::plan::{ExperimentSelection, Plan, Subset};
use crate::readers::{Reader, SourceInfo};

/// The maximum number of experiments or models that are counted concurrently.
const MAX_CONCURRENT_REQUESTS: usize = 8;

/// The objects that a plan would migrate.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    pub about: SourceInfo,
    pub experiments: Vec<ExperimentSurvey>,
    /// Registered models and prompts.
    pub models: Vec<ModelSurvey>,
    pub evaluation_datasets: Vec<DatasetSurvey>,
    /// The objects that are included because a selected version needs them: the id or name of the object, and the
    /// version.
    pub needed: Vec<(String, String)>,
    /// The objects that are not migrated, and the reasons.
    pub not_migrated: Vec<String>,
    /// The objects of all kinds that the source cannot return.
    pub unreadable: Vec<Unreadable>,
    /// Notes for the user about this selection.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ModelSurvey {
    pub kind: Kind,
    pub name: String,
    /// The name on the target, when it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,
    pub versions: u64,
    /// The numbers of the selected versions, when others are not migrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<u64>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DatasetSurvey {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExperimentSurvey {
    #[serde(flatten)]
    pub experiment: Experiment,
    /// The name on the target, when it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,
    pub runs: u64,
    pub deleted_runs: u64,
    /// Runs that the source cannot return.
    pub unreadable_runs: u64,
    pub params: u64,
    pub metrics: u64,
    pub logged_models: u64,
    /// Versions of scorers.
    pub scorers: u64,
    pub traces: u64,
}

/// Counts the objects that the plan selects, run by run. This function only reads.
pub async fn survey(source: &dyn Reader, plan: &Plan) -> Result<Survey> {
    let Chosen { experiments, models, datasets, needed, notes, unread: mut unreadable, .. } =
        choose(source, plan).await?;
    let counted =
        stream::iter(experiments).map(|(experiment, choice)| count(source, plan, experiment, choice));
    let counted: Vec<(ExperimentSurvey, Vec<Unreadable>)> =
        counted.buffered(MAX_CONCURRENT_REQUESTS).try_collect().await?;
    let (experiments, lost): (Vec<_>, Vec<_>) = counted.into_iter().unzip();
    unreadable.extend(lost.into_iter().flatten());
    let counted = stream::iter(models).map(|model| count_versions(source, plan, model));
    let counted: Vec<Readable<ModelSurvey>> = counted.buffered(MAX_CONCURRENT_REQUESTS).try_collect().await?;
    let (models, lost): (Vec<_>, Vec<_>) = counted.into_iter().partition(Result::is_ok);
    let models = models.into_iter().flatten().collect();
    unreadable.extend(lost.into_iter().filter_map(Result::err));
    let dataset = |one: EvaluationDataset| DatasetSurvey { id: one.id, name: one.name };
    Ok(Survey {
        about: source.about().clone(),
        experiments,
        models,
        evaluation_datasets: datasets.into_iter().map(dataset).collect(),
        needed: needed.into_iter().collect(),
        not_migrated: not_migrated(&source.others().await?),
        unreadable,
        notes,
    })
}

async fn count_versions(
    source: &dyn Reader,
    plan: &Plan,
    chosen: ChosenModel,
) -> Result<Readable<ModelSurvey>> {
    let taken = match chosen.versions(source).await {
        Ok(taken) => taken,
        Err(error) => return unread(chosen.model.kind(), &chosen.model.name, error).map(Err),
    };
    let only = || taken.iter().map(|version| version.version).collect();
    let (versions, only) = (taken.len() as u64, (chosen.versions != Subset::All).then(only));
    let model = chosen.model;
    let name = plan.target_model_name(&model);
    let target_name = (name != model.name).then(|| name.to_owned());
    Ok(Ok(ModelSurvey { kind: model.kind(), target_name, versions, only, name: model.name }))
}

async fn count(
    source: &dyn Reader,
    plan: &Plan,
    experiment: Experiment,
    choice: ExperimentSelection,
) -> Result<(ExperimentSurvey, Vec<Unreadable>)> {
    let mut lost = Vec::new();
    let scorers = match source.scorers(&experiment).await {
        Ok(scorers) => scorers.len() as u64,
        Err(error) => {
            lost.push(unread(Kind::Scorer, &format!("of experiment {}", experiment.id), error)?);
            0
        }
    };
    let name = plan.target_name(&experiment);
    let target_name = (name != experiment.name).then(|| name.into_owned());
    let mut survey = ExperimentSurvey {
        experiment: experiment.clone(),
        target_name,
        runs: 0,
        deleted_runs: 0,
        unreadable_runs: 0,
        params: 0,
        metrics: 0,
        logged_models: 0,
        scorers,
        traces: 0,
    };
    if plan.takes_traces(&choice) {
        let take = |trace: &_| plan.takes_trace(&choice, trace);
        survey.traces = count_taken(source.traces(&experiment), take, &mut lost).await?;
    }
    let mut pages = source.runs(&experiment);
    while let Some(page) = pages.try_next().await? {
        for run in page {
            match run {
                Err(unreadable) => {
                    survey.unreadable_runs += u64::from(unreadable.kind == Kind::Run);
                    lost.push(unreadable);
                }
                Ok(run) if !choice.takes(&run.id) || (plan.skip_deleted && run.lifecycle.is_deleted()) => {}
                Ok(run) => {
                    survey.runs += 1;
                    survey.deleted_runs += u64::from(run.lifecycle.is_deleted());
                    survey.params += run.params.len() as u64;
                    survey.metrics += run.latest.len() as u64;
                }
            }
        }
    }
    let take = |model: &_| choice.takes_model(model);
    survey.logged_models = count_taken(source.logged_models(&experiment), take, &mut lost).await?;
    Ok((survey, lost))
}

async fn count_taken<T>(
    mut pages: Pages<'_, Readable<T>>,
    take: impl Fn(&T) -> bool,
    lost: &mut Vec<Unreadable>,
) -> Result<u64> {
    let mut count = 0;
    while let Some(page) = pages.try_next().await? {
        for item in page {
            match item {
                Ok(item) => count += u64::from(take(&item)),
                Err(unreadable) => lost.push(unreadable),
            }
        }
    }
    Ok(count)
}
