use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::Copy;
use super::group::id_of;
use super::models::Models;
use super::run_slots::group_size;
use crate::entities::{Experiment, Kind, Readable, Run, RunId};
use crate::error::{Error, Result};
use crate::plan::ExperimentSelection;
use crate::writers::{Placement, TargetExperiment};

/// The maximum number of groups that are moved concurrently: while one group writes, the next one reads.
const MAX_CONCURRENT_GROUPS: usize = 3;

/// The number of runs by which an experiment without a creation time is recognised.
const MAX_IDENTIFYING_RUNS: usize = 1_000;

/// An experiment whose runs have been visited.
pub(super) struct Moved {
    pub experiment: Experiment,
    pub choice: ExperimentSelection,
    /// The target experiment, or the reason why it could not be opened.
    pub place: Result<TargetExperiment>,
}

impl Copy {
    /// Moves one experiment. Returns an error only if the error ends the whole job.
    pub(super) async fn experiment(
        &self,
        experiment: Experiment,
        choice: ExperimentSelection,
    ) -> Result<Option<Moved>> {
        let (id, name) = (experiment.id.as_str(), experiment.name.as_str());
        if !self.context.may_go_on().await {
            return Ok(None);
        }
        self.context.started(Kind::Experiment, id, name).await;
        let place = match self.place_of(&experiment).await {
            Err(error) => {
                // The full reason comes first. The reasons of its items refer to it.
                self.fail(Kind::Experiment, (id, name), None, &error).await?;
                self.fail_all(&experiment, &choice, &error).await?;
                return Ok(Some(Moved { experiment, choice, place: Err(error) }));
            }
            Ok(place) => place,
        };
        match self.runs(&experiment, &choice, &place).await? {
            Err(error) => {
                self.fail(Kind::Experiment, (id, name), None, &error).await?;
            }
            // The job was stopped before the experiment was complete.
            Ok(()) if self.context.is_stopping() => return Ok(None),
            Ok(()) => {
                self.journal.done(Kind::Experiment, id, Some(place.id.as_str()), None)?;
                // Even if the target refused parts of the experiment, the experiment exists and can receive its traces.
                match self.target.refused(Kind::Experiment, id) {
                    Some(refused) => {
                        self.fail(Kind::Experiment, (id, name), None, &refused).await?;
                    }
                    None => self.context.done(Kind::Experiment, id, name).await,
                }
            }
        }
        Ok(Some(Moved { experiment, choice, place: Ok(place) }))
    }

    /// Finds or creates the experiment on the target.
    async fn place_of(&self, experiment: &Experiment) -> Result<TargetExperiment> {
        let needs_runs = experiment.creation_time.is_none() && self.target.gives_new_ids();
        let runs: Vec<RunId> = match needs_runs {
            false => Vec::new(),
            true => {
                let (runs, _) = self.source.first_runs(experiment, MAX_IDENTIFYING_RUNS).await?;
                runs.iter().map(id_of).collect()
            }
        };
        let name = self.plan.target_name(experiment);
        let placement = Placement { name: &name, merge: self.plan.merge, runs: &runs };
        self.target.open_experiment(experiment, placement).await
    }

    /// Moves the runs of an experiment. The inner error concerns the experiment only: not all of its runs could be
    /// listed, or the experiment could not be closed.
    async fn runs(
        &self,
        experiment: &Experiment,
        choice: &ExperimentSelection,
        place: &TargetExperiment,
    ) -> Result<Result<()>> {
        let models = self.models_of(experiment, choice).await?;
        let (seen, known) = (Mutex::new(HashSet::new()), &models);
        // A list may show a run twice while the source is in use. The run is moved once.
        let is_new =
            |run: &Readable<Run>| seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id_of(run));
        let groups = self.source.runs(experiment).map_ok(|page| {
            let chosen: Vec<_> =
                page.into_iter().filter(|run| self.takes(choice, run) && is_new(run)).collect();
            stream::iter(chunked(chosen, group_size(self.target.as_ref()))).map(Ok::<_, Error>)
        });
        let mut groups = groups
            .try_flatten()
            .enumerate()
            .map(|(index, group)| {
                let moved = async move {
                    match group {
                        Ok(group) => Ok(Ok((index, self.group((experiment, place), group, known).await?))),
                        Err(error) => Ok::<_, Error>(Err(error)),
                    }
                };
                moved.boxed()
            })
            .buffer_unordered(MAX_CONCURRENT_GROUPS);
        let mut present: Vec<(usize, Vec<RunId>)> = Vec::new();
        // Started groups are written completely, even when a later page cannot be read.
        let mut broken = None;
        while let Some(group) = groups.next().await {
            match group? {
                Ok(group) => present.push(group),
                Err(error) => drop(broken.get_or_insert(error)),
            }
        }
        drop(groups);
        if self.context.is_stopping() {
            return Ok(Ok(()));
        }
        if let Some(error) = broken {
            return self.fail_rest(models, error).await.map(Err);
        }
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.report_unseen(experiment, named(choice).into_iter().filter(|run| !seen.contains(run))).await?;
        self.late.add_orphans(place, models.all());
        present.sort_unstable_by_key(|(index, _)| *index);
        let order: Vec<RunId> = present.into_iter().flat_map(|(_, runs)| runs).collect();
        Ok(self.target.close_experiment(place, experiment, &order).await)
    }

    /// Marks these models as failed: it is unknown whether their runs are on the target, so they cannot be created.
    /// Returns the experiment's error.
    async fn fail_rest(&self, models: Models, error: Error) -> Result<Error> {
        let error = error.at("its runs cannot all be listed");
        for model in models.all() {
            self.fail_model(&model, &error.clone().at("its experiment")).await?;
        }
        Ok(error)
    }

    fn takes(&self, choice: &ExperimentSelection, run: &Readable<Run>) -> bool {
        match run {
            Ok(run) => choice.takes(&run.id) && !(self.plan.skip_deleted && run.lifecycle.is_deleted()),
            // The id of a part begins with that of its run.
            Err(unreadable) => {
                choice.takes(&RunId::from(unreadable.id.split('/').next().unwrap_or_default()))
            }
        }
    }

    /// Reports every run and model of an experiment as failed: without their experiment, they cannot be moved.
    async fn fail_all(
        &self,
        experiment: &Experiment,
        choice: &ExperimentSelection,
        error: &Error,
    ) -> Result<()> {
        for model in self.models_of(experiment, choice).await?.all() {
            let item = (model.id.as_str(), model.name.as_str());
            self.fail_item_of(experiment, Kind::LoggedModel, item, error).await?;
        }
        let mut pages = self.source.runs(experiment);
        // If the source cannot be read either, only the failure of the experiment is reported.
        while let Some(Ok(page)) = pages.next().await {
            for run in page.iter().filter(|run| self.takes(choice, run)) {
                let (id, name) = match run {
                    Ok(run) => (run.id.as_str(), run.label()),
                    Err(unreadable) => (unreadable.id.as_str(), unreadable.id.as_str()),
                };
                self.context.plan(Kind::Run, 1).await;
                self.fail_item_of(experiment, Kind::Run, (id, name), error).await?;
            }
        }
        Ok(())
    }

    /// Reports runs that the plan names but that the source does not have.
    async fn report_unseen(
        &self,
        experiment: &Experiment,
        unseen: impl Iterator<Item = RunId>,
    ) -> Result<()> {
        for run in unseen {
            let error = Error::permanent(
                "the plan names this run, but the source does not have it in this experiment",
            );
            self.context.plan(Kind::Run, 1).await;
            self.fail(Kind::Run, (run.as_str(), run.as_str()), Some(&experiment.id), &error).await?;
        }
        Ok(())
    }
}

/// The runs that the plan names and does not exclude.
fn named(choice: &ExperimentSelection) -> BTreeSet<RunId> {
    match choice {
        ExperimentSelection::Yes { only: Some(only), except, .. } => {
            only.difference(except).cloned().collect()
        }
        _ => BTreeSet::new(),
    }
}

fn chunked(mut runs: Vec<Readable<Run>>, size: usize) -> Vec<Vec<Readable<Run>>> {
    let mut chunks = Vec::new();
    while runs.len() > size {
        let rest = runs.split_off(size);
        chunks.push(std::mem::replace(&mut runs, rest));
    }
    if !runs.is_empty() {
        chunks.push(runs);
    }
    chunks
}
