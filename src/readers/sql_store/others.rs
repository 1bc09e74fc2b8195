//! Objects of the database that cannot be migrated, counted.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};

use super::select::Select;
use super::{SqlStoreReader, WORKSPACE};
use crate::entities::{Count, Unsupported};
use crate::error::{Class, Error, Result};

const MAX_CONCURRENT_QUERIES: usize = 4;
const RUN_AGAIN: &str = "a job cannot be written without running it again";
const NEEDS_SECRETS: &str = "they need the gateway's secrets, which cannot be read";
const NEEDS_ENDPOINTS: &str = "they use gateway endpoints, which are not migrated";
const MADE_BY: &str = "their author and creation time cannot be set";

/// The columns with names of workspaces.
const WORKSPACES: [(&str, &[&str]); 3] =
    [("workspaces", &["name"]), ("experiments", &[WORKSPACE]), ("registered_models", &[WORKSPACE])];

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
                let tally = Count::exactly(self.database.count_table(table, u64::from(u32::MAX)).await?);
                Ok::<_, Error>(Unsupported { title, tally, reason: reason.into() })
            })
            .collect();
        let mut all: Vec<Unsupported> =
            stream::iter(asked).buffered(MAX_CONCURRENT_QUERIES).try_collect().await?;
        let deleted = |table, key, stage: &str| Select::from(table, key).only(key[0], vec![stage.into()]);
        all.push(Unsupported {
            title: "deleted logged models",
            tally: self.number_of(deleted("logged_models", &["lifecycle_stage"], "deleted")).await?,
            reason: "no request can write a deleted logged model".into(),
        });
        all.push(Unsupported {
            title: "deleted model versions",
            tally: self.number_of(deleted("model_versions", &["current_stage"], "Deleted_Internal")).await?,
            reason: "only their numbers are left: a model that is new on the target does not use them again"
                .into(),
        });
        let others = self.other_workspaces().await?;
        all.push(Unsupported {
            title: "other workspaces",
            tally: Count::exactly(others.len() as u64),
            reason: match others.first() {
                Some(name) => {
                    format!("one workspace is read at a time: set MLFLOW_WORKSPACE={name} to read that one")
                }
                None => String::new(),
            }
            .into(),
        });
        all.extend(self.unread_rows().await?);
        Ok(all)
    }

    /// The number of rows. A damaged page only costs this number.
    pub(super) async fn number_of(&self, select: Select) -> Result<Count> {
        match self.database.count(select).await {
            Ok(count) => Ok(Count::exactly(count)),
            Err(error) if error.class() == Class::Permanent => Ok(Count::unknown(error.to_string())),
            Err(error) => Err(error),
        }
    }

    async fn other_workspaces(&self) -> Result<Vec<String>> {
        let names = self.workspaces().await?;
        Ok(names.into_iter().filter(|name| *name != self.workspace).collect())
    }

    /// All workspaces. Those of a provider that keeps its names elsewhere are only in the rows of their objects.
    pub(super) async fn workspaces(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for (table, columns) in WORKSPACES {
            if !self.database.catalogue().has_column(table, columns[0]) {
                continue;
            }
            for row in self.database.all(Select::from(table, columns).distinct()).await? {
                let [name] = row.columns();
                names.extend(name.text()?);
            }
        }
        Ok(names)
    }
}
