//! Small databases with the tables of any revision.

use std::path::Path;

use futures::TryStreamExt;
use rusqlite::Connection;
use tempfile::TempDir;

use super::super::{SqlStoreReader, schema};
use crate::entities::{Experiment, MetricChunk, Run, Unreadable};
use crate::error::Result;
use crate::readers::{Reader, StoreArtifacts, read_all};
use crate::rest::ArtifactRoots;

pub const NEWEST: &str = "f4a9b2c7d1e6";

/// A database file in a folder of its own.
pub struct TestDatabase(TempDir);

impl TestDatabase {
    /// The tables of a revision, with one experiment and one run that has a param, a tag, and two metrics with two
    /// points each.
    pub fn of(revision: &str) -> Self {
        let database = Self(tempfile::tempdir().unwrap());
        for (table, columns) in schema::tables_of(revision) {
            let columns: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
            database.execute(&format!("CREATE TABLE {table} ({})", columns.join(", ")));
        }
        database.execute(&format!("INSERT INTO alembic_version VALUES ('{revision}')"));
        let columns = "(key, value, timestamp, step, is_nan, run_uuid)";
        database.execute(&format!(
            "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'churn', 'active');
             INSERT INTO runs (run_uuid, name, status, lifecycle_stage, experiment_id, start_time)
                 VALUES ('r1', 'first', 'FINISHED', 'active', 1, 5);
             INSERT INTO params (key, value, run_uuid) VALUES ('p', '1', 'r1');
             INSERT INTO tags (key, value, run_uuid) VALUES ('t', '1', 'r1');
             INSERT INTO metrics {columns} VALUES ('loss', 2.0, 1, 0, 0, 'r1'), ('loss', 1.0, 2, 1, 0, 'r1'),
                 ('acc', 0.5, 1, 0, 0, 'r1'), ('acc', 0.75, 2, 1, 0, 'r1');
             INSERT INTO latest_metrics {columns} VALUES ('loss', 1.0, 2, 1, 0, 'r1'), ('acc', 0.75, 2, 1, 0, 'r1');"
        ));
        if schema::tables_of(revision).iter().any(|(_, columns)| columns.contains("workspace")) {
            database.execute("UPDATE experiments SET workspace = 'default'");
        }
        database
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn execute(&self, sql: &str) {
        Connection::open(self.0.path().join("mlflow.db")).unwrap().execute_batch(sql).unwrap();
    }

    pub fn try_reader(&self) -> Result<SqlStoreReader> {
        let artifacts = StoreArtifacts::beside(self.folder(), None, ArtifactRoots::default());
        SqlStoreReader::sqlite(&self.folder().join("mlflow.db"), None, artifacts)
    }

    pub fn reader(&self) -> SqlStoreReader {
        self.try_reader().unwrap()
    }

    pub async fn experiments(&self) -> (Vec<Experiment>, Vec<Unreadable>) {
        read_all(self.reader().experiments()).await.unwrap()
    }

    /// The counts and reasons of all data that are not migrated.
    pub async fn not_migrated(&self) -> Vec<(String, Option<u64>, String)> {
        let others = self.reader().others().await.unwrap().into_iter();
        let others = others.filter(|other| other.tally.is_some());
        others.map(|other| (other.title.to_owned(), other.tally.count, other.reason.into_owned())).collect()
    }
}

pub async fn runs(reader: &SqlStoreReader) -> Vec<Run> {
    let experiment = Experiment { id: "1".into(), ..Experiment::default() };
    read_all(reader.runs(&experiment)).await.unwrap().0
}

pub async fn histories(reader: &SqlStoreReader, runs: &[Run]) -> Vec<MetricChunk> {
    reader.histories(runs).try_collect::<Vec<_>>().await.unwrap().into_iter().flatten().collect()
}
