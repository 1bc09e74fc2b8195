use serde_json::json;

use super::ArchiveWriter;
use crate::archive::{ModelFile, Wrapped};
use crate::artifacts::local;
use crate::entities::{ModelVersion, RegisteredModel};
use crate::error::Result;

impl ArchiveWriter {
    /// Writes a model with its versions. `is_whole` means that these are all versions of the source.
    pub(super) fn write_model(
        &self,
        model: &RegisteredModel,
        versions: &[ModelVersion],
        is_whole: bool,
    ) -> Result<()> {
        self.layout.guard(&self.layout.registered_model_file(model))?;
        let (model, versions) = &self.with_earlier_versions(model, versions, is_whole)?;
        let info = json!({
            "num_target_versions": versions.len(), "num_src_versions": versions.len(),
            "num_dst_versions": versions.len(), "failed_versions": [],
        });
        let file = Wrapped::new("export_model.py", info, ModelFile::new(model, versions));
        self.checksums.write(&self.layout.registered_model_file(model), &serde_json::to_vec_pretty(&file)?)
    }

    /// Adds versions of an earlier export: they remain part of the directory.
    fn with_earlier_versions(
        &self,
        model: &RegisteredModel,
        versions: &[ModelVersion],
        is_whole: bool,
    ) -> Result<(RegisteredModel, Vec<ModelVersion>)> {
        let (mut model, mut versions) = (model.clone(), versions.to_vec());
        let earlier = match self.earlier::<ModelFile>(&self.layout.registered_model_file(&model)) {
            // The earlier file cannot contain further versions.
            Err(_) if is_whole => None,
            earlier => earlier.map_err(|e| e.hint("export all versions of this model"))?,
        };
        let Some((before, mut kept)) = earlier.map(ModelFile::read) else { return Ok((model, versions)) };
        kept.retain(|one| versions.iter().all(|version| version.version != one.version));
        for (alias, number) in before.aliases {
            if kept.iter().any(|one| one.version == number) {
                model.aliases.entry(alias).or_insert(number);
            }
        }
        versions.extend(kept);
        versions.sort_by_key(|version| version.version);
        Ok((model, versions))
    }

    /// Writes the list that the importer of mlflow-export-import reads first. It contains registered models only;
    /// prompts have their own list there. Returns notes about models that were damaged since an earlier export.
    pub(super) fn write_models_list(&self) -> Result<Vec<String>> {
        let [models, _] = self.layout.registries();
        let (mut names, mut notes) = (Vec::new(), Vec::new());
        for path in local::walk(&models)?.into_iter().filter(|file| file.path.ends_with("/model.json")) {
            let place = local::below(&models, &path.path);
            match self.earlier::<ModelFile>(&place) {
                Ok(file) => names.extend(file.map(|file| file.read().0.name)),
                Err(error) => notes.push(error.to_string()),
            }
        }
        if names.is_empty() {
            return Ok(notes);
        }
        let info = json!({ "model_names": names, "num_total_models": names.len(), "num_ok_models": names.len(), "num_failed_models": 0, "failed_models": [] });
        let file = Wrapped::new("export_models.py", info, json!({ "models": names }));
        self.checksums.write(&self.layout.models_file(), &serde_json::to_vec_pretty(&file)?)?;
        Ok(notes)
    }
}
