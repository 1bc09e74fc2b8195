use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

/// Makes an experiment with a run that has so many files of so many bytes each. Gives the folder that they are in.
pub async fn fill(url: &str, name: &str, count: usize, size: usize) -> PathBuf {
    let http = reqwest::Client::new();
    let post = async |route: &str, body: Value| {
        let sent = http.post(format!("{url}/api/2.0/mlflow/{route}")).json(&body).send().await.unwrap();
        sent.error_for_status().unwrap().json::<Value>().await.unwrap()
    };
    let made = post("experiments/create", json!({ "name": name })).await;
    let run = json!({ "experiment_id": made["experiment_id"], "run_name": name, "start_time": 1 });
    let run = post("runs/create", run).await;
    let folder = PathBuf::from(run["run"]["info"]["artifact_uri"].as_str().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let mut state = 1_u64;
    for number in 0..count {
        let mut file = std::fs::File::create(folder.join(format!("{number:06}.bin"))).unwrap();
        let mut left = size;
        while left > 0 {
            let block = block(&mut state);
            let length = block.len().min(left);
            file.write_all(&block[..length]).unwrap();
            left -= length;
        }
    }
    folder
}

/// Bytes that no piece before was like.
fn block(state: &mut u64) -> Vec<u8> {
    let words = (0..32_768).map(|_| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state
    });
    words.flat_map(u64::to_le_bytes).collect()
}
