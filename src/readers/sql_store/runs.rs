use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::experiments::lifecycle_of;
use super::grouped::Grouped;
use super::run_inputs::RunInputs;
use super::select::Select;
use super::value::{Row, Value};
use super::{SqlStoreReader, ids, number, readable};
use crate::entities::{Experiment, Kind, Point, Readable, Run, RunId, RunStatus, tag};
use crate::error::{Error, Result};
use crate::io::Pages;

const PER_PAGE: usize = 200;
const COLUMNS: [&str; 9] = [
    "run_uuid",
    "experiment_id",
    "name",
    "user_id",
    "status",
    "start_time",
    "end_time",
    "artifact_uri",
    "lifecycle_stage",
];
const BY_TIME: [&str; 2] = ["start_time", "run_uuid"];

/// What other tables have about the runs of one page.
struct Parts {
    params: Grouped<(String, String)>,
    tags: Grouped<(String, String)>,
    latest: Grouped<(String, Point)>,
    inputs: RunInputs,
}

impl SqlStoreReader {
    pub(super) fn every_run<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        let make = move |rows| async move {
            let stale = self.stale_runs().await?;
            self.runs_of_rows(rows, |id| stale.contains(id)).await
        };
        self.list(of(experiment), runs_of(experiment), PER_PAGE, make)
    }

    /// The same runs without a search for metrics that `latest_metrics` lacks, which looks at all points.
    pub(super) fn every_listed_run<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.list(of(experiment), runs_of(experiment), PER_PAGE, |rows| self.runs_of_rows(rows, |_| false))
    }

    pub(super) async fn some_runs(
        &self,
        experiment: &Experiment,
        most: usize,
    ) -> Result<(Vec<Readable<Run>>, bool)> {
        let select = runs_of(experiment).limit(most + 1);
        let runs = self.list(of(experiment), select, PER_PAGE, |rows| self.runs_of_rows(rows, |_| false));
        let mut runs: Vec<_> = runs.try_concat().await?;
        let more = runs.len() > most;
        runs.truncate(most);
        Ok((runs, more))
    }

    pub(super) async fn find_run(&self, id: &RunId) -> Result<Option<Run>> {
        let select = Select::from("runs", &COLUMNS).only("run_uuid", vec![Value::from(id.as_str())]);
        let is_stale = self.is_stale(id).await?;
        self.one(select, |rows| self.runs_of_rows(rows, move |_| is_stale)).await
    }

    async fn runs_of_rows(
        &self,
        rows: Vec<Row>,
        is_stale: impl Fn(&str) -> bool,
    ) -> Result<Vec<Readable<Run>>> {
        let (database, ids) = (&*self.database, ids(&rows));
        let pairs =
            |table| Grouped::pairs(database, Select::from(table, &["run_uuid", "key", "value"]), ids.clone());
        let stale = ids.iter().filter(|id| matches!(id, Value::Text(id) if is_stale(id))).cloned().collect();
        let (params, tags, latest, inputs) = futures::try_join!(
            pairs("params"),
            pairs("tags"),
            self.latest_points(ids.clone(), stale),
            RunInputs::read(database, ids.clone()),
        )?;
        let mut parts = Parts { params, tags, latest, inputs };
        Ok(rows.into_iter().map(|row| run(row, &mut parts)).collect())
    }
}

fn of(experiment: &Experiment) -> (Kind, String) {
    (Kind::Run, format!("experiment {}", experiment.id))
}

fn runs_of(experiment: &Experiment) -> Select {
    Select::from("runs", &COLUMNS).only("experiment_id", number(&experiment.id)).order(&BY_TIME)
}

fn run(row: Row, parts: &mut Parts) -> Readable<Run> {
    let [id, experiment_id, name, user_id, status, start_time, end_time, artifact_uri, lifecycle] =
        row.columns();
    let read = || {
        let id = id.clone().string()?;
        let tags: BTreeMap<String, String> = parts.tags.collect(&id)?;
        // As MLflow itself does (3.18, `store/tracking/dbmodels/models.py`, `SqlRun.to_mlflow_entity`).
        let name = Some(name.string()?).filter(|name| !name.is_empty());
        let name = name.or_else(|| tags.get(tag::RUN_NAME).cloned()).unwrap_or_default();
        let (datasets, model_inputs, model_outputs) = parts.inputs.take(&id)?;
        Ok(Run {
            experiment_id: experiment_id.string()?.into(),
            name,
            user_id: user_id.string()?,
            status: status_of(&status.string()?)?,
            start_time: start_time.int()?,
            end_time: end_time.int()?,
            artifact_uri: artifact_uri.string()?,
            lifecycle: lifecycle_of(&lifecycle.string()?),
            params: parts.params.collect(&id)?,
            tags,
            latest: parts.latest.collect(&id)?,
            datasets,
            model_inputs,
            model_outputs,
            id: id.into(),
        })
    };
    let run = read();
    readable(Kind::Run, &id, run)
}

fn status_of(text: &str) -> Result<RunStatus> {
    if text.is_empty() {
        return Ok(RunStatus::default());
    }
    serde_json::from_value(text.into())
        .map_err(|_| Error::permanent(format!("{text:?} is not the status of a run")))
}
