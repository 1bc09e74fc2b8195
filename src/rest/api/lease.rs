//! The lease names the process that writes to a server. It is a tag of an experiment that always exists.

use crate::entities::{Experiment, ExperimentId, tag};
use crate::error::{Class, Error, Result};
use crate::rest::Client;

/// MLflow creates this experiment with its database (`store/tracking/sqlalchemy_store.py`,
/// `_create_default_experiment`).
const DEFAULT: &str = "0";

impl Client {
    /// The current lease. `None` when no process holds one.
    pub async fn lease(&self) -> Result<Option<String>> {
        let mut experiment = self.lease_experiment().await?;
        Ok(experiment.tags.remove(tag::LEASE).filter(|text| !text.is_empty()))
    }

    /// Sets the lease or removes it.
    pub async fn set_lease(&self, lease: Option<&str>) -> Result<()> {
        let id = self.lease_experiment().await?.id;
        match lease {
            Some(text) => self.set_experiment_tag(&id, tag::LEASE, text).await,
            None => self.delete_experiment_tag(&id, tag::LEASE).await,
        }
    }

    /// The default experiment or, if a user has deleted it, the first one that accepts tags.
    async fn lease_experiment(&self) -> Result<Experiment> {
        match self.experiment(&ExperimentId::from(DEFAULT)).await {
            Ok(experiment) if !experiment.lifecycle.is_deleted() => return Ok(experiment),
            Err(e) if e.class() != Class::NotFound => return Err(e),
            Ok(_) | Err(_) => {}
        }
        let first = self.first_active_experiment().await?;
        first.ok_or_else(|| Error::permanent("the server has no experiment that can hold the lease"))
    }
}
