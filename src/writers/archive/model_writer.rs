use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::IgnoredAny;
use serde_json::json;

use super::ArchiveWriter;
use super::files::{ArchiveFiles, is_whole};
use crate::archive::{Checksums, Layout, LoggedModelFile, Sum, Wrapped};
use crate::artifacts::local;
use crate::entities::{ExperimentId, FileEntry, Kind, LoggedModel, ModelStatus};
use crate::error::Result;
use crate::writers::{Existing, FileWriter, ModelWriter, OpenModel, TargetExperiment};

/// The key of the fingerprint in the file.
const MARK: &str = "mlferry_fingerprint";

/// The fingerprint in the file of a model, if it has one.
fn mark_of(path: &Path) -> Option<String> {
    let file: Wrapped<IgnoredAny> = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    file.info?.get(MARK)?.as_str().map(str::to_owned)
}

/// Writes `logged_model.json`. The file is written last.
struct ArchiveModelWriter {
    layout: Layout,
    checksums: Arc<Checksums>,
    experiment: ExperimentId,
    files: ArchiveFiles,
}

impl ArchiveWriter {
    pub(super) fn open_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel> {
        super::check_id(model.id.as_str())?;
        let folder = self.layout.owner(Kind::LoggedModel, &place.id, model.id.as_str());
        self.layout.guard(folder.root())?;
        let is_over = model.status != ModelStatus::Pending;
        let path = self.layout.logged_model_file(&place.id, &model.id);
        let mark = super::fingerprint(model)?;
        let found = match (path.is_file(), again) {
            (false, _) => Existing::Nothing,
            (true, false)
                if is_over
                    && mark_of(&path).as_ref() == Some(&mark)
                    && self.checksums.is_sound(&path)
                    && is_whole(&self.checksums, &folder) =>
            {
                Existing::Everything
            }
            (true, _) => Existing::Partial,
        };
        if found != Existing::Everything {
            local::sweep(folder.root())?;
        }
        let files = ArchiveFiles::new(&self.layout, &self.checksums, folder);
        let (layout, checksums) = (self.layout.clone(), Arc::clone(&self.checksums));
        let writer = ArchiveModelWriter { layout, checksums, experiment: place.id.clone(), files };
        Ok(OpenModel { id: model.id.clone(), found, writer: Box::new(writer) })
    }
}

#[async_trait]
impl ModelWriter for ArchiveModelWriter {
    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    /// One file contains the whole model. It is written at the end.
    async fn complete(&self, _model: &LoggedModel) -> Result<()> {
        Ok(())
    }

    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()> {
        let (list, sum) = self.files.close(files, missing, lacking)?;
        let path = self.layout.logged_model_file(&self.experiment, &model.id);
        let info = if lacking { json!({}) } else { json!({ MARK: super::fingerprint(model)? }) };
        let file = Wrapped::new("export_logged_model.py", info, LoggedModelFile::from(model));
        let text = serde_json::to_vec_pretty(&file)?;
        local::write(&path, &text)?;
        self.checksums.add(&[(&list, sum), (&path, Sum::of(&text))])
    }
}
