//! Runs whose files are put where the server keeps them: that is faster, and allows any name.

use serde_json::{Value, json};

use crate::support::Real;

/// Adds an experiment with one run that has these files.
pub async fn run_with(server: &Real, experiment: &str, files: &[(&str, Vec<u8>)]) {
    let post = async |route: &str, body: Value| {
        let call =
            reqwest::Client::new().post(format!("{}/api/2.0/mlflow/{route}", server.url())).json(&body);
        let answer = call.send().await.unwrap().error_for_status().unwrap();
        answer.json::<Value>().await.unwrap()
    };
    let made = post("experiments/create", json!({ "name": experiment })).await;
    let new =
        json!({ "experiment_id": made["experiment_id"], "run_name": "with files", "start_time": 1_000 });
    let run = post("runs/create", new).await;
    let root = run["run"]["info"]["artifact_uri"].as_str().unwrap();
    let root = server.server.artifacts().join(root.strip_prefix("mlflow-artifacts:/").unwrap());
    for (path, bytes) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// So many bytes, of which no piece is like another.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = length as u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    });
    words.flat_map(u32::to_le_bytes).take(length).collect()
}
