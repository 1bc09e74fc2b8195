//! The read calls of a tracking server. None of them changes anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use serde_json::json;

use super::logged_models::LOGGED_MODELS;
use super::wire::{
    ExperimentPage, FileList, MetricPage, OneExperiment, OneRun, RunPage, WireExperiment, WireMetric, WireRun,
};
use crate::entities::{Experiment, ExperimentId, FileEntry, Kind, Owner, Readable, Run, RunId};
use crate::error::{Cause, Class, Result};
use crate::io::Pages;
use crate::io::{Listing, listing, pages};
use crate::rest::{Call, Client};

/// With more run ids than this, gunicorn refuses the request line (4 094 bytes; MLflow up to 3.2).
pub const RUNS_PER_BULK_CALL: usize = 90;
/// `get-history-bulk` cuts its answer at this size without a notice (MLflow 2.3 to 3.18, `server/handlers.py`).
pub const ROWS_PER_CALL: usize = 25_000;

const EXPERIMENTS_PER_PAGE: usize = 1_000;
const RUNS_PER_PAGE: usize = 500;
/// When the server cannot answer in time, a page of runs is requested again at half the size, down to this.
const MIN_RUNS_PER_PAGE: usize = 10;

/// Every other order of experiments uses a time. Times change during the listing, and experiments from before MLflow
/// 1.29 have none: over files, 1.30 answers 500 when only some experiments have one (`utils/search_utils.py`,
/// `_get_sort_key`).
const BY_ID: [&str; 1] = ["experiment_id ASC"];

/// The cheapest request that only a tracking server can answer.
pub(super) fn one_experiment() -> Result<Call> {
    let body = json!({ "max_results": 1, "view_type": "ACTIVE_ONLY", "order_by": BY_ID });
    Call::post("/api/2.0/mlflow/experiments/search", &body)
}

impl Client {
    /// Sends a cheap request. It fails when the server does not answer it or requires another sign-in.
    pub async fn answers(&self) -> Result<()> {
        match self.json::<ExperimentPage>(&one_experiment()?).await {
            // A refusal is also an answer, unless it comes from a gateway.
            Err(e)
                if e.cause() != Some(Cause::NoRoute)
                    && matches!(e.class(), Class::Permanent | Class::Forbidden | Class::NotFound) =>
            {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// Active and deleted experiments.
    pub fn experiments(&self) -> Listing<'_, Experiment> {
        let key = |one: &Experiment| one.id.to_string();
        listing(key, move |token| async move {
            let body = json!({
                "max_results": EXPERIMENTS_PER_PAGE,
                "view_type": "ALL",
                "order_by": BY_ID,
                "page_token": token,
            });
            let page: ExperimentPage =
                self.json(&Call::post("/api/2.0/mlflow/experiments/search", &body)?).await?;
            let into = |wire: WireExperiment| Ok(wire.into());
            Ok((page.experiments.read(Kind::Experiment, "/experiment_id", into), page.next_page_token))
        })
    }

    /// The active experiment with the lowest number, which in a database is the oldest.
    pub async fn first_active_experiment(&self) -> Result<Option<Experiment>> {
        let page: ExperimentPage = self.json(&one_experiment()?).await?;
        let into = |wire: WireExperiment| Ok(wire.into());
        let found = page.experiments.read(Kind::Experiment, "/experiment_id", into);
        Ok(found.into_iter().next().transpose()?)
    }

    /// An experiment, deleted or not.
    pub async fn experiment(&self, id: &ExperimentId) -> Result<Experiment> {
        let call = Call::get("/api/2.0/mlflow/experiments/get").query("experiment_id", id);
        Ok(self.json::<OneExperiment>(&call).await?.experiment.into())
    }

    /// The experiment of that name, deleted or not.
    pub async fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>> {
        let call = Call::get("/api/2.0/mlflow/experiments/get-by-name").query("experiment_name", name);
        match self.json::<OneExperiment>(&call).await {
            Ok(found) => Ok(Some(found.experiment.into())),
            Err(e) if e.class() == Class::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Active and deleted runs in the order in which they started, so that parents tend to come first.
    pub fn runs<'a>(&'a self, experiment: &'a ExperimentId, filter: &'a str) -> Listing<'a, Run> {
        let size = Arc::new(AtomicUsize::new(RUNS_PER_PAGE));
        let key = |one: &Run| one.id.to_string();
        listing(key, move |token| {
            let size = Arc::clone(&size);
            async move { self.run_page(experiment, filter, token, &size).await }
        })
    }

    /// The first `most` runs of an experiment, and whether there are more.
    pub async fn first_runs(
        &self,
        experiment: &ExperimentId,
        most: usize,
    ) -> Result<(Vec<Readable<Run>>, bool)> {
        let (runs, next) = self.run_page(experiment, "", None, &AtomicUsize::new(most)).await?;
        Ok((runs, next.is_some()))
    }

    async fn run_page(
        &self,
        experiment: &ExperimentId,
        filter: &str,
        token: Option<String>,
        size: &AtomicUsize,
    ) -> Result<(Vec<Readable<Run>>, Option<String>)> {
        loop {
            let most = size.load(Relaxed);
            let body = json!({
                "experiment_ids": [experiment],
                "filter": filter,
                "run_view_type": "ALL",
                "max_results": most,
                "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
                "page_token": token,
            });
            match self.json::<RunPage>(&Call::post("/api/2.0/mlflow/runs/search", &body)?).await {
                Ok(page) => {
                    let into = |wire: WireRun| Ok(wire.into());
                    return Ok((page.runs.read(Kind::Run, "/info/run_id", into), page.next_page_token));
                }
                Err(e) if e.class() == Class::Transient && most > MIN_RUNS_PER_PAGE => {
                    tracing::warn!("{e}; asking for {} runs at a time", most / 2);
                    size.store(most / 2, Relaxed);
                }
                Err(e) => return Err(e),
            }
        }
    }

    pub async fn run(&self, id: &RunId) -> Result<Run> {
        let found: OneRun = self.json(&Call::get("/api/2.0/mlflow/runs/get").query("run_id", id)).await?;
        Ok(found.run.into())
    }

    /// One metric of many runs: rows sorted by run id, time, step, value. If there are exactly [`ROWS_PER_CALL`] rows,
    /// the answer may be cut.
    pub(crate) async fn history_bulk(&self, runs: &[RunId], key: &str) -> Result<Vec<WireMetric>> {
        let mut call = Call::get("/ajax-api/2.0/mlflow/metrics/get-history-bulk")
            .query("metric_key", key)
            .query("max_results", ROWS_PER_CALL);
        for run in runs {
            call = call.query("run_id", run);
        }
        Ok(self.json::<MetricPage>(&call).await?.metrics)
    }

    /// One metric of one run, a page at a time (MLflow up to 3.0 returns everything as one page). `max_results` is
    /// always sent: without it MLflow 3.1 to 3.13 returns an empty page and an endless token.
    pub(crate) fn history(&self, run: RunId, key: String) -> Pages<'_, WireMetric> {
        pages(move |token: Option<String>| {
            let mut call = Call::get("/api/2.0/mlflow/metrics/get-history")
                .query("run_id", &run)
                .query("metric_key", &key)
                .query("max_results", ROWS_PER_CALL);
            if let Some(token) = token {
                call = call.query("page_token", token);
            }
            async move {
                let page: MetricPage = self.json(&call).await?;
                Ok((page.metrics, page.next_page_token))
            }
        })
    }

    /// One folder of an owner's artifacts: its files, and the paths of its folders.
    pub async fn list_artifacts(
        &self,
        owner: Owner<'_>,
        folder: &str,
    ) -> Result<(Vec<FileEntry>, Vec<String>)> {
        let listed = pages(|token| async move {
            let (mut call, path) = match owner.kind {
                Kind::LoggedModel => {
                    let below = format!("{}/artifacts/directories", owner.id);
                    (Call::get(LOGGED_MODELS).below(&below), "artifact_directory_path")
                }
                _ => (Call::get("/api/2.0/mlflow/artifacts/list").query("run_id", owner.id), "path"),
            };
            if !folder.is_empty() {
                call = call.query(path, folder);
            }
            if let Some(token) = &token {
                call = call.query("page_token", token);
            }
            let page: FileList = self.json(&call).await?;
            Ok((page.files, page.next_page_token))
        });
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for file in listed.try_concat().await? {
            if file.is_dir { folders.push(file.path) } else { files.push(FileEntry::from(file)) }
        }
        Ok((files, folders))
    }

    /// One folder below the root of the server's artifact proxy: its files, and the paths of its folders, relative to
    /// `root`. Empty for a folder that does not exist.
    pub async fn list_proxied(&self, root: &str, folder: &str) -> Result<(Vec<FileEntry>, Vec<String>)> {
        let whole = if folder.is_empty() { root.to_owned() } else { format!("{root}/{folder}") };
        let call = Call::get("/api/2.0/mlflow-artifacts/artifacts");
        let call = if whole.is_empty() { call } else { call.query("path", whole) };
        let list: FileList = self.json(&call).await?;
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for mut file in list.files {
            // The answer contains bare names.
            if !folder.is_empty() {
                file.path = format!("{folder}/{}", file.path);
            }
            if file.is_dir { folders.push(file.path) } else { files.push(FileEntry::from(file)) }
        }
        Ok((files, folders))
    }

    /// A file through the server's artifact proxy.
    pub async fn download_proxied(&self, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.stream(&Call::get("/api/2.0/mlflow-artifacts/artifacts").below(path)).await
    }

    /// A file through the server, from the store that holds the owner's artifacts. The parameter is `run_uuid`, because
    /// the spelling `run_id` works only since MLflow 2.16.
    pub async fn download(&self, owner: Owner<'_>, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let call = match owner.kind {
            Kind::LoggedModel => Call::get("/ajax-api/2.0/mlflow/logged-models")
                .below(&format!("{}/artifacts/files", owner.id))
                .query("artifact_file_path", path),
            // Spans refer to such files: MLflow 3.11 on.
            Kind::Trace => Call::get("/ajax-api/3.0/mlflow/get-trace-artifact")
                .query("request_id", owner.id)
                .query("path", path.strip_prefix("attachments/").unwrap_or(path)),
            _ => Call::get("/get-artifact").query("run_uuid", owner.id).query("path", path),
        };
        self.stream(&call).await
    }
}
