//! Where a model version's files are, said anew: below the root of the run or logged model that was made on the target.

use super::RestTarget;
use crate::entities::{ModelId, ModelVersion, OwnedUri, RunId, UriForm};
use crate::error::{Error, Result};

impl RestTarget {
    /// The source to register a version with.
    pub(super) async fn new_source(&self, version: &ModelVersion) -> Result<String> {
        let source = version.source.as_str();
        let Some(uri) = OwnedUri::parse(source) else { return Ok(source.to_owned()) };
        let below = uri.below;
        if uri.is_of_model() {
            let model = self
                .ledger
                .model_of(&ModelId::from(uri.owner))
                .ok_or_else(|| not_there("logged model", uri.owner))?;
            return Ok(match uri.form {
                UriForm::Root => format!("{}{below}", self.client.logged_model(&model).await?.artifact_uri),
                UriForm::Models | UriForm::Runs => format!("models:/{model}{below}"),
            });
        }
        let run =
            self.ledger.target_of(&RunId::from(uri.owner)).ok_or_else(|| not_there("run", uri.owner))?;
        Ok(match uri.form {
            UriForm::Root => format!("{}{below}", self.client.run(&run).await?.artifact_uri),
            UriForm::Runs | UriForm::Models => format!("runs:/{run}{below}"),
        })
    }
}

fn not_there(kind: &str, id: &str) -> Error {
    Error::permanent(format!("its files belong to the {kind} {id}, which is not on the target"))
        .hint(format!("move that {kind} too, unless it is gone from the source for good"))
}
