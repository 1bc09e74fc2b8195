//! Files with names, shapes and histories that are difficult to migrate: each arrives byte for byte, or is reported by
//! name as failed.

mod links;
mod names;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::support::TestServer;
use mlferry::demo::{MlflowServer, ServerOptions};
use serde_json::{Value, json};

/// Every file below a folder, by its relative path.
type Files = BTreeMap<String, Vec<u8>>;

fn files_below(root: &Path) -> Files {
    let (mut files, mut folders) = (Files::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The artifact folder of a run, in any experiment of a server.
fn folder_of(artifacts: &str, run: &str) -> PathBuf {
    let experiments = std::fs::read_dir(artifacts).unwrap().map(|entry| entry.unwrap().path());
    let mut folders = experiments.map(|experiment| experiment.join(run).join("artifacts"));
    folders.find(|folder| folder.is_dir()).unwrap_or_else(|| panic!("{run} has no files in {artifacts}"))
}

/// The failed artifacts with their reasons. The run's id is removed from their names.
fn failed_files(lines: &[Value], run: &str) -> BTreeMap<String, String> {
    let failed = lines.iter().filter(|line| line["type"] == "item_failed" && line["kind"] == "artifact");
    let named = failed.filter_map(|line| {
        let path = line["id"].as_str()?.split_once(run)?.1.trim_start_matches('/').to_owned();
        Some((path, line["reason"].as_str().or(line["error"].as_str()).unwrap_or_default().to_owned()))
    });
    named.collect()
}

fn names(files: &Files) -> BTreeSet<String> {
    files.keys().cloned().collect()
}

/// The id of the run with this name.
async fn run_called(server: &TestServer, experiment: &str, name: &str) -> String {
    let http = reqwest::Client::new();
    let at = format!("{}/api/2.0/mlflow", server.url());
    let found = http.get(format!("{at}/experiments/get-by-name?experiment_name={experiment}"));
    let found: Value = found.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
    let of = json!({ "experiment_ids": [found["experiment"]["experiment_id"]] });
    let runs = http.post(format!("{at}/runs/search")).json(&of).send().await.unwrap();
    let runs: Value = runs.error_for_status().unwrap().json().await.unwrap();
    let run = runs["runs"].as_array().unwrap().iter().find(|run| run["info"]["run_name"] == name);
    run.unwrap_or_else(|| panic!("{name}: {runs}"))["info"]["run_id"].as_str().unwrap().to_owned()
}

/// A server whose clients read and write artifacts directly in a local folder.
async fn in_folder(version: &str) -> TestServer {
    let venv = crate::support::venv(version).await;
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let artifacts = dir.path().join("files of clients");
    let root = url::Url::from_file_path(&artifacts).unwrap();
    let options = ServerOptions { workers: 1, artifact_root: Some(root.into()), ..ServerOptions::default() };
    let server = Arc::new(MlflowServer::start(&venv, dir.path(), options).await.unwrap());
    let artifacts = artifacts.to_str().unwrap().to_owned();
    TestServer { server, venv, dir, artifacts, env: Vec::new(), lease: None, filled: OnceLock::new() }
}

/// Creates a run in an experiment, both with this name, and the folder for its artifacts. Returns the run's id and the
/// folder.
async fn run_in(server: &TestServer, name: &str) -> (String, PathBuf) {
    let post = async |route: &str, body: Value| -> Value {
        let at = format!("{}/api/2.0/mlflow/{route}", server.url());
        let call = reqwest::Client::new().post(at).json(&body).send().await.unwrap();
        call.error_for_status().unwrap().json().await.unwrap()
    };
    let experiment = post("experiments/create", json!({ "name": name })).await["experiment_id"].clone();
    let run = json!({ "experiment_id": experiment, "start_time": 1, "run_name": name });
    let run = post("runs/create", run).await;
    let run = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    post("runs/update", json!({ "run_id": run, "status": "FINISHED", "end_time": 2 })).await;
    let folder = Path::new(&server.artifacts).join(experiment.as_str().unwrap()).join(&run).join("artifacts");
    std::fs::create_dir_all(&folder).unwrap();
    (run, folder)
}
