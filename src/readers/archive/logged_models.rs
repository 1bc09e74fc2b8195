use super::ArchiveReader;
use crate::archive::{LoggedModelFile, Wrapped};
use crate::entities::{ExperimentId, Kind, LoggedModel, ModelId, Readable, Unreadable, is_plain_id};
use crate::error::{Error, Result};

impl ArchiveReader {
    pub(super) fn read_logged_models(&self, experiment: &ExperimentId) -> Result<Vec<Readable<LoggedModel>>> {
        let ids = self.folders_with(&self.layout.logged_models(experiment), "logged_model.json")?;
        let ids: Vec<ModelId> = ids.into_iter().map(ModelId::from).collect();
        let unreadable = |id: &ModelId, e: Error| Unreadable {
            kind: Kind::LoggedModel,
            id: id.to_string(),
            reason: e.to_string(),
        };
        let is_there = |item: &str| ids.iter().any(|id| id.as_str() == item);
        let lost = self.listed_as_not_exported(&[Kind::LoggedModel], Some(experiment), is_there).map(Err);
        Ok(ids
            .iter()
            .map(|id| self.read_logged_model(experiment, id).map_err(|e| unreadable(id, e)))
            .chain(lost)
            .collect())
    }

    /// Reads a logged model. The name of its folder is the id: an id inside a file is not trusted as a path.
    fn read_logged_model(&self, experiment: &ExperimentId, id: &ModelId) -> Result<LoggedModel> {
        let file = self.read::<Wrapped<LoggedModelFile>>(&self.layout.logged_model_file(experiment, id))?;
        let model = LoggedModel::from(file.mlflow);
        Ok(LoggedModel { id: id.clone(), experiment_id: experiment.clone(), ..model })
    }

    /// Searches all experiments, because a directory has no index of models.
    pub(super) fn find_logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        if !is_plain_id(id.as_str()) {
            return Ok(None);
        }
        for experiment in self.experiment_ids()? {
            let experiment = experiment.into();
            // A lost file is reported when its experiment is read.
            if self.layout.logged_model_file(&experiment, id).exists() {
                return self.read_logged_model(&experiment, id).map(Some);
            }
        }
        Ok(None)
    }
}
