use serde_json::json;

use super::ArchiveTarget;
use crate::archive::{ModelFile, Wrapped};
use crate::artifacts::local;
use crate::entities::{ModelVersion, RegisteredModel};
use crate::error::{Error, Result};

impl ArchiveTarget {
    pub(super) fn write_model(&self, model: &RegisteredModel, versions: &[ModelVersion]) -> Result<()> {
        let info = json!({
            "num_target_versions": versions.len(), "num_src_versions": versions.len(),
            "num_dst_versions": versions.len(), "failed_versions": [],
        });
        let file = Wrapped::new("export_model.py", info, ModelFile::new(model, versions));
        local::write(&self.layout.registered_model_file(model), &serde_json::to_vec_pretty(&file)?)
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
