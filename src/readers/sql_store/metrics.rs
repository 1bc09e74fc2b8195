use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::SqlStoreReader;
use super::grouped::Grouped;
use super::select::Select;
use super::unseen::UnseenPoints;
use super::value::{Row, Value};
use crate::entities::{Kind, MetricChunk, Point, Readable, Run, RunId, Unreadable};
use crate::error::{Class, Error, Result};

/// Runs whose points are read by one query.
const RUNS_PER_QUERY: usize = 100;
const COLUMNS: [&str; 6] = ["run_uuid", "key", "value", "timestamp", "step", "is_nan"];
const LATEST: &str = "latest_metrics";
const SAME_METRIC: &[(&str, &str)] = &[("run_uuid", "run_uuid"), ("key", "key")];
const BY_METRIC: [&str; 4] = ["run_uuid", "key", "step", "timestamp"];

impl SqlStoreReader {
    /// The latest point of each metric of these runs. Databases of MLflow 1.2 and older have no table for them. For the
    /// `stale` runs, metrics that the table lacks are added.
    pub(super) async fn latest_points(
        &self,
        runs: Vec<Value>,
        stale: Vec<Value>,
    ) -> Result<Grouped<(String, Point)>> {
        let points = Select::from("metrics", &COLUMNS).order(&BY_METRIC);
        if !self.database.catalogue().has_table(LATEST) {
            return self.last_points(points, runs).await;
        }
        let mut latest =
            Grouped::read(&*self.database, Select::from(LATEST, &COLUMNS), runs, named_point).await?;
        if !stale.is_empty() {
            latest.extend(self.last_points(points.without(LATEST, SAME_METRIC), stale).await?);
        }
        Ok(latest)
    }

    /// MLflow compares steps first, then times (3.18, `store/tracking/sqlalchemy_store.py`,
    /// `_update_latest_metrics_if_necessary`). The points arrive in this order, so the last one of a metric is kept.
    async fn last_points(&self, points: Select, runs: Vec<Value>) -> Result<Grouped<(String, Point)>> {
        let keep_last = |all: &mut Vec<(String, Point)>, next: (String, Point)| match all.last_mut() {
            Some(last) if last.0 == next.0 => *last = next,
            _ => all.push(next),
        };
        Grouped::read_with(&*self.database, points, runs, named_point, keep_last).await
    }

    /// The runs with points of metrics that `latest_metrics` lacks, because rows were deleted or inserted by hand. One
    /// query looks at all points, once.
    pub(super) async fn stale_runs(&self) -> Result<&HashSet<String>> {
        self.stale.get_or_try_init(|| self.find_stale_runs()).await
    }

    async fn find_stale_runs(&self) -> Result<HashSet<String>> {
        let stale = match self.database.all(stale_runs()).await {
            Ok(rows) => rows,
            // The damaged page is reported with the runs whose points are on it.
            Err(error) if error.class() == Class::Permanent => {
                self.note(format!("metrics that latest_metrics lacks cannot be found: {error}"));
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let stale: HashSet<String> =
            stale.into_iter().flat_map(|row| row.columns::<1>().map(Value::string)).collect::<Result<_>>()?;
        if !stale.is_empty() {
            self.note(format!(
                "latest_metrics lacks metrics of {} runs: their latest points were computed from all points",
                stale.len()
            ));
        }
        Ok(stale)
    }

    /// True if `latest_metrics` lacks a metric of this run.
    pub(super) async fn is_stale(&self, run: &RunId) -> Result<bool> {
        let of_run = stale_runs().only("run_uuid", vec![run.as_str().into()]);
        Ok(!self.database.all(of_run).await?.is_empty())
    }

    pub(super) fn histories_of<'a>(
        &'a self,
        runs: &'a [Run],
    ) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        let runs: Vec<&Run> = runs.iter().filter(|run| !run.latest.is_empty()).collect();
        let queries: Vec<Vec<&Run>> = runs.chunks(RUNS_PER_QUERY).map(<[&Run]>::to_vec).collect();
        stream::iter(queries).map(|runs| self.history_of(runs)).flatten().boxed()
    }

    fn history_of<'a>(&'a self, runs: Vec<&'a Run>) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        let ids = runs.iter().map(|run| Value::from(run.id.as_str())).collect();
        let select = Select::from("metrics", &COLUMNS).only("run_uuid", ids).order(&BY_METRIC);
        let mut unseen = UnseenPoints::of(&runs);
        let batches = self.database.rows(select).map(Some).chain(stream::once(async { None }));
        let chunks = batches.map(move |batch| match batch {
            Some(Ok(rows)) => {
                let mut chunks = Vec::new();
                for chunk in chunks_of(rows) {
                    match &chunk {
                        Ok(read) => {
                            let lacking = unseen.read(read);
                            self.note_only_latest(lacking.iter());
                            chunks.extend(lacking.map(|lacking| Ok(Ok(lacking))));
                        }
                        Err(lost) => unseen.forget(&RunId::from(lost.id.as_str())),
                    }
                    chunks.push(Ok(chunk));
                }
                stream::iter(chunks).boxed()
            }
            Some(Err(error)) if error.class() == Class::Permanent => {
                // It is unknown which of the runs the damaged page belongs to.
                unseen.forget_all();
                let (reason, lost) = (error.to_string(), runs.clone().into_iter());
                stream::iter(lost.map(move |run| Ok(Err(unreadable(run.id.to_string(), reason.clone())))))
                    .boxed()
            }
            Some(Err(error)) => {
                unseen.forget_all();
                stream::once(async { Err(error) }).boxed()
            }
            None => {
                let added = unseen.end();
                self.note_only_latest(added.iter());
                stream::iter(added.into_iter().map(|chunk| Ok(Ok(chunk)))).boxed()
            }
        });
        chunks.flatten().boxed()
    }

    /// One note names the first metric. A note with a number would be repeated with every change of the number.
    fn note_only_latest<'a>(&self, mut lacking: impl Iterator<Item = &'a MetricChunk>) {
        if let Some(first) = lacking.next()
            && !self.noted_only_latest.swap(true, Ordering::Relaxed)
        {
            self.note(format!(
                "the latest point of metric {:?} of run {} is only in latest_metrics, not in metrics: it was read from \
                 there, as for all such metrics",
                first.key, first.run_id
            ));
        }
    }
}

fn stale_runs() -> Select {
    Select::from("metrics", &["run_uuid"]).distinct().without(LATEST, SAME_METRIC)
}

fn named_point(row: Row) -> Result<(String, Point)> {
    let [key, value, timestamp, step, is_nan] = row.columns();
    Ok((key.string()?, point(value, timestamp, step, &is_nan)?))
}

/// One chunk for each metric in the rows, and one item for each run with a point that cannot be read.
fn chunks_of(rows: Vec<Row>) -> Vec<Readable<MetricChunk>> {
    let (mut chunks, mut damaged) = (Vec::<MetricChunk>::new(), HashMap::<String, Error>::new());
    for row in rows {
        let [run, key, value, timestamp, step, is_nan] = row.columns();
        let run = run.string().unwrap_or_else(|error| error.to_string());
        let read = key.string().and_then(|key| match point(value, timestamp, step, &is_nan) {
            Ok(point) => Ok((key, point)),
            Err(error) => Err(error.at(format!("metric {key}"))),
        });
        match read {
            Err(error) => {
                damaged.entry(run).or_insert(error);
            }
            Ok((key, point)) => {
                match chunks.last_mut().filter(|last| last.key == key && last.run_id.as_str() == run) {
                    Some(chunk) => chunk.points.push(point),
                    None => chunks.push(MetricChunk { run_id: run.into(), key, points: vec![point] }),
                }
            }
        }
    }
    let damaged = damaged.into_iter().map(|(run, error)| Err(unreadable(run, error.to_string())));
    chunks.into_iter().map(Ok).chain(damaged).collect()
}

fn unreadable(id: String, reason: String) -> Unreadable {
    Unreadable { kind: Kind::Run, id, reason }
}

/// A NaN is stored as 0 with a mark. Databases of MLflow 1.0 have no mark, and those of 0.9 no steps.
fn point(value: Value, timestamp: Value, step: Value, is_nan: &Value) -> Result<Point> {
    let value = if is_nan.is_true() { Some(f64::NAN) } else { value.real()? };
    Ok(Point {
        // SQLite stores a NaN that MLflow did not mark as null.
        value: value.unwrap_or(f64::NAN),
        timestamp: timestamp.int()?.unwrap_or_default(),
        step: step.int()?.unwrap_or_default(),
    })
}
