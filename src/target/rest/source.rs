//! Where a model version's files are, said anew: below the artifact root of the run that was made on the target.

use super::RestTarget;
use crate::entities::{ModelVersion, RunId, RunUri};
use crate::error::{Error, Result};

impl RestTarget {
    /// The source to register a version with.
    pub(super) async fn new_source(&self, version: &ModelVersion) -> Result<String> {
        let source = version.source.as_str();
        if source.strip_prefix("models:/").is_some_and(|rest| rest.starts_with("m-")) {
            return Err(Error::permanent(format!(
                "its source {source} is a logged model, which this version of mlferry does not move yet"
            )));
        }
        let Some(uri) = RunUri::parse(source) else { return Ok(source.to_owned()) };
        let Some(run) = self.ledger.target_of(&RunId::from(uri.run)) else {
            return Err(Error::permanent(format!(
                "its files belong to the run {}, which is not on the target",
                uri.run
            ))
            .hint("move that run too, unless it is gone from the source for good"));
        };
        if uri.is_runs_scheme {
            return Ok(format!("runs:/{run}{}", uri.below));
        }
        Ok(format!("{}{}", self.client.run(&run).await?.artifact_uri, uri.below))
    }
}
