//! The metric histories of runs, read by a thread of their own and a few chunks ahead of the consumer.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;

use super::Store;
use super::metrics::Repeats;
use crate::entities::{Kind, MetricChunk, Point, Readable, Run, RunId, Unreadable};
use crate::error::{Error, Result};

const POINTS_PER_CHUNK: usize = 10_000;
/// The most runs that are read at the same time.
const MAX_CONCURRENT_RUNS: usize = 2;

type Item = Result<Readable<MetricChunk>>;

pub fn histories<'a>(store: &'a Arc<Store>, runs: &'a [Run]) -> BoxStream<'a, Item> {
    let with_metrics = runs.iter().filter(|run| !run.latest.is_empty());
    stream::iter(with_metrics)
        .map(|run| of_run(Arc::clone(store), run))
        .flatten_unordered(MAX_CONCURRENT_RUNS)
        .boxed()
}

/// The metrics that the run lists, one after the other.
fn of_run(store: Arc<Store>, run: &Run) -> BoxStream<'static, Item> {
    let (sender, receiver) = mpsc::channel(2);
    let run = Run {
        id: run.id.clone(),
        experiment_id: run.experiment_id.clone(),
        latest: run.latest.clone(),
        ..Run::default()
    };
    tokio::task::spawn_blocking(move || {
        let folder = store.experiment(&run.experiment_id).and_then(|found| found.run(&run.id));
        let folder = match folder {
            Ok(folder) => folder.join("metrics"),
            Err(error) => return drop(sender.blocking_send(Ok(Err(lost(&run.id, "its metrics", &error))))),
        };
        for key in run.latest.keys() {
            let mut send = |points| {
                let chunk = MetricChunk { run_id: run.id.clone(), key: key.clone(), points };
                sender.blocking_send(Ok(Ok(chunk))).is_ok()
            };
            let problem = store.series(&folder.join(key), &mut send);
            let sent = match problem {
                Ok(None) => true,
                Ok(Some(error)) | Err(error) => {
                    let item = lost(&run.id, &format!("history of metric {key:?}"), &error);
                    sender.blocking_send(Ok(Err(item))).is_ok()
                }
            };
            // The consumer has stopped.
            if !sent || sender.is_closed() {
                return;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }).boxed()
}

/// The id is that of the run, because the consumer sends the item to its run.
fn lost(run: &RunId, what: &str, error: &Error) -> Unreadable {
    Unreadable { kind: Kind::Run, id: run.to_string(), reason: format!("{what}: {error}") }
}

impl Store {
    /// Sends the points of one metric, each once. Returns the problem if some lines are not points.
    fn series(&self, path: &Path, send: &mut dyn FnMut(Vec<Point>) -> bool) -> Result<Option<Error>> {
        let (mut repeats, mut points) = (Repeats::of(self, path)?, Vec::new());
        let read = self.each_point(path, &mut |point| {
            if repeats.is_new(&point) {
                points.push(point);
            }
            points.len() < POINTS_PER_CHUNK || send(mem::take(&mut points))
        });
        // The points before an error are sent, too.
        if !points.is_empty() {
            send(points);
        }
        let bad = read?;
        Ok((!bad.is_empty()).then(|| Error::permanent(bad.to_string()).at(path.display())))
    }
}
