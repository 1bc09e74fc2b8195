//! The metric histories of runs. Each thread reads several runs and sends many short chunks at once: waking another
//! thread takes longer than reading a small file.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::Store;
use super::metrics::{MetricFile, Repeats};
use crate::entities::{ExperimentId, Kind, MetricChunk, Point, Readable, Run, RunId, Unreadable};
use crate::error::{Error, Result};
use crate::io::from_thread;

const POINTS_PER_CHUNK: usize = 10_000;
const RUNS_PER_THREAD: usize = 30;
const MAX_THREADS: usize = 2;

type Item = Result<Readable<MetricChunk>>;

pub fn histories<'a>(store: &'a Arc<Store>, runs: &'a [Run]) -> BoxStream<'a, Item> {
    let with_metrics: Vec<Wanted> =
        runs.iter().filter(|run| !run.latest.is_empty()).map(Wanted::of).collect();
    let parts: Vec<Vec<Wanted>> = with_metrics.chunks(RUNS_PER_THREAD).map(<[Wanted]>::to_vec).collect();
    stream::iter(parts).map(|part| of_runs(Arc::clone(store), part)).flatten_unordered(MAX_THREADS).boxed()
}

/// The metrics of a run that are read.
#[derive(Clone)]
struct Wanted {
    run: RunId,
    experiment: ExperimentId,
    keys: Vec<String>,
}

impl Wanted {
    fn of(run: &Run) -> Self {
        let keys = run.latest.keys().cloned().collect();
        Self { run: run.id.clone(), experiment: run.experiment_id.clone(), keys }
    }
}

fn of_runs(store: Arc<Store>, part: Vec<Wanted>) -> BoxStream<'static, Item> {
    let batches = from_thread(1, move |send| {
        let mut batch = Batch { items: Vec::new(), points: 0, send };
        // It stops when the consumer has stopped.
        _ = part.iter().all(|wanted| store.send_histories(wanted, &mut batch)) && batch.send();
    });
    batches.map_ok(|batch| stream::iter(batch.into_iter().map(Ok))).try_flatten().boxed()
}

/// Items that are sent together.
struct Batch<'a> {
    items: Vec<Readable<MetricChunk>>,
    points: usize,
    send: &'a dyn Fn(Result<Vec<Readable<MetricChunk>>>) -> bool,
}

impl Batch<'_> {
    /// False when the consumer has stopped.
    fn add(&mut self, item: Readable<MetricChunk>) -> bool {
        self.points += item.as_ref().map_or(0, |chunk| chunk.points.len());
        self.items.push(item);
        self.points < POINTS_PER_CHUNK || self.send()
    }

    fn send(&mut self) -> bool {
        self.points = 0;
        let items = mem::take(&mut self.items);
        items.is_empty() || (self.send)(Ok(items))
    }
}

/// The id is that of the run, because the consumer sends the item to its run.
fn lost(run: &RunId, what: &str, error: &Error) -> Unreadable {
    Unreadable { kind: Kind::Run, id: run.to_string(), reason: format!("{what}: {error}") }
}

impl Store {
    /// Sends the metrics of a run, one after the other. False when the consumer has stopped.
    fn send_histories(&self, wanted: &Wanted, batch: &mut Batch<'_>) -> bool {
        let Wanted { run, experiment, keys } = wanted;
        let folder = match self.experiment(experiment).and_then(|found| found.run(run)) {
            Ok(folder) => folder.join("metrics"),
            Err(error) => return batch.add(Err(lost(run, "its metrics", &error))),
        };
        keys.iter().all(|key| {
            let mut is_wanted = true;
            let problem = self.series(&folder.join(key), &mut |points| {
                is_wanted = batch.add(Ok(MetricChunk { run_id: run.clone(), key: key.clone(), points }));
                is_wanted
            });
            match problem {
                _ if !is_wanted => false,
                Ok(None) => true,
                Ok(Some(error)) | Err(error) => {
                    batch.add(Err(lost(run, &format!("history of metric {key:?}"), &error)))
                }
            }
        })
    }

    /// Sends the points of one metric, each once. Returns the problem if some lines are not points.
    fn series(&self, path: &Path, send: &mut dyn FnMut(Vec<Point>) -> bool) -> Result<Option<Error>> {
        let file = MetricFile::open(&self.disk, path)?;
        let (mut repeats, mut points) = (Repeats::of(&file)?, Vec::new());
        let read = file.each_point(&mut |point| {
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
