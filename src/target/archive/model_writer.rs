use async_trait::async_trait;
use serde_json::json;

use super::ArchiveTarget;
use super::files::ArchiveFiles;
use crate::archive::{Layout, LoggedModelFile, Wrapped};
use crate::artifacts::local;
use crate::entities::{ExperimentId, FileEntry, Kind, LoggedModel};
use crate::error::Result;
use crate::target::{FileWriter, Found, ModelWriter, OpenModel, Place};

/// Writes `logged_model.json` of a logged model; it appears last.
struct ArchiveModelWriter {
    layout: Layout,
    experiment: ExperimentId,
    files: ArchiveFiles,
}

impl ArchiveTarget {
    pub(super) fn open_model(&self, place: &Place, model: &LoggedModel, again: bool) -> Result<OpenModel> {
        super::check_id(model.id.as_str())?;
        let found = match (self.layout.logged_model_file(&place.id, &model.id).is_file(), again) {
            (false, _) => Found::Nothing,
            (true, true) => Found::Partial,
            (true, false) => Found::Everything,
        };
        let folder = self.layout.owner(Kind::LoggedModel, &place.id, model.id.as_str());
        if found != Found::Everything {
            local::sweep(folder.root())?;
        }
        let files = ArchiveFiles::new(folder);
        let writer = ArchiveModelWriter { layout: self.layout.clone(), experiment: place.id.clone(), files };
        Ok(OpenModel { id: model.id.clone(), found, writer: Box::new(writer) })
    }
}

#[async_trait]
impl ModelWriter for ArchiveModelWriter {
    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    /// The whole model is one file, written at its end.
    async fn complete(&self, _model: &LoggedModel) -> Result<()> {
        Ok(())
    }

    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        _lacking: bool,
    ) -> Result<()> {
        self.files.close(files, missing)?;
        let path = self.layout.logged_model_file(&self.experiment, &model.id);
        let file = Wrapped::new("export_logged_model.py", json!({}), LoggedModelFile::from(model));
        local::write(&path, &serde_json::to_vec_pretty(&file)?)
    }
}
