//! A few objects on a server, and what became of them.

use serde_json::{Value, json};

use super::{Mlferry, Ran, TestServer};

pub async fn post(server: &TestServer, route: &str, body: Value) -> Value {
    let url = format!("{}/api/2.0/mlflow/{route}", server.url());
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{route}: {}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

pub async fn experiment(server: &TestServer, name: &str) -> String {
    let made = post(server, "experiments/create", json!({ "name": name })).await;
    made["experiment_id"].as_str().unwrap().to_owned()
}

pub async fn run(server: &TestServer, experiment: &str, name: &str, tags: Value) -> String {
    let new = json!({ "experiment_id": experiment, "run_name": name, "start_time": 1, "tags": tags });
    let made = post(server, "runs/create", new).await;
    let id = made["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    post(server, "runs/update", json!({ "run_id": id, "status": "FINISHED", "end_time": 2 })).await;
    id
}

/// The experiments of a server with the names of their runs, sorted.
pub async fn everything(server: &TestServer) -> Vec<(String, Vec<String>)> {
    let all = post(server, "experiments/search", json!({ "max_results": 100, "view_type": "ALL" })).await;
    let mut found = Vec::new();
    for one in all["experiments"].as_array().unwrap() {
        let search = json!({ "experiment_ids": [one["experiment_id"]], "run_view_type": "ALL" });
        let runs = post(server, "runs/search", search).await;
        let names = runs["runs"].as_array().into_iter().flatten();
        let mut names: Vec<String> =
            names.map(|run| run["info"]["run_name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        found.push((one["name"].as_str().unwrap().to_owned(), names));
    }
    found.sort();
    found
}

pub async fn import(mlferry: &Mlferry, source: &TestServer, target: &TestServer, more: &[&str]) -> Ran {
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    mlferry.run(&[&import, more].concat()).await
}
