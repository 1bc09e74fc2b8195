//! Logged models. Each model is created after the run that logged it. The points of a model are written with the runs
//! that own the metrics. Work that waits for other experiments is done last: see `deferred.rs`.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use futures::TryStreamExt;
use futures::future::join_all;

use super::Copy;
use super::file::Files;
use crate::engine::state::journal::fingerprint;
use crate::entities::{Experiment, ExperimentId, Kind, LoggedModel, ModelId, ModelMetric, RunId, Unreadable};
use crate::error::{Error, Result};
use crate::plan::ExperimentSelection;
use crate::writers::{Existing, ModelWriter, TargetExperiment};

/// The logged models of one experiment.
#[derive(Default)]
pub(super) struct Models {
    /// The models whose run has not been processed yet, by the id of that run.
    of_run: Mutex<HashMap<RunId, Vec<LoggedModel>>>,
    runless: Vec<LoggedModel>,
    metrics: HashMap<RunId, Vec<(ModelId, ModelMetric)>>,
}

/// A logged model that is open on the target.
pub(super) struct ModelWork {
    pub model: LoggedModel,
    pub fingerprint: String,
    pub target: ModelId,
    pub found: Existing,
    pub writer: Box<dyn ModelWriter>,
}

impl Models {
    /// Removes and returns the models that this run made.
    pub fn take(&self, run: &RunId) -> Vec<LoggedModel> {
        self.of_run.lock().unwrap_or_else(PoisonError::into_inner).remove(run).unwrap_or_default()
    }

    /// The points of this run that belong to models.
    pub fn metrics(&self, run: &RunId) -> &[(ModelId, ModelMetric)] {
        self.metrics.get(run).map_or(&[], Vec::as_slice)
    }

    /// All models that were not taken. After the experiment's last run, these are the models that no run made, and the
    /// models whose run is deleted or in another experiment.
    pub fn all(self) -> impl Iterator<Item = LoggedModel> {
        let of_run = self.of_run.into_inner().unwrap_or_else(PoisonError::into_inner);
        of_run.into_values().flatten().chain(self.runless)
    }

    fn add(&mut self, model: LoggedModel) {
        for metric in &model.metrics {
            let points = self.metrics.entry(metric.run_id.clone()).or_default();
            points.push((model.id.clone(), metric.clone()));
        }
        match model.source_run_id.clone() {
            None => self.runless.push(model),
            Some(run) => {
                let of_run = self.of_run.get_mut().unwrap_or_else(PoisonError::into_inner);
                of_run.entry(run).or_default().push(model);
            }
        }
    }
}

impl Copy {
    /// Reads the logged models of an experiment. If one model cannot be read, the others are still moved.
    pub(super) async fn models_of(
        &self,
        experiment: &Experiment,
        choice: &ExperimentSelection,
    ) -> Result<Models> {
        let (mut models, mut ids) = (Models::default(), HashSet::new());
        let mut pages = self.source.logged_models(experiment);
        loop {
            match pages.try_next().await {
                Ok(None) => break,
                Ok(Some(page)) => {
                    for model in page {
                        match model {
                            // A list may show a model twice while the source is in use.
                            Ok(model) if choice.takes_model(&model) && ids.insert(model.id.to_string()) => {
                                models.add(model);
                            }
                            Ok(_) => {}
                            Err(Unreadable { id, reason, .. }) => {
                                self.fail_unread_model(&id, &experiment.id, &Error::permanent(reason))
                                    .await?;
                            }
                        }
                    }
                }
                Err(error) => {
                    let id = format!("models of experiment {}", experiment.id);
                    self.fail_unread_model(
                        &id,
                        &experiment.id,
                        &error.at("its logged models cannot be listed"),
                    )
                    .await?;
                    break;
                }
            }
        }
        self.journal.plan(Kind::LoggedModel, ids.iter().map(String::as_str))?;
        self.context.plan(Kind::LoggedModel, ids.len()).await;
        Ok(models)
    }

    async fn fail_unread_model(&self, id: &str, experiment: &ExperimentId, error: &Error) -> Result<()> {
        self.context.plan(Kind::LoggedModel, 1).await;
        self.fail(Kind::LoggedModel, (id, id), Some(experiment), error).await
    }

    /// Finds or creates the models of these runs. `open` holds the runs that are on the target.
    pub(super) async fn open_models_of<'a>(
        &self,
        place: &TargetExperiment,
        models: &Models,
        runs: impl Iterator<Item = &'a RunId>,
        open: &HashSet<RunId>,
    ) -> Result<Vec<ModelWork>> {
        let mut opening = Vec::new();
        for run in runs {
            for model in models.take(run) {
                if open.contains(run) {
                    opening.push(self.open_model(place, model));
                } else if !self.context.is_stopping() {
                    let error = self.run_to_wait_for(run).unwrap_or_else(|| {
                        Error::permanent(format!("the run that made it, {run}, was not moved"))
                    });
                    self.fail_model(&model, &error).await?;
                }
            }
        }
        let opened: Vec<Option<ModelWork>> = join_all(opening).await.into_iter().collect::<Result<_>>()?;
        Ok(opened.into_iter().flatten().collect())
    }

    pub(super) async fn open_model(
        &self,
        place: &TargetExperiment,
        model: LoggedModel,
    ) -> Result<Option<ModelWork>> {
        if !self.context.may_go_on().await {
            return Ok(None);
        }
        let fingerprint = fingerprint(&model)?;
        let id = model.id.as_str();
        let again = self.journal.must_be_visited(Kind::LoggedModel, id, &fingerprint)? || self.update;
        match self.target.open_logged_model(place, &model, again).await {
            Ok(open) if open.found == Existing::Everything => {
                self.journal.done(Kind::LoggedModel, id, Some(open.id.as_str()), Some(&fingerprint))?;
                self.context.skipped(Kind::LoggedModel, id, &model.name, "already there").await;
                Ok(None)
            }
            Ok(open) => {
                self.context.started(Kind::LoggedModel, id, &model.name).await;
                let (target, found, writer) = (open.id, open.found, open.writer);
                Ok(Some(ModelWork { model, fingerprint, target, found, writer }))
            }
            Err(error) => self.fail_model(&model, &error).await.map(|()| None),
        }
    }

    pub(super) async fn write_model_files(&self, work: &ModelWork) -> Result<Files> {
        self.write_files(work.model.owner(), work.target.as_str(), work.writer.files()).await
    }

    /// Closes a model after all of its parts have been written.
    pub(super) async fn close_model(&self, work: ModelWork, files: Files) -> Result<()> {
        let ModelWork { model, fingerprint, target, writer, .. } = work;
        // Without a fingerprint, the next job visits the model again, because some files are missing.
        let fingerprint = Some(fingerprint.as_str()).filter(|_| files.missing.is_empty());
        let lacking = !files.missing.is_empty() || files.unread.is_some();
        if let Err(error) = writer.close(&model, files.there, files.missing, lacking).await {
            return self.fail_model(&model, &error).await;
        }
        if let Some(error) = self.target.refused(Kind::LoggedModel, model.id.as_str()) {
            return self.fail_model(&model, &error).await;
        }
        if let Some(error) = files.unread {
            return self.fail_model(&model, &error).await;
        }
        self.journal.done(Kind::LoggedModel, model.id.as_str(), Some(target.as_str()), fingerprint)?;
        self.context.done(Kind::LoggedModel, model.id.as_str(), &model.name).await;
        Ok(())
    }

    pub(super) async fn fail_model(&self, model: &LoggedModel, error: &Error) -> Result<()> {
        let item = (model.id.as_str(), model.name.as_str());
        self.fail(Kind::LoggedModel, item, Some(&model.experiment_id), error).await
    }
}
