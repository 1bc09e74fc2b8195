use std::collections::HashMap;

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::SqlStoreReader;
use super::grouped::Grouped;
use super::select::Select;
use super::value::{Row, Value};
use crate::entities::{Kind, MetricChunk, Point, Readable, Run, Unreadable};
use crate::error::{Class, Error, Result};

/// Runs whose points are read by one query.
const RUNS_PER_QUERY: usize = 100;
const COLUMNS: [&str; 6] = ["run_uuid", "key", "value", "timestamp", "step", "is_nan"];
const BY_METRIC: [&str; 4] = ["run_uuid", "key", "step", "timestamp"];

impl SqlStoreReader {
    /// The latest point of each metric of these runs. Databases of MLflow 1.2 and older have no table for them.
    pub(super) async fn latest_points(&self, runs: Vec<Value>) -> Result<Grouped<(String, Point)>> {
        let named = |row: Row| {
            let [key, value, timestamp, step, is_nan] = row.columns();
            Ok((key.string()?, point(value, timestamp, step, &is_nan)?))
        };
        if self.database.catalogue().has_table("latest_metrics") {
            return Grouped::read(&*self.database, Select::from("latest_metrics", &COLUMNS), runs, named)
                .await;
        }
        // MLflow compares steps first, then times (3.18, `store/tracking/sqlalchemy_store.py`,
        // `_update_latest_metrics_if_necessary`). The points arrive in this order, so the last one of a metric is kept.
        let keep_last = |all: &mut Vec<(String, Point)>, next: (String, Point)| match all.last_mut() {
            Some(last) if last.0 == next.0 => *last = next,
            _ => all.push(next),
        };
        let select = Select::from("metrics", &COLUMNS).order(&BY_METRIC);
        Grouped::read_with(&*self.database, select, runs, named, keep_last).await
    }

    pub(super) fn histories_of<'a>(
        &'a self,
        runs: &'a [Run],
    ) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        let ids: Vec<Value> =
            runs.iter().filter(|run| !run.latest.is_empty()).map(|run| run.id.as_str().into()).collect();
        let queries: Vec<Vec<Value>> = ids.chunks(RUNS_PER_QUERY).map(<[Value]>::to_vec).collect();
        stream::iter(queries).map(|ids| self.history_of(ids)).flatten().boxed()
    }

    fn history_of(&self, ids: Vec<Value>) -> BoxStream<'static, Result<Readable<MetricChunk>>> {
        let lost: Vec<String> = ids.iter().cloned().filter_map(|id| id.text().ok().flatten()).collect();
        let select = Select::from("metrics", &COLUMNS).only("run_uuid", ids).order(&BY_METRIC);
        let chunks = self.database.rows(select).map(move |batch| match batch {
            Ok(rows) => stream::iter(chunks_of(rows)).boxed(),
            Err(error) if error.class() == Class::Permanent => {
                // It is unknown which of the runs the damaged page belongs to.
                let reason = error.to_string();
                let lost = lost.clone().into_iter().map(move |id| unreadable(id, reason.clone()));
                stream::iter(lost.map(|lost| Ok(Err(lost)))).boxed()
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        });
        chunks.flatten().boxed()
    }
}

/// One chunk for each metric in the rows, and one item for each run with a point that cannot be read.
fn chunks_of(rows: Vec<Row>) -> Vec<Result<Readable<MetricChunk>>> {
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
    let damaged = damaged.into_iter().map(|(run, error)| Ok(Err(unreadable(run, error.to_string()))));
    chunks.into_iter().map(|chunk| Ok(Ok(chunk))).chain(damaged).collect()
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
