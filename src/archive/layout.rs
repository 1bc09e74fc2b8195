use std::path::PathBuf;

use crate::artifacts::local;
use crate::entities::{ExperimentId, RunId};

/// Paths of an export directory:
///
/// ```text
/// mlferry.json                                  ours: the source it was exported from
/// manifest.json                                 there once an export has come to its end
/// experiments/experiments.json
/// experiments/<id>/experiment.json
/// experiments/<id>/runs/<run id>/run.json       there once the run is complete
/// experiments/<id>/runs/<run id>/artifacts.json ours: sizes and checksums
/// experiments/<id>/runs/<run id>/artifacts/…
/// ```
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn origin(&self) -> PathBuf {
        self.root.join("mlferry.json")
    }

    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    pub fn experiments(&self) -> PathBuf {
        self.root.join("experiments")
    }

    pub fn experiments_file(&self) -> PathBuf {
        self.experiments().join("experiments.json")
    }

    pub fn experiment(&self, id: &ExperimentId) -> PathBuf {
        self.experiments().join(id.as_str())
    }

    pub fn experiment_file(&self, id: &ExperimentId) -> PathBuf {
        self.experiment(id).join("experiment.json")
    }

    pub fn run(&self, experiment: &ExperimentId, run: &RunId) -> PathBuf {
        self.experiment(experiment).join("runs").join(run.as_str())
    }

    pub fn run_file(&self, experiment: &ExperimentId, run: &RunId) -> PathBuf {
        self.run(experiment, run).join("run.json")
    }

    pub fn artifact_list(&self, experiment: &ExperimentId, run: &RunId) -> PathBuf {
        self.run(experiment, run).join("artifacts.json")
    }

    pub fn artifacts(&self, experiment: &ExperimentId, run: &RunId) -> PathBuf {
        self.run(experiment, run).join("artifacts")
    }

    pub fn artifact(&self, experiment: &ExperimentId, run: &RunId, path: &str) -> PathBuf {
        local::below(&self.artifacts(experiment, run), path)
    }
}
