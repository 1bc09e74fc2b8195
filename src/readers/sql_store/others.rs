//! Objects of the database that cannot be migrated, counted, and the check that it is a database of a tracking server.

use futures::{StreamExt, TryStreamExt, stream};

use super::SqlStoreReader;
use super::select::{Catalogue, Select};
use super::value::Value;
use crate::entities::{Count, Unsupported};
use crate::error::{Error, Result};

const MAX_CONCURRENT_QUERIES: usize = 4;
const RUN_AGAIN: &str = "a job cannot be written without running it again";
const NEEDS_SECRETS: &str = "they need the gateway's secrets, which cannot be read";
const NEEDS_ENDPOINTS: &str = "they use gateway endpoints, which are not migrated";
const MADE_BY: &str = "their author and creation time cannot be set";

/// Tables of MLflow 3.18 (`store/tracking/dbmodels/models.py`) whose rows no request can write unchanged.
const UNSUPPORTED: [(&str, &str, &str); 16] = [
    ("webhooks", "webhooks", "their secret is encrypted"),
    ("gateway secrets", "secrets", "their values are encrypted"),
    ("gateway model definitions", "model_definitions", NEEDS_SECRETS),
    ("gateway endpoints", "endpoints", NEEDS_SECRETS),
    ("gateway endpoint bindings", "endpoint_bindings", NEEDS_ENDPOINTS),
    ("gateway budgets", "budget_policies", NEEDS_ENDPOINTS),
    ("gateway guardrails", "guardrails", NEEDS_ENDPOINTS),
    ("online scoring configurations", "online_scoring_configs", NEEDS_ENDPOINTS),
    ("issues", "issues", "their ids, which assessments name, cannot be set"),
    ("label schemas", "label_schemas", "their ids, which review queues name, cannot be set"),
    ("review queues", "review_queues", "their owners cannot be set"),
    ("jobs", "jobs", RUN_AGAIN),
    ("MCP servers", "mcp_servers", MADE_BY),
    ("skills", "skills", MADE_BY),
    ("users", "users", "their passwords are encrypted; their permissions are not migrated either"),
    ("roles", "roles", "they belong to users, who are not migrated"),
];

impl SqlStoreReader {
    pub(super) async fn unsupported(&self) -> Result<Vec<Unsupported>> {
        let tables =
            UNSUPPORTED.into_iter().filter(|(_, table, _)| self.database.catalogue().has_table(table));
        let asked: Vec<_> = tables
            .map(|(title, table, reason)| async move {
                let tally = Count::exactly(self.database.count(table).await?);
                Ok::<_, Error>(Unsupported { title, tally, reason })
            })
            .collect();
        let mut all: Vec<Unsupported> =
            stream::iter(asked).buffered(MAX_CONCURRENT_QUERIES).try_collect().await?;
        let deleted = |table, key, stage: &str| Select::from(table, key).only(key[0], vec![stage.into()]);
        all.push(Unsupported {
            title: "deleted logged models",
            tally: self.rows_of(deleted("logged_models", &["lifecycle_stage"], "deleted")).await?,
            reason: "no request can write a deleted logged model",
        });
        all.push(Unsupported {
            title: "deleted model versions",
            tally: self.rows_of(deleted("model_versions", &["current_stage"], "Deleted_Internal")).await?,
            reason: "only their numbers are left: numbers between other versions stay unused on the target",
        });
        all.push(Unsupported {
            title: "other workspaces",
            tally: self.other_workspaces().await?,
            reason: "one workspace is read at a time",
        });
        Ok(all)
    }

    async fn rows_of(&self, select: Select) -> Result<Count> {
        let rows =
            self.database.rows(select).try_fold(0, |count, batch| async move { Ok(count + batch.len()) });
        Ok(Count::exactly(rows.await? as u64))
    }

    async fn other_workspaces(&self) -> Result<Count> {
        let rows = self.database.all(Select::from("workspaces", &["name"])).await?;
        let is_other = |name: &Value| *name != Value::from(self.workspace.as_str());
        Ok(Count::exactly(rows.iter().filter(|row| row.0.first().is_some_and(is_other)).count() as u64))
    }
}

/// Returns an error for a database of another program, or of MLflow's users.
pub fn ensure_mlflow(catalogue: &Catalogue, location: &str) -> Result<()> {
    if catalogue.has_table("experiments") && catalogue.has_table("runs") {
        return Ok(());
    }
    Err(match catalogue.has_table("users") && catalogue.has_table("alembic_version_auth") {
        true => Error::usage(format!("{location} is the database of MLflow's users, not of experiments"))
            .hint("give the database that `mlflow server --backend-store-uri` names"),
        false => Error::usage(format!("{location} has no tables of MLflow"))
            .hint("give the database that `mlflow server --backend-store-uri` names, such as mlflow.db"),
    })
}
