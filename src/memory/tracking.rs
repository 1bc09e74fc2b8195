//! Experiments and runs.

use std::collections::BTreeMap;

use super::{Data, StoredRun, add_params, not_found, refused};
use crate::entities::{
    DatasetInput, Experiment, ExperimentId, Lifecycle, ModelId, ModelOutput, Point, Run, RunId, RunStatus,
};
use crate::error::Result;

/// The fields of a new run.
#[derive(Default)]
pub struct NewRun {
    pub experiment: ExperimentId,
    pub name: String,
    pub user: String,
    pub start_time: Option<i64>,
    pub tags: BTreeMap<String, String>,
}

impl Data {
    /// Creates an experiment. The name of a deleted experiment is still in use.
    pub fn create_experiment(&mut self, name: &str, tags: BTreeMap<String, String>) -> Result<ExperimentId> {
        if self.experiments.values().any(|known| known.name == name) {
            return Err(refused(
                "RESOURCE_ALREADY_EXISTS",
                format!("Experiment(name={name}) already exists"),
            ));
        }
        let id = ExperimentId::from(self.new_number().to_string());
        let experiment = Experiment { id: id.clone(), name: name.to_owned(), tags, ..Experiment::default() };
        self.experiments.insert(id.clone(), experiment);
        Ok(id)
    }

    /// Deletes or restores an experiment. All of its runs are deleted or restored with it.
    pub fn set_experiment_lifecycle(&mut self, id: &ExperimentId, to: Lifecycle) -> Result<()> {
        let experiment = self.experiments.get_mut(id).ok_or_else(|| not_found(id.as_str()))?;
        if experiment.lifecycle == to {
            return Err(not_found(format!("no experiment {id} that is not {}", to.name())));
        }
        experiment.lifecycle = to;
        for stored in self.runs.values_mut().filter(|stored| stored.run.experiment_id == *id) {
            stored.run.lifecycle = to;
        }
        Ok(())
    }

    fn active_experiment(&self, id: &ExperimentId) -> Result<()> {
        match self.experiments.get(id) {
            None => Err(not_found(format!("no experiment {id}"))),
            Some(known) if known.lifecycle.is_deleted() => Err(refused(
                "INVALID_PARAMETER_VALUE",
                format!("The experiment {id} must be in the 'active' state"),
            )),
            Some(_) => Ok(()),
        }
    }

    pub fn create_run(&mut self, new: NewRun) -> Result<RunId> {
        self.active_experiment(&new.experiment)?;
        let id = RunId::from(self.new_digits());
        let run = Run {
            id: id.clone(),
            experiment_id: new.experiment,
            name: new.name,
            user_id: new.user,
            start_time: new.start_time,
            artifact_uri: self.new_root(id.as_str()),
            tags: new.tags,
            ..Run::default()
        };
        self.runs.insert(id.clone(), StoredRun { run, ..StoredRun::default() });
        Ok(id)
    }

    /// Returns a run that is not deleted. A deleted run refuses writes.
    pub fn active_run(&mut self, id: &RunId) -> Result<&mut StoredRun> {
        let stored = self.runs.get_mut(id).ok_or_else(|| not_found(format!("Run {id} not found")))?;
        match stored.run.lifecycle {
            Lifecycle::Active => Ok(stored),
            Lifecycle::Deleted => {
                Err(refused("INVALID_PARAMETER_VALUE", format!("The run {id} must be in the 'active' state")))
            }
        }
    }

    pub fn log_params(&mut self, id: &RunId, params: &BTreeMap<String, String>) -> Result<()> {
        add_params(&mut self.active_run(id)?.run.params, params)
    }

    /// Logs points of a metric. An existing point is not stored again.
    pub fn log_metrics(&mut self, id: &RunId, key: &str, points: &[Point]) -> Result<()> {
        let stored = self.active_run(id)?;
        let series = stored.metrics.entry(key.to_owned()).or_default();
        for point in points {
            if series.iter().any(|known| known.identity() == point.identity()) {
                continue;
            }
            series.push(*point);
            let latest = stored.run.latest.entry(key.to_owned()).or_insert(*point);
            if point.is_later_than(latest) {
                *latest = *point;
            }
        }
        Ok(())
    }

    /// Logs datasets of a run. An existing dataset is not stored again.
    pub fn log_datasets(&mut self, id: &RunId, datasets: &[DatasetInput]) -> Result<()> {
        let known = &mut self.active_run(id)?.run.datasets;
        for dataset in datasets {
            if !known.iter().any(|one| (&one.name, &one.digest) == (&dataset.name, &dataset.digest)) {
                known.push(dataset.clone());
            }
        }
        Ok(())
    }

    pub fn log_model_inputs(&mut self, id: &RunId, models: &[ModelId]) -> Result<()> {
        let known = &mut self.active_run(id)?.run.model_inputs;
        known.extend(models.iter().cloned());
        known.sort();
        known.dedup();
        Ok(())
    }

    /// Logs the models that a run made. An existing output is refused.
    pub fn log_model_outputs(&mut self, id: &RunId, outputs: &[ModelOutput]) -> Result<()> {
        let known = &mut self.active_run(id)?.run.model_outputs;
        for output in outputs {
            if known.contains(output) {
                return Err(refused("BAD_REQUEST", "UNIQUE constraint failed: inputs"));
            }
            known.push(output.clone());
        }
        known.sort();
        Ok(())
    }

    pub fn update_run(&mut self, id: &RunId, status: RunStatus, end_time: Option<i64>) -> Result<()> {
        let run = &mut self.active_run(id)?.run;
        (run.status, run.end_time) = (status, end_time.or(run.end_time));
        Ok(())
    }

    pub fn set_run_lifecycle(&mut self, id: &RunId, to: Lifecycle) -> Result<()> {
        let stored = self.runs.get_mut(id).ok_or_else(|| not_found(format!("Run {id} not found")))?;
        stored.run.lifecycle = to;
        Ok(())
    }
}
