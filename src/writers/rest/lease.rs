//! Who writes to a server, said in a tag of an experiment that is always there.

use super::RestWriter;
use crate::entities::{Experiment, ExperimentId, tag};
use crate::error::{Class, Error, Result};

/// MLflow makes it with its database (`store/tracking/sqlalchemy_store.py`, `_create_default_experiment`).
const DEFAULT: &str = "0";

impl RestWriter {
    pub(super) async fn read_lease(&self) -> Result<Option<String>> {
        let mut experiment = self.lease_place().await?;
        Ok(experiment.tags.remove(tag::LEASE).filter(|text| !text.is_empty()))
    }

    pub(super) async fn write_lease(&self, lease: Option<&str>) -> Result<()> {
        let id = self.lease_place().await?.id;
        match lease {
            Some(text) => self.client.set_experiment_tag(&id, tag::LEASE, text).await,
            None => self.client.delete_experiment_tag(&id, tag::LEASE).await,
        }
    }

    /// The default experiment or, where somebody has deleted it, the first one that takes tags.
    async fn lease_place(&self) -> Result<Experiment> {
        match self.client.experiment(&ExperimentId::from(DEFAULT)).await {
            Ok(experiment) if !experiment.lifecycle.is_deleted() => return Ok(experiment),
            Err(e) if e.class() != Class::NotFound => return Err(e),
            Ok(_) | Err(_) => {}
        }
        let first = self.client.first_active_experiment().await?;
        first.ok_or_else(|| Error::permanent("the target has no experiment to keep it"))
    }
}
