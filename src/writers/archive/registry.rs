use std::fs;

use serde_json::json;

use super::ArchiveWriter;
use crate::archive::{ModelFile, Wrapped};
use crate::artifacts::local;
use crate::entities::{ModelVersion, RegisteredModel};
use crate::error::{Error, Result};

impl ArchiveWriter {
    pub(super) fn write_model(&self, model: &RegisteredModel, versions: &[ModelVersion]) -> Result<()> {
        self.layout.guard(&self.layout.registered_model_file(model))?;
        let (model, versions) = &self.with_earlier_versions(model, versions);
        let info = json!({
            "num_target_versions": versions.len(), "num_src_versions": versions.len(),
            "num_dst_versions": versions.len(), "failed_versions": [],
        });
        let file = Wrapped::new("export_model.py", info, ModelFile::new(model, versions));
        local::write(&self.layout.registered_model_file(model), &serde_json::to_vec_pretty(&file)?)
    }

    /// An export of other versions may have been there before: they stay part of the directory.
    fn with_earlier_versions(
        &self,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> (RegisteredModel, Vec<ModelVersion>) {
        let (mut model, mut versions) = (model.clone(), versions.to_vec());
        let earlier = fs::read(self.layout.registered_model_file(&model)).ok();
        let earlier = earlier.and_then(|text| serde_json::from_slice::<Wrapped<ModelFile>>(&text).ok());
        let Some((before, mut kept)) = earlier.map(|file| file.mlflow.read()) else {
            return (model, versions);
        };
        kept.retain(|one| versions.iter().all(|version| version.version != one.version));
        for (alias, number) in before.aliases {
            if kept.iter().any(|one| one.version == number) {
                model.aliases.entry(alias).or_insert(number);
            }
        }
        versions.extend(kept);
        versions.sort_by_key(|version| version.version);
        (model, versions)
    }

    /// What the incumbent's importer looks for first; registered models only, prompts have a list of their own there.
    pub(super) fn write_models_list(&self) -> Result<()> {
        let [models, _] = self.layout.registries();
        let mut names = Vec::new();
        for path in local::walk(&models)?.into_iter().filter(|file| file.path.ends_with("/model.json")) {
            let place = local::below(&models, &path.path);
            let text = std::fs::read(&place).map_err(|e| Error::from(e).at(place.display()))?;
            let file: Wrapped<ModelFile> =
                serde_json::from_slice(&text).map_err(|e| Error::from(e).at(place.display()))?;
            names.push(file.mlflow.read().0.name);
        }
        if names.is_empty() {
            return Ok(());
        }
        let info = json!({ "model_names": names, "num_total_models": names.len(), "num_ok_models": names.len(), "num_failed_models": 0, "failed_models": [] });
        let file = Wrapped::new("export_models.py", info, json!({ "models": names }));
        local::write(&self.layout.models_file(), &serde_json::to_vec_pretty(&file)?)
    }
}
