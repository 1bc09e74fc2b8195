//! Puts files of runs and logged models directly where the server stores them: this is faster and allows any name.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::TestServer;

pub type Files<'a> = [(&'a str, Vec<u8>)];

pub async fn post(server: &TestServer, route: &str, body: Value) -> Value {
    let call = reqwest::Client::new().post(format!("{}/api/2.0/mlflow/{route}", server.url())).json(&body);
    call.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

/// Adds an experiment with one run that has these files. Returns the experiment's id.
pub async fn run_with(server: &TestServer, experiment: &str, files: &Files<'_>) -> Value {
    let made = post(server, "experiments/create", json!({ "name": experiment })).await;
    let experiment = &made["experiment_id"];
    let new = json!({ "experiment_id": experiment, "run_name": "with files", "start_time": 1_000 });
    let run = post(server, "runs/create", new).await;
    put(server, run["run"]["info"]["artifact_uri"].as_str().unwrap(), files).await;
    experiment.clone()
}

/// Adds a logged model that has these files.
pub async fn model_with(server: &TestServer, experiment: &Value, files: &Files<'_>) {
    let new = json!({ "experiment_id": experiment, "name": "with files" });
    let model = post(server, "logged-models", new).await;
    put(server, model["model"]["info"]["artifact_uri"].as_str().unwrap(), files).await;
}

async fn put(server: &TestServer, root: &str, files: &Files<'_>) {
    match root.strip_prefix("mlflow-artifacts:/") {
        Some(below) => write(&server.server.artifacts().join(below), files),
        None => {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), files);
            server.python("cloud_objects.py", &["upload", root, folder.path().to_str().unwrap()]).await;
        }
    }
}

fn write(root: &Path, files: &Files<'_>) {
    for (path, bytes) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// This number of bytes, without repetitions.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = length as u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    });
    words.flat_map(u32::to_le_bytes).take(length).collect()
}
