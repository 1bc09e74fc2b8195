//! Scorers (MLflow 3.4): read and write calls.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::entities::{ExperimentId, Scorer, integer};
use crate::error::Result;
use crate::rest::{Call, Client};

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    scorers: Vec<WireScorer>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireScorer {
    /// A number here, but a string in all other messages.
    experiment_id: Value,
    scorer_name: String,
    #[serde(with = "integer")]
    scorer_version: i64,
    serialized_scorer: String,
    #[serde(with = "integer::optional")]
    creation_time: Option<i64>,
}

impl From<WireScorer> for Scorer {
    fn from(wire: WireScorer) -> Self {
        Self {
            experiment_id: wire.experiment_id.to_string().trim_matches('"').into(),
            name: wire.scorer_name,
            version: wire.scorer_version.try_into().unwrap_or_default(),
            content: wire.serialized_scorer,
            creation_time: wire.creation_time,
        }
    }
}

impl Client {
    /// The latest version of each scorer of an active experiment. Without an experiment: the scorers of all
    /// experiments, which MLflow before 3.12 or so refuses.
    pub async fn scorers(&self, experiment: Option<&ExperimentId>) -> Result<Vec<Scorer>> {
        let mut call = Call::get("/api/3.0/mlflow/scorers/list");
        if let Some(id) = experiment {
            call = call.query("experiment_id", id);
        }
        Ok(self.json::<List>(&call).await?.scorers.into_iter().map(Into::into).collect())
    }

    /// All versions of a scorer, in ascending order.
    pub async fn scorer_versions(&self, experiment: &ExperimentId, name: &str) -> Result<Vec<Scorer>> {
        let call = Call::get("/api/3.0/mlflow/scorers/versions");
        let call = call.query("experiment_id", experiment).query("name", name);
        let list: List = self.json(&call).await?;
        let mut versions: Vec<Scorer> = list.scorers.into_iter().map(Into::into).collect();
        versions.sort_by_key(|one| one.version);
        Ok(versions)
    }

    /// Registers a version of a scorer and returns its number. The call is not repeated when its outcome is unknown.
    pub async fn register_scorer(&self, experiment: &ExperimentId, name: &str, content: &str) -> Result<u64> {
        #[derive(Deserialize)]
        struct Registered {
            #[serde(with = "integer")]
            version: i64,
        }
        let body = json!({ "experiment_id": experiment, "name": name, "serialized_scorer": content });
        let call = Call::post("/api/3.0/mlflow/scorers/register", &body)?.only_unsent();
        Ok(self.json::<Registered>(&call).await?.version.try_into().unwrap_or_default())
    }

    pub async fn delete_scorer_version(
        &self,
        experiment: &ExperimentId,
        name: &str,
        version: u64,
    ) -> Result<()> {
        let body = json!({ "experiment_id": experiment, "name": name, "version": version });
        self.done(&Call::with_body(Method::DELETE, "/api/3.0/mlflow/scorers/delete", &body)?).await
    }
}
