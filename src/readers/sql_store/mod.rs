//! The database of a tracking server, read without the server: MLflow's `SqlAlchemyStore` and its model registry, in
//! any release of the schema.

mod damage;
mod database;
mod evaluation;
mod experiments;
mod grouped;
mod logged_models;
mod metrics;
mod mysql;
mod others;
mod postgres;
mod registry;
mod run_inputs;
mod runs;
mod schema;
mod select;
mod server;
mod sqlite;
#[cfg(test)]
mod tests;
mod trace_columns;
mod traces;
mod unseen;
mod value;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use self::database::Database;
pub use self::mysql::MysqlAddress;
pub use self::postgres::PostgresAddress;
use self::schema::Schema;
use self::select::Select;
pub use self::server::Login;
use self::sqlite::SqliteDatabase;
use self::value::{Row, Value};
use super::store_artifacts::{StoreArtifacts, no_own_folder};
use super::{FilePlace, Reader, SourceInfo};
use crate::artifacts::ByteStream;
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, Kind, LoggedModel, MetricChunk, ModelId,
    ModelVersion, Owner, Readable, Record, RegisteredModel, Run, RunId, S3Object, Scorer, Spans, Trace,
    TraceLinks, Unreadable, Unsupported,
};
use crate::error::{Class, Error, Result};
use crate::io::{FolderFile, Pages, Traffic};

/// Pages that are read ahead, so that the next one is complete when it is needed.
const PAGES_AHEAD: usize = 2;
const WORKSPACE: &str = "workspace";

pub struct SqlStoreReader {
    database: Arc<dyn Database>,
    about: SourceInfo,
    /// The workspace that is read, if the schema has workspaces (MLflow 3.10 on).
    workspace: String,
    artifacts: StoreArtifacts,
    notes: Mutex<Vec<String>>,
    schema: OnceCell<Schema>,
    /// The runs with metrics that are missing in `latest_metrics`.
    stale: OnceCell<HashSet<String>>,
    /// A note about latest points that `metrics` lacks was sent.
    noted_only_latest: AtomicBool,
}

impl SqlStoreReader {
    /// Opens an SQLite file. This function blocks for as long as copying the file takes.
    pub fn sqlite(path: &Path, workspace: Option<String>, artifacts: StoreArtifacts) -> Result<Self> {
        let (database, notes) = SqliteDatabase::open(path)?;
        Self::new(Arc::new(database), path.display().to_string(), workspace, artifacts, notes)
    }

    /// Opens a database of PostgreSQL. `login` completes the address.
    pub async fn postgres(
        address: &PostgresAddress,
        login: Login,
        workspace: Option<String>,
        artifacts: StoreArtifacts,
    ) -> Result<Self> {
        let (database, notes) = postgres::open(address, login, &|name| std::env::var(name).ok()).await?;
        Self::new(Arc::new(database), address.to_string(), workspace, artifacts, notes)
    }

    /// The same for MySQL and MariaDB.
    pub async fn mysql(
        address: &MysqlAddress,
        login: Login,
        workspace: Option<String>,
        artifacts: StoreArtifacts,
    ) -> Result<Self> {
        let (database, notes) = mysql::open(address, login).await?;
        Self::new(Arc::new(database), address.to_string(), workspace, artifacts, notes)
    }

    fn new(
        database: Arc<dyn Database>,
        location: String,
        workspace: Option<String>,
        artifacts: StoreArtifacts,
        notes: Vec<String>,
    ) -> Result<Self> {
        damage::ensure_mlflow(database.catalogue(), &location)?;
        let about = SourceInfo { kind: "database", location, version: None, capabilities: None };
        let workspace = workspace.unwrap_or_else(|| "default".to_owned());
        Ok(Self {
            database,
            about,
            workspace,
            artifacts,
            notes: Mutex::new(notes),
            schema: OnceCell::new(),
            stale: OnceCell::new(),
            noted_only_latest: AtomicBool::new(false),
        })
    }

    fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// The same query, for the rows of this workspace.
    fn in_workspace(&self, select: Select) -> Select {
        match self.database.catalogue().has_column(select.table, WORKSPACE) {
            true => select.only(WORKSPACE, vec![Value::from(self.workspace.as_str())]),
            false => select,
        }
    }

    /// The objects of a query. `make` converts one page of rows; the next pages are read meanwhile. If the list breaks
    /// off, its last item represents all lost objects. `of` is their owner.
    fn list<'a, T, F, Fut>(
        &'a self,
        (kind, of): (Kind, String),
        select: Select,
        page: usize,
        make: F,
    ) -> Pages<'a, Readable<T>>
    where
        T: Send + 'a,
        F: Fn(Vec<Row>) -> Fut + Send + 'a,
        Fut: Future<Output = Result<Vec<Readable<T>>>> + Send + 'a,
    {
        let pages = self.database.rows(select).map_ok(move |batch| stream::iter(split(batch, page).map(Ok)));
        let pages = pages.try_flatten().map_ok(make).try_buffered(PAGES_AHEAD);
        let pages = pages.map(move |page| match page {
            Err(error) if error.class() == Class::Permanent => {
                Ok(vec![Err(Unreadable::rest_of_list(kind, &of, error))])
            }
            page => page,
        });
        pages.boxed()
    }

    /// The object with this id, made by the same conversion as in a list.
    async fn one<T, Fut>(&self, select: Select, make: impl FnOnce(Vec<Row>) -> Fut) -> Result<Option<T>>
    where
        Fut: Future<Output = Result<Vec<Readable<T>>>>,
    {
        let found = make(self.database.all(select.limit(1)).await?).await?;
        found.into_iter().next().transpose().map_err(Error::from)
    }
}

/// Rows in parts of at most `size`.
fn split(rows: Vec<Row>, size: usize) -> impl Iterator<Item = Vec<Row>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let part: Vec<Row> = rows.by_ref().take(size).collect();
        (!part.is_empty()).then_some(part)
    })
}

/// The id of an experiment as the database stores it. Experiments of other sources have ids that no row has.
fn number(id: &ExperimentId) -> Vec<Value> {
    id.as_str().parse().map(Value::Int).into_iter().collect()
}

/// The first column of each row: the id of the object.
fn ids(rows: &[Row]) -> Vec<Value> {
    rows.iter().filter_map(|row| row.0.first().cloned()).collect()
}

/// The object, or an item with the reason why it cannot be read.
fn readable<T>(kind: Kind, id: &Value, object: Result<T>) -> Readable<T> {
    object.map_err(|error| {
        let id = id.clone().string().unwrap_or_else(|_| format!("{id:?}"));
        Unreadable { kind, id, reason: error.to_string() }
    })
}

#[async_trait]
impl Reader for SqlStoreReader {
    fn about(&self) -> &SourceInfo {
        &self.about
    }

    fn traffic(&self) -> Traffic {
        self.artifacts.traffic()
    }

    fn take_notes(&self) -> Vec<String> {
        let mut notes = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        notes.extend(self.artifacts.take_notes());
        notes
    }

    fn lost(&self) -> Option<Error> {
        self.database.lost()
    }

    fn experiments(&self) -> Pages<'_, Readable<Experiment>> {
        self.every_experiment()
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.every_run(experiment)
    }

    fn listed_runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.every_listed_run(experiment)
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Readable<Run>>, bool)> {
        self.some_runs(experiment, most).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        self.find_run(id).await
    }

    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>> {
        self.every_logged_model(experiment)
    }

    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        self.find_logged_model(id).await
    }

    fn registered_models(&self) -> Pages<'_, Readable<RegisteredModel>> {
        self.every_registered_model()
    }

    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        self.versions_of(of).await
    }

    fn evaluation_datasets(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        self.every_dataset()
    }

    fn records<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        self.records_of(dataset)
    }

    async fn scorers(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        self.scorers_of(experiment).await
    }

    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        self.every_trace(experiment)
    }

    async fn spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        self.spans_of(trace).await
    }

    fn trace_links<'a>(
        &'a self,
        experiment: &'a Experiment,
        of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        self.links_of(experiment, of)
    }

    async fn others(&self) -> Result<Vec<Unsupported>> {
        self.unsupported().await
    }

    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        self.histories_of(runs)
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        self.artifacts.files(owner, no_own_folder)
    }

    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        self.artifacts.open(owner, no_own_folder, file).await
    }

    async fn file_place(&self, owner: Owner<'_>) -> Option<FilePlace> {
        self.artifacts.place(&owner, no_own_folder).await.ok()
    }

    async fn sha256(&self, owner: Owner<'_>, file: &FileEntry) -> Result<Option<String>> {
        self.artifacts.sha256(owner, no_own_folder, file).await
    }

    async fn in_s3(&self, owner: Owner<'_>, file: &FileEntry) -> Option<S3Object> {
        self.artifacts.in_s3(owner, no_own_folder, file).await
    }

    async fn in_folder(&self, owner: Owner<'_>, file: &FileEntry) -> Option<FolderFile> {
        self.artifacts.in_folder(owner, no_own_folder, file).await
    }
}
