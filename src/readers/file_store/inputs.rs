//! The datasets and logged models that a run used or created.

use std::collections::HashMap;
use std::path::Path;

use super::layout::{ExperimentFolder, META, is_run_id};
use super::{Problems, Store};
use crate::entities::{DatasetInput, ModelId, ModelOutput, is_plain_id};
use crate::error::{Error, Result};

/// The datasets of one experiment that were read, by their ids. Many runs share a few of them.
pub type Datasets = HashMap<String, DatasetInput>;

#[derive(Default)]
pub struct Inputs {
    /// Sorted, as those of a server are.
    pub datasets: Vec<DatasetInput>,
    pub models: Vec<ModelId>,
}

impl Store {
    /// An input that cannot be read is added to `problems`.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn inputs(
        &self,
        experiment: &ExperimentFolder,
        run: &Path,
        datasets: &mut Datasets,
        problems: &mut Problems,
    ) -> Result<Inputs> {
        let mut found = Inputs::default();
        let inputs = run.join("inputs");
        for name in self.names_in(&inputs, is_run_id)? {
            let read = self.meta(&inputs.join(&name).join(META)).and_then(|meta| {
                let id = meta.text("source_id");
                if meta.is_cut() && meta.node("tags").is_none() {
                    return Err(meta.error("it is cut off"));
                }
                match meta.text("source_type").as_str() {
                    "DATASET" => {
                        let dataset = self.dataset(experiment, &id, datasets)?;
                        found.datasets.push(DatasetInput { tags: meta.texts("tags"), ..dataset });
                    }
                    "MODEL" => found.models.push(id.into()),
                    other => return Err(meta.error(format!("inputs of the type {other:?} are not known"))),
                }
                Ok(())
            });
            problems.extend(read.err().map(|error| (format!("inputs/{name}"), error)));
        }
        found.datasets.sort();
        found.models.sort();
        Ok(found)
    }

    fn dataset(&self, experiment: &ExperimentFolder, id: &str, known: &mut Datasets) -> Result<DatasetInput> {
        if let Some(dataset) = known.get(id) {
            return Ok(dataset.clone());
        }
        if !is_plain_id(id) {
            return Err(Error::permanent(format!("{id:?} is not the id of a dataset")));
        }
        let meta = self.meta(&experiment.path.join("datasets").join(id).join(META))?;
        let dataset = DatasetInput {
            name: meta.text("name"),
            digest: meta.text("digest"),
            source_type: meta.text("source_type"),
            source: meta.text("source"),
            schema: meta.optional("schema"),
            profile: meta.optional("profile"),
            ..DatasetInput::default()
        };
        known.insert(id.to_owned(), dataset.clone());
        Ok(dataset)
    }

    /// The logged models that the run created, sorted.
    pub fn outputs(&self, run: &Path, problems: &mut Problems) -> Result<Vec<ModelOutput>> {
        let mut found = Vec::new();
        let outputs = run.join("outputs");
        for name in self.names_in(&outputs, |name| name.starts_with("m-"))? {
            let read = self.meta(&outputs.join(&name).join(META)).and_then(|meta| {
                if meta.is_cut() && meta.node("step").is_none() {
                    return Err(meta.error("it is cut off"));
                }
                let step = meta.integer("step")?.unwrap_or_default();
                found.push(ModelOutput { model_id: meta.text("destination_id").into(), step });
                Ok(())
            });
            problems.extend(read.err().map(|error| (format!("outputs/{name}"), error)));
        }
        found.sort();
        Ok(found)
    }
}
