//! Rewrites the source of a model version: the new source is below the root of the run or logged model that was made on
//! the target.

use std::sync::PoisonError;

use super::RestWriter;
use crate::entities::{ModelId, ModelVersion, OwnedUri, RunId, UriForm};
use crate::error::{Error, Result};

/// The values that a version is registered with.
pub(super) struct NewSource {
    pub source: String,
    /// The logged model in the source. The server then adds the version to it.
    pub model: Option<ModelId>,
    /// The run in the source.
    pub run: Option<RunId>,
}

impl NewSource {
    fn of(source: String) -> Self {
        Self { source, model: None, run: None }
    }
}

impl RestWriter {
    /// The place of the version's files on the target.
    pub(super) async fn new_source(&self, version: &ModelVersion) -> Result<NewSource> {
        let source = version.source.as_str();
        let Some(uri) = OwnedUri::parse(source) else { return Ok(NewSource::of(self.renamed(version))) };
        let below = uri.below;
        if uri.is_of_model() {
            let model = self
                .id_map
                .model_of(&ModelId::from(uri.owner))
                .ok_or_else(|| not_on_target("logged model", uri.owner))?;
            let source = match uri.form {
                UriForm::Root => format!("{}{below}", self.client.logged_model(&model).await?.artifact_uri),
                UriForm::Models | UriForm::Runs => format!("models:/{model}{below}"),
            };
            return Ok(NewSource { model: Some(model), ..NewSource::of(source) });
        }
        let run =
            self.id_map.target_of(&RunId::from(uri.owner)).ok_or_else(|| not_on_target("run", uri.owner))?;
        let source = match uri.form {
            UriForm::Root => format!("{}{below}", self.client.run(&run).await?.artifact_uri),
            UriForm::Runs | UriForm::Models => format!("runs:/{run}{below}"),
        };
        Ok(NewSource { run: Some(run), ..NewSource::of(source) })
    }

    /// The source of a copied version, with the name of the original model and the number of the original version on
    /// the target.
    fn renamed(&self, version: &ModelVersion) -> String {
        let names = self.model_names.lock().unwrap_or_else(PoisonError::into_inner);
        let new = version.copied_from().and_then(|(name, number)| {
            let number = self.new_number(&format!("{name}/{number}")).unwrap_or(number);
            Some(format!("models:/{}/{number}", names.get(name)?))
        });
        new.unwrap_or_else(|| version.source.clone())
    }
}

fn not_on_target(kind: &str, id: &str) -> Error {
    Error::permanent(format!("its files belong to the {kind} {id}, which is not on the target"))
        .hint(format!(
            "if that {kind} failed, too, its reason is above; if it is not selected, select it; it may also no longer exist \
             on the source"
        ))
}
