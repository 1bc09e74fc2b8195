//! Metric histories in the fewest requests that lose nothing: one metric of many runs at a time where the server
//! can, page by page for a series that does not fit into such an answer.

use std::collections::{BTreeMap, VecDeque};

use futures::stream::{self, BoxStream, StreamExt};

use crate::entities::{Kind, MetricChunk, Readable, Run, RunId, Unreadable};
use crate::error::{Error, Result};
use crate::rest::{Client, ROWS_PER_CALL, WireMetric};

/// Metrics whose answers are asked for ahead of time.
const METRICS_AHEAD: usize = 6;

type Chunks<'a> = BoxStream<'a, Result<Readable<MetricChunk>>>;

/// `bulk` is how many runs the server takes in one call; `None` when it has no such route.
pub fn histories<'a>(client: &'a Client, bulk: Option<usize>, runs: &'a [Run]) -> Chunks<'a> {
    let tasks: Vec<(String, VecDeque<RunId>)> = match bulk {
        Some(most) => runs.chunks(most).flat_map(by_metric).collect(),
        None => runs.chunks(1).flat_map(by_metric).collect(),
    };
    stream::iter(tasks)
        .map(move |(key, wanted)| async move {
            match bulk {
                Some(_) => first_answer(client, key, wanted).await,
                None => Series { key, ready: VecDeque::new(), single: wanted, rest: VecDeque::new() },
            }
        })
        // Ordered: the chunks of one run must come metric by metric.
        .buffered(METRICS_AHEAD)
        .flat_map(move |series| series.into_chunks(client, runs))
        .boxed()
}

/// Which of these runs have which metric. Run ids sorted: the server's answer is.
fn by_metric(runs: &[Run]) -> BTreeMap<String, VecDeque<RunId>> {
    let mut keys: BTreeMap<String, Vec<RunId>> = BTreeMap::new();
    for run in runs {
        run.latest.keys().for_each(|key| keys.entry(key.clone()).or_default().push(run.id.clone()));
    }
    keys.into_iter()
        .map(|(key, mut runs)| {
            runs.sort();
            (key, runs.into())
        })
        .collect()
}

/// One metric of some runs, on its way.
struct Series {
    key: String,
    ready: VecDeque<MetricChunk>,
    /// Runs to be read one at a time.
    single: VecDeque<RunId>,
    /// Runs still to be asked for together.
    rest: VecDeque<RunId>,
}

async fn first_answer(client: &Client, key: String, runs: VecDeque<RunId>) -> Series {
    let mut series = Series { key, ready: VecDeque::new(), single: VecDeque::new(), rest: runs };
    series.ask(client).await;
    series
}

impl Series {
    /// One bulk call. A cut answer is whole for all runs but the last one it shows, because it is sorted by run.
    async fn ask(&mut self, client: &Client) {
        let runs: Vec<RunId> = self.rest.drain(..).collect();
        let rows = match client.history_bulk(&runs, &self.key).await {
            Ok(rows) => rows,
            // Asked for one by one, only those that cannot be read are lost.
            Err(_) => return self.single.extend(runs),
        };
        let cut = rows.len() >= ROWS_PER_CALL;
        let mut chunks: BTreeMap<RunId, MetricChunk> = BTreeMap::new();
        for row in rows {
            let run_id = RunId::from(row.run_id);
            let new = || MetricChunk { run_id: run_id.clone(), key: row.key, points: Vec::new() };
            chunks.entry(run_id.clone()).or_insert_with(new).points.push(row.point);
        }
        if cut && let Some((last, _)) = chunks.pop_last() {
            if chunks.is_empty() {
                self.single.push_back(last.clone());
                self.rest.extend(runs.into_iter().filter(|run| *run > last));
            } else {
                self.rest.extend(runs.into_iter().filter(|run| *run >= last));
            }
        } else {
            // The run's own page says that it has this metric: no rows are no answer.
            self.single.extend(runs.into_iter().filter(|run| !chunks.contains_key(run)));
        }
        self.ready.extend(chunks.into_values());
    }

    fn into_chunks<'a>(self, client: &'a Client, runs: &'a [Run]) -> Chunks<'a> {
        stream::unfold(self, move |mut series| async move {
            loop {
                if let Some(chunk) = series.ready.pop_front() {
                    return Some((stream::once(async { Ok(Ok(chunk)) }).boxed(), series));
                }
                if let Some(run) = series.single.pop_front() {
                    return Some((one_run(client, run, series.key.clone(), runs), series));
                }
                if series.rest.is_empty() {
                    return None;
                }
                series.ask(client).await;
            }
        })
        .flatten()
        .boxed()
    }
}

/// One metric of one run, a page at a time. Where no point of it comes, the latest one is known from the list of runs all
/// the same: its history cannot be read, or somebody has removed the rows.
fn one_run<'a>(client: &'a Client, run: RunId, key: String, runs: &'a [Run]) -> Chunks<'a> {
    let known = runs.iter().find(|known| known.id == run);
    let latest = known.and_then(|known| known.latest.get(&key)).copied();
    let pages = client.history(run.clone(), key.clone());
    stream::unfold(Some((pages, true)), move |state| {
        let (run, key) = (run.clone(), key.clone());
        async move {
            let (mut pages, is_empty) = state?;
            let chunk = |points| Ok(Ok(MetricChunk { run_id: run.clone(), key: key.clone(), points }));
            let latest_chunk = || latest.map(|point| chunk(vec![point]));
            Some(match pages.next().await {
                None => (latest_chunk().filter(|_| is_empty).into_iter().collect(), None),
                Some(Ok(rows)) => {
                    let is_empty = is_empty && rows.is_empty();
                    let points = rows.into_iter().map(|row: WireMetric| row.point).collect();
                    (vec![chunk(points)], Some((pages, is_empty)))
                }
                Some(Err(error)) => {
                    let lost = Ok(Err(unreadable(&run, &key, &error)));
                    (latest_chunk().into_iter().chain([lost]).collect(), Some((pages, false)))
                }
            })
        }
    })
    .flat_map(|chunks: Vec<_>| stream::iter(chunks))
    .boxed()
}

fn unreadable(run: &RunId, key: &str, error: &Error) -> Unreadable {
    Unreadable { kind: Kind::Run, id: run.to_string(), reason: format!("history of metric {key:?}: {error}") }
}
