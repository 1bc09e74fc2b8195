use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::ArchiveReader;
use crate::archive::{ModelFile, Wrapped, read_summary};
use crate::artifacts::local;
use crate::entities::{Kind, ModelVersion, Readable, RegisteredModel, Run, RunId, Unreadable, is_plain_id};
use crate::error::{Error, Result};

impl ArchiveReader {
    pub(super) fn read_models(&self) -> Result<Vec<Readable<RegisteredModel>>> {
        let read = |path: PathBuf| {
            let folder = path.parent().and_then(|folder| folder.file_name()).unwrap_or(path.as_os_str());
            let id = folder.to_string_lossy().into_owned();
            let model = self.read_model(&path).map(|(model, _)| model);
            let is_prompt = path.starts_with(self.layout.prompts());
            let kind = if is_prompt { Kind::Prompt } else { Kind::RegisteredModel };
            model.map_err(|e| Unreadable { kind, id, reason: e.to_string() })
        };
        let files = self.model_files()?;
        let lost: Vec<_> = self.models_without_folder(&files).map(Err).collect();
        let kinds = [Kind::RegisteredModel, Kind::Prompt, Kind::ModelVersion, Kind::PromptVersion];
        let not_exported = self.listed_as_not_exported(&kinds, None, |_| false).map(Err);
        Ok(files.into_iter().map(read).chain(lost).chain(not_exported).collect())
    }

    pub(super) fn read_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        Ok(self.read_model(&self.layout.registered_model_file(of))?.1)
    }

    fn model_files(&self) -> Result<Vec<PathBuf>> {
        // The folder of a single experiment may also have models, but these are logged models.
        let mut folders =
            if self.layout.only().is_some() { Vec::new() } else { self.layout.registries().into() };
        let mut files = BTreeSet::new();
        for folder in &folders {
            self.checksums.each_listed(folder, &mut |path| {
                if path.ends_with("/model.json") {
                    files.insert(local::below(folder, path));
                }
            })?;
        }
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                other => other.map_err(|e| Error::from(e).at(folder.display()))?,
            };
            for entry in entries {
                let entry = entry?;
                match entry.path().join("model.json") {
                    file if file.is_file() => drop(files.insert(file)),
                    // Folders of mlflow-export-import have the names of the models, including "/". Links are not
                    // followed, because they could form a circle.
                    _ if entry.file_type()?.is_dir() => folders.push(entry.path()),
                    _ => {}
                }
            }
        }
        Ok(files.into_iter().collect())
    }

    /// Searches all experiments, because a directory has no index of runs.
    pub(super) fn find_run(&self, id: &RunId) -> Result<Option<Run>> {
        if !is_plain_id(id.as_str()) {
            return Ok(None);
        }
        for experiment in self.experiment_ids()? {
            let experiment = experiment.into();
            let path = self.layout.run_file(&experiment, id);
            // A lost file is reported when its experiment is read.
            if path.exists() {
                let run = self.checksums.read(&path, |text| read_summary(text, &path))?;
                return Ok(Some(Run { id: id.clone(), experiment_id: experiment, ..run }));
            }
        }
        Ok(None)
    }

    fn read_model(&self, path: &Path) -> Result<(RegisteredModel, Vec<ModelVersion>)> {
        Ok(self.read::<Wrapped<ModelFile>>(path)?.mlflow.read())
    }
}
