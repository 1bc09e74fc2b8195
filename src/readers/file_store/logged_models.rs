//! Logged models (MLflow 3): `<experiment>/models/<id>`. Deleted models stay in their folders.

use std::collections::HashSet;
use std::io::BufReader;
use std::path::Path;

use super::layout::{ExperimentFolder, META, MODELS};
use super::metrics::{Verdict, each_line};
use super::{Problems, Store, metric_line, with_problems};
use crate::entities::{
    ExperimentId, Kind, LoggedModel, ModelId, ModelMetric, ModelStatus, Readable, is_plain_id,
};
use crate::error::{Error, Result};

impl Store {
    /// The names of the folders that may be logged models.
    pub fn model_names(&self, experiment: &ExperimentId) -> Result<(ExperimentFolder, Vec<String>)> {
        let folder = self.experiment(experiment)?;
        let names = self.names_in(&folder.path.join(MODELS), |name| name.starts_with("m-"))?;
        Ok((folder, names))
    }

    /// The model, then its parts that cannot be read. Nothing for a deleted model, which no server lists.
    pub fn read_model(&self, experiment: &ExperimentFolder, name: &str) -> Vec<Readable<LoggedModel>> {
        let mut problems = Problems::new();
        let model = self.model_of(experiment, name, &mut problems);
        with_problems(Kind::LoggedModel, name, model, problems)
    }

    fn model_of(
        &self,
        experiment: &ExperimentFolder,
        name: &str,
        problems: &mut Problems,
    ) -> Result<Option<LoggedModel>> {
        let path = experiment.path.join(MODELS).join(name);
        self.disk.check_listed(&path)?;
        let Some(meta) = self.meta_if_any(&path.join(META))? else {
            return match self.disk.holds_something(&path) {
                true => Err(Error::permanent(format!("it has no {META}")).at(path.display())),
                false => Ok(None),
            };
        };
        if meta.lifecycle().is_deleted() {
            return Ok(None);
        }
        let folder = experiment.below(MODELS, name)?;
        let params = self.part(&folder, "params", problems)?;
        let tags = self.part(&folder, "tags", problems)?;
        let metrics = self.model_metrics(&folder.join("metrics"), problems)?;
        Ok(Some(LoggedModel {
            id: name.into(),
            experiment_id: experiment.id.clone(),
            name: meta.text("name"),
            model_type: meta.text("model_type"),
            status: status(&meta.text("status")),
            status_message: meta.text("status_message"),
            source_run_id: meta.optional("source_run_id").filter(|id| !id.is_empty()).map(Into::into),
            creation_time: meta.integer("creation_timestamp")?,
            last_update_time: meta.integer("last_updated_timestamp")?,
            artifact_uri: meta.text("artifact_location"),
            params,
            tags,
            metrics,
        }))
    }

    /// Every point, each once. A server over the folder shows only the latest one of each dataset (MLflow 3.18,
    /// `store/tracking/file_store.py`, `_get_model_metrics_from_file`); a server with a database shows all.
    fn model_metrics(&self, folder: &Path, problems: &mut Problems) -> Result<Vec<ModelMetric>> {
        let files = self.key_files(folder)?;
        problems.extend(files.lost.into_iter().map(|(key, error)| (format!("metrics/{key}"), error)));
        let mut all = Vec::new();
        for (key, path) in files.files {
            let mut points: Vec<ModelMetric> = Vec::new();
            let mut seen = HashSet::new();
            let mut parse = |line: &[u8]| match metric_line::of_model(&key, line) {
                None => Verdict::Bad,
                Some(metric) => {
                    if seen.insert(line.trim_ascii().to_vec()) {
                        points.push(metric);
                    }
                    Verdict::Good
                }
            };
            let file = BufReader::new(self.disk.open_file(&path)?);
            let bad = each_line(file, &mut parse).map_err(|e| Error::from(e).at(path.display()))?;
            if !bad.is_empty() {
                let error = Error::permanent(bad.to_string()).at(path.display());
                problems.push((format!("metrics/{key}"), error));
            }
            all.extend(points);
        }
        Ok(all)
    }

    /// The model with this id, in any experiment.
    pub fn find_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        if !is_plain_id(id.as_str()) {
            return Ok(None);
        }
        for experiment in self.experiment_folders()? {
            if self.disk.is_folder(&experiment.path.join(MODELS).join(id.as_str()))
                && let Some(found) = self.read_model(&experiment, id.as_str()).into_iter().next()
            {
                return found.map(Some).map_err(Error::from);
            }
        }
        Ok(None)
    }

    /// The number of deleted logged models.
    pub fn deleted_models(&self) -> Result<u64> {
        let mut count = 0;
        for experiment in self.experiment_folders()? {
            // The list of the models reports a folder that cannot be read.
            for entry in self.disk.folders(&experiment.path.join(MODELS)).unwrap_or_default() {
                let meta = self.meta(&entry.path.join(META));
                count += u64::from(meta.is_ok_and(|meta| meta.lifecycle().is_deleted()));
            }
        }
        Ok(count)
    }
}

/// MLflow 3.18, `entities/logged_model_status.py`.
fn status(text: &str) -> ModelStatus {
    match text {
        "1" | "PENDING" => ModelStatus::Pending,
        "2" | "READY" => ModelStatus::Ready,
        "3" | "FAILED" => ModelStatus::Failed,
        _ => ModelStatus::Unspecified,
    }
}
