//! Metric histories, complete and in as few requests as possible: one metric of many runs at a time if the server
//! supports it, and page by page for a series that does not fit into such an answer.

use std::collections::{BTreeMap, VecDeque};

use futures::stream::{self, BoxStream, StreamExt};

use crate::entities::{Kind, MetricChunk, Point, Readable, Run, RunId, Unreadable};
use crate::error::{Error, Result};
use crate::rest::{Client, ROWS_PER_CALL, WireMetric};

/// Metrics that are requested ahead of time.
const METRICS_AHEAD: usize = 6;

type Chunks<'a> = BoxStream<'a, Result<Readable<MetricChunk>>>;

/// The histories of these runs. `bulk` is the number of runs that the server accepts in one call; `None` when it has no
/// such route.
pub fn histories<'a>(client: &'a Client, bulk: Option<usize>, runs: &'a [Run]) -> Chunks<'a> {
    let tasks: Vec<(String, VecDeque<RunId>)> = match bulk {
        Some(most) => runs.chunks(most).flat_map(by_metric).collect(),
        None => runs.chunks(1).flat_map(by_metric).collect(),
    };
    stream::iter(tasks)
        .map(move |(key, wanted)| async move {
            match bulk {
                Some(_) => first_answer(client, key, wanted, runs).await,
                None => Series { key, ready: VecDeque::new(), single: wanted, rest: VecDeque::new() },
            }
        })
        // Ordered: the chunks of one run must come metric by metric.
        .buffered(METRICS_AHEAD)
        .flat_map(move |series| series.into_chunks(client, runs))
        .boxed()
}

/// The runs that have each metric. Run ids are sorted, because the server's answer is sorted by run.
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

/// One metric of some runs, while it is read.
struct Series {
    key: String,
    ready: VecDeque<MetricChunk>,
    /// Runs that are read one at a time.
    single: VecDeque<RunId>,
    /// Runs that are still to be requested together.
    rest: VecDeque<RunId>,
}

async fn first_answer(client: &Client, key: String, wanted: VecDeque<RunId>, runs: &[Run]) -> Series {
    let mut series = Series { key, ready: VecDeque::new(), single: VecDeque::new(), rest: wanted };
    series.ask(client, runs).await;
    series
}

impl Series {
    /// Sends one bulk call. The answer is sorted by run, so a cut answer is complete for all its runs except the last
    /// one.
    async fn ask(&mut self, client: &Client, runs: &[Run]) {
        let wanted: Vec<RunId> = self.rest.drain(..).collect();
        let rows = match client.history_bulk(&wanted, &self.key).await {
            Ok(rows) => rows,
            // With one request per run, only unreadable runs fail.
            Err(_) => return self.single.extend(wanted),
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
                self.rest.extend(wanted.into_iter().filter(|run| *run > last));
            } else {
                self.rest.extend(wanted.into_iter().filter(|run| *run >= last));
            }
        } else {
            // The list of runs contains this metric: an empty answer is not valid.
            self.single.extend(wanted.into_iter().filter(|run| !chunks.contains_key(run)));
        }
        for chunk in chunks.into_values() {
            match latest_of(runs, &chunk.run_id, &self.key).is_some_and(|latest| !has(&chunk.points, &latest))
            {
                true => self.single.push_back(chunk.run_id),
                false => self.ready.push_back(chunk),
            }
        }
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
                series.ask(client, runs).await;
            }
        })
        .flatten()
        .boxed()
    }
}

/// A metric's latest point, from the list of runs.
fn latest_of(runs: &[Run], run: &RunId, key: &str) -> Option<Point> {
    runs.iter().find(|known| known.id == *run)?.latest.get(key).copied()
}

fn has(points: &[Point], point: &Point) -> bool {
    points.iter().any(|known| known.identity() == point.identity())
}

/// One metric of one run, a page at a time. If its latest point does not arrive, it is taken from the list of runs: the
/// history cannot be read to its end, or a user has removed rows of it.
fn one_run<'a>(client: &'a Client, run: RunId, key: String, runs: &'a [Run]) -> Chunks<'a> {
    let latest = latest_of(runs, &run, &key);
    let pages = client.history(run.clone(), key.clone());
    stream::unfold(Some((pages, latest)), move |state| {
        let (run, key) = (run.clone(), key.clone());
        async move {
            let (mut pages, missing) = state?;
            let chunk = |points| Ok(Ok(MetricChunk { run_id: run.clone(), key: key.clone(), points }));
            let missing_chunk = || missing.map(|point| chunk(vec![point]));
            Some(match pages.next().await {
                None => (missing_chunk().into_iter().collect(), None),
                Some(Ok(rows)) => {
                    let points: Vec<Point> = rows.into_iter().map(|row: WireMetric| row.point).collect();
                    let missing = missing.filter(|latest| !has(&points, latest));
                    (vec![chunk(points)], Some((pages, missing)))
                }
                Some(Err(error)) => {
                    let lost = Ok(Err(unreadable(&run, &key, &error)));
                    (missing_chunk().into_iter().chain([lost]).collect(), Some((pages, None)))
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

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use serde_json::{Value, json};
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, Request, ResponseTemplate};

    use super::*;
    use crate::rest::{Access, Address};

    fn row(run: &str, timestamp: i64) -> Value {
        json!({ "key": "m", "run_id": run, "value": 1.0, "timestamp": timestamp, "step": 0 })
    }

    fn run(id: &str, latest: i64) -> Run {
        let point = Point { value: 1.0, timestamp: latest, step: 0 };
        Run { id: id.into(), latest: [("m".to_owned(), point)].into(), ..Run::default() }
    }

    /// The points of each run that are read from a server with these rows.
    async fn read(rows: &[Value], runs: &[Run], bulk: Option<usize>) -> BTreeMap<RunId, Vec<i64>> {
        let server = MockServer::start().await;
        let all = ResponseTemplate::new(200).set_body_json(json!({ "metrics": rows }));
        Mock::given(path("/ajax-api/2.0/mlflow/metrics/get-history-bulk"))
            .respond_with(all)
            .mount(&server)
            .await;
        let rows = rows.to_vec();
        let of_one = move |request: &Request| {
            let run = request.url.query_pairs().find(|(name, _)| name == "run_id").unwrap().1.into_owned();
            let rows: Vec<&Value> = rows.iter().filter(|row| row["run_id"] == run.as_str()).collect();
            ResponseTemplate::new(200).set_body_json(json!({ "metrics": rows }))
        };
        Mock::given(path("/api/2.0/mlflow/metrics/get-history")).respond_with(of_one).mount(&server).await;
        let (address, _) = Address::parse(&server.uri()).unwrap();
        let client = Client::new(address, Access::default()).unwrap();
        let chunks: Vec<_> = histories(&client, bulk, runs).try_collect().await.unwrap();
        let mut read: BTreeMap<RunId, Vec<i64>> = BTreeMap::new();
        for chunk in chunks {
            let chunk = chunk.unwrap();
            read.entry(chunk.run_id).or_default().extend(chunk.points.iter().map(|point| point.timestamp));
        }
        read
    }

    #[tokio::test]
    async fn the_latest_point_is_read_where_its_history_lacks_it() {
        let runs = [run("a", 2), run("b", 9), run("c", 9)];
        let rows = [row("a", 1), row("a", 2), row("b", 1), row("b", 2)];
        for bulk in [None, Some(90)] {
            let read = read(&rows, &runs, bulk).await;
            let expected = [("a", vec![1, 2]), ("b", vec![1, 2, 9]), ("c", vec![9])];
            assert_eq!(read, expected.map(|(run, points)| (RunId::from(run), points)).into(), "{bulk:?}");
        }
    }
}
