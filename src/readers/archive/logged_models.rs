use std::fs;

use super::{ArchiveReader, read};
use crate::archive::{LoggedModelFile, Wrapped};
use crate::entities::{ExperimentId, Kind, LoggedModel, ModelId, Readable, Unreadable, is_plain_id};
use crate::error::{Class, Error, Result};

impl ArchiveReader {
    pub(super) fn read_logged_models(&self, experiment: &ExperimentId) -> Result<Vec<Readable<LoggedModel>>> {
        let folder = self.layout.logged_models(experiment);
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|e| Error::from(e).at(folder.display()))?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A folder without the file is left by a model that could not be exported.
            if entry.path().join("logged_model.json").is_file() {
                ids.push(ModelId::from(entry.file_name().to_string_lossy().into_owned()));
            }
        }
        ids.sort();
        let unreadable = |id: &ModelId, e: Error| Unreadable {
            kind: Kind::LoggedModel,
            id: id.to_string(),
            reason: e.to_string(),
        };
        Ok(ids
            .iter()
            .map(|id| self.read_logged_model(experiment, id).map_err(|e| unreadable(id, e)))
            .collect())
    }

    /// The folders' names count: what a file says of itself is not trusted with a path.
    fn read_logged_model(&self, experiment: &ExperimentId, id: &ModelId) -> Result<LoggedModel> {
        let file =
            read::<Wrapped<LoggedModelFile>>(&self.layout, &self.layout.logged_model_file(experiment, id))?;
        let model = LoggedModel::from(file.mlflow);
        Ok(LoggedModel { id: id.clone(), experiment_id: experiment.clone(), ..model })
    }

    /// Looks through the experiments: a directory has no index of models.
    pub(super) fn find_logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        if !is_plain_id(id.as_str()) {
            return Ok(None);
        }
        for experiment in self.experiment_ids()? {
            match self.read_logged_model(&experiment.into(), id) {
                Err(e) if e.class() == Class::NotFound => {}
                other => return other.map(Some),
            }
        }
        Ok(None)
    }
}
