//! The work that must wait until the runs of every experiment are on the target: models whose run is in another
//! experiment, points of models that belong to runs of other groups, and the links from runs to the models that they
//! used and made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};

use super::Copy;
use super::file::Files;
use super::models::ModelWork;
use super::run::{RunEnding, RunResult};
use crate::entities::{LoggedModel, ModelId, ModelMetric, RunId};
use crate::error::Result;
use crate::writers::TargetExperiment;

/// The maximum number of models or runs that are completed concurrently.
const MAX_CONCURRENT_RUNS: usize = 8;

/// The work that waits for the end of the copy.
#[derive(Default)]
pub(super) struct DeferredWork {
    orphans: Mutex<Vec<(TargetExperiment, LoggedModel)>>,
    models: Mutex<Vec<(ModelWork, Files)>>,
    runs: Mutex<Vec<RunResult>>,
}

impl DeferredWork {
    pub fn add_orphans(&self, place: &TargetExperiment, models: impl Iterator<Item = LoggedModel>) {
        let models = models.map(|model| (place.clone(), model));
        self.orphans.lock().unwrap_or_else(PoisonError::into_inner).extend(models);
    }

    pub fn add_model(&self, work: ModelWork, files: Files) {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).push((work, files));
    }

    pub fn add_run(&self, end: RunResult) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    }
}

fn taken<T>(from: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *from.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Copy {
    /// Completes the deferred work. Models come first, because runs name them.
    pub(super) async fn finish_deferred(&self) -> Result<()> {
        let orphans = stream::iter(taken(&self.late.orphans)).map(Ok);
        orphans
            .try_for_each_concurrent(MAX_CONCURRENT_RUNS, |(place, model)| self.orphan(place, model))
            .await?;
        let models = stream::iter(taken(&self.late.models)).map(Ok);
        models
            .try_for_each_concurrent(MAX_CONCURRENT_RUNS, |(work, files)| self.finish_model(work, files))
            .await?;
        let runs = stream::iter(taken(&self.late.runs)).map(Ok);
        runs.try_for_each_concurrent(MAX_CONCURRENT_RUNS, |end| self.finish_run(end)).await
    }

    async fn orphan(&self, place: TargetExperiment, model: LoggedModel) -> Result<()> {
        // The run of a model can only be set when the model is created.
        if let Some(error) = model.source_run_id.as_ref().and_then(|run| self.run_to_wait_for(run)) {
            return self.fail_model(&model, &error).await;
        }
        let Some(work) = self.open_model(&place, model).await? else { return Ok(()) };
        let files = self.write_model_files(&work).await?;
        self.late.add_model(work, files);
        Ok(())
    }

    async fn finish_model(&self, mut work: ModelWork, files: Files) -> Result<()> {
        if !self.context.may_go_on().await {
            return Ok(());
        }
        let completed = match self.restore_nans(&mut work.model).await {
            Ok(()) => work.writer.complete(&work.model).await,
            Err(error) => Err(error),
        };
        match completed {
            Ok(()) => self.close_model(work, files).await,
            Err(error) => self.fail_model(&work.model, &error).await,
        }
    }

    /// Replaces zeros in a model's metrics by NaN where the history of the run contains NaN. Servers store a model's
    /// NaN as 0 (MLflow 3.0 to 3.16). Writing this 0 to the target would add a new point to the run.
    async fn restore_nans(&self, model: &mut LoggedModel) -> Result<()> {
        let zeros = model.metrics.iter().filter(|metric| metric.point.value == 0.0);
        let mut keys: BTreeMap<RunId, BTreeSet<String>> = BTreeMap::new();
        for metric in zeros {
            keys.entry(metric.run_id.clone()).or_default().insert(metric.key.clone());
        }
        let mut runs = Vec::new();
        for (id, keys) in keys {
            if let Some(mut run) = self.source.run(&id).await? {
                run.latest.retain(|key, _| keys.contains(key));
                runs.push(run);
            }
        }
        let mut chunks = self.source.histories(&runs);
        while let Some(chunk) = chunks.try_next().await? {
            let Ok(chunk) = chunk else { continue };
            for nan in chunk.points.iter().filter(|point| point.value.is_nan()) {
                let is_same_point = |metric: &&mut ModelMetric| {
                    (&metric.run_id, &metric.key) == (&chunk.run_id, &chunk.key)
                        && (metric.point.value, metric.point.timestamp, metric.point.step)
                            == (0.0, nan.timestamp, nan.step)
                };
                model.metrics.iter_mut().filter(is_same_point).for_each(|metric| metric.point = *nan);
            }
        }
        Ok(())
    }

    pub(super) async fn finish_run(&self, end: RunResult) -> Result<()> {
        if !self.context.may_go_on().await {
            return Ok(());
        }
        match self.target.link_models(&end.target, &end.run).await {
            Ok(gone) => self.end_run(self.without(end, &gone).await).await,
            Err(error) => self.lose(&end.run, &error).await,
        }
    }

    /// Reports the models of a run that are not on the target. The run still ends as done, but without a fingerprint,
    /// so that the next job checks it again.
    async fn without(&self, end: RunResult, gone: &BTreeSet<ModelId>) -> RunResult {
        for model in gone {
            let (run, why) = (&end.run.id, "it was deleted at the source, was not selected, or failed");
            self.context
                .note(format!("run {run} names the logged model {model}, which was not moved: {why}"))
                .await;
        }
        match end.how {
            RunEnding::Done(_) if !gone.is_empty() => RunResult { how: RunEnding::Done(None), ..end },
            _ => end,
        }
    }
}
