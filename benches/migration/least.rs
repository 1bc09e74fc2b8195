//! The least requests that read and write the workload, 16 at a time. It knows the shape of the data in advance,
//! checks nothing, repeats nothing and keeps everything in memory.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

const AT_ONCE: usize = 16;

pub struct Least {
    pub requests: u64,
    /// Seconds.
    pub read: f64,
    pub write: f64,
}

struct Client {
    http: reqwest::Client,
    url: String,
    requests: AtomicU64,
}

/// A run with its points and files.
struct Whole {
    run: Value,
    points: Vec<Value>,
    files: Vec<(String, bytes::Bytes)>,
}

impl Client {
    fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().tcp_nodelay(true).build().unwrap();
        Self { http, url: url.to_owned(), requests: AtomicU64::new(0) }
    }

    async fn post(&self, route: &str, body: Value) -> Value {
        self.requests.fetch_add(1, Relaxed);
        let call = self.http.post(format!("{}/api/2.0/mlflow/{route}", self.url)).json(&body);
        call.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn get(&self, path: &str) -> bytes::Bytes {
        self.requests.fetch_add(1, Relaxed);
        let call = self.http.get(format!("{}{path}", self.url));
        call.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap()
    }

    async fn put(&self, path: &str, body: bytes::Bytes) {
        self.requests.fetch_add(1, Relaxed);
        let call = self.http.put(format!("{}{path}", self.url)).body(body);
        call.send().await.unwrap().error_for_status().unwrap();
    }
}

pub async fn migrate(source: &str, target: &str) -> Least {
    let (source, target) = (Client::new(source), Client::new(target));
    let started = Instant::now();
    let runs = read(&source).await;
    let read = started.elapsed().as_secs_f64();
    let started = Instant::now();
    write(&target, runs).await;
    let write = started.elapsed().as_secs_f64();
    Least { requests: source.requests.load(Relaxed) + target.requests.load(Relaxed), read, write }
}

fn id(run: &Value) -> String {
    run["info"]["run_id"].as_str().unwrap().to_owned()
}

fn proxied(run: &Value) -> String {
    let uri = run["info"]["artifact_uri"].as_str().unwrap();
    format!("/api/2.0/mlflow-artifacts/artifacts{}", uri.strip_prefix("mlflow-artifacts:").unwrap())
}

async fn read(source: &Client) -> Vec<Whole> {
    let experiments =
        source.post("experiments/search", json!({ "max_results": 1000, "view_type": "ALL" })).await;
    let ids: Vec<&Value> =
        experiments["experiments"].as_array().unwrap().iter().map(|e| &e["experiment_id"]).collect();
    let found = source
        .post("runs/search", json!({ "experiment_ids": ids, "max_results": 1000, "run_view_type": "ALL" }))
        .await;
    let runs = found["runs"].as_array().unwrap().clone();
    let keys: Vec<&str> =
        runs[0]["data"]["metrics"].as_array().unwrap().iter().map(|m| m["key"].as_str().unwrap()).collect();
    let calls = keys.iter().flat_map(|key| {
        runs.chunks(90).map(move |runs| {
            let ids: String = runs.iter().map(|run| format!("&run_id={}", id(run))).collect();
            format!("/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key={key}{ids}")
        })
    });
    let histories: Vec<bytes::Bytes> = stream::iter(calls.collect::<Vec<_>>())
        .map(async |call| source.get(&call).await)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut points: std::collections::HashMap<String, Vec<Value>> = std::collections::HashMap::new();
    for history in histories {
        let history: Value = serde_json::from_slice(&history).unwrap();
        for mut point in history["metrics"].as_array().unwrap().iter().cloned() {
            let run = point.as_object_mut().unwrap().remove("run_id").unwrap();
            points.entry(run.as_str().unwrap().to_owned()).or_default().push(point);
        }
    }
    let wholes = runs.into_iter().map(|run| {
        let points = points.remove(&id(&run)).unwrap();
        Whole { run, points, files: Vec::new() }
    });
    stream::iter(wholes.collect::<Vec<_>>())
        .map(async |mut whole| {
            let list = source.get(&format!("/api/2.0/mlflow/artifacts/list?run_id={}", id(&whole.run))).await;
            let list: Value = serde_json::from_slice(&list).unwrap();
            for file in list["files"].as_array().unwrap() {
                let path = file["path"].as_str().unwrap().to_owned();
                let bytes = source.get(&format!("{}/{path}", proxied(&whole.run))).await;
                whole.files.push((path, bytes));
            }
            whole
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn write(target: &Client, runs: Vec<Whole>) {
    let made = target.post("experiments/create", json!({ "name": "by hand" })).await;
    let experiment = &made["experiment_id"];
    stream::iter(runs)
        .for_each_concurrent(AT_ONCE, async |whole| {
            let Whole { run, points, files } = whole;
            let (info, data) = (&run["info"], &run["data"]);
            let new = json!({
                "experiment_id": experiment, "user_id": info["user_id"], "start_time": info["start_time"],
                "run_name": info["run_name"], "tags": data["tags"],
            });
            let made = target.post("runs/create", new).await["run"].clone();
            target
                .post(
                    "runs/log-batch",
                    json!({ "run_id": id(&made), "params": data["params"], "metrics": points }),
                )
                .await;
            for (path, bytes) in files {
                target.put(&format!("{}/{path}", proxied(&made)), bytes).await;
            }
            let end = json!({ "run_id": id(&made), "status": info["status"], "end_time": info["end_time"] });
            target.post("runs/update", end).await;
        })
        .await;
}
