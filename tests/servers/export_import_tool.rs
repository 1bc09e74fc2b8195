//! Real exports of both generations of mlflow-export-import are imported, and its newer generation imports our exports.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{Mlferry, TARGET, TestServer, differences, environment};
use mlferry::demo::Venv;
use serde_json::{Value, json};

/// The two generations of the tool.
const OLDER: &str = "mlflow-export-import-1.2.0";
const NEWER: &str = "databricks-mlflow-export-import-1.2.1";

/// Runs one of the tool's commands against a server.
async fn tool(venv: &Venv, url: &str, module: &str, args: &[&str]) {
    let mut command = venv.command();
    command
        .args(["-m", &format!("mlflow_export_import.{module}")])
        .args(args)
        .env("MLFLOW_TRACKING_URI", url);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{module}: {said}");
    // The tool always exits with 0.
    assert!(!said.contains("Traceback"), "{module}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_the_older_generation_is_imported() {
    let (venv, source, target) =
        futures::join!(environment(OLDER), TestServer::start("2.22.4"), TestServer::start(TARGET));
    source.plain().await;
    let folder = tempfile::tempdir().unwrap();
    let [all, one, models] =
        ["all", "one", "models"].map(|name| folder.path().join(name).display().to_string());
    tool(&venv, source.url(), "bulk.export_all", &["--output-dir", &all]).await;

    let mlferry = Mlferry::new();
    let import = ["import", "--input-dir", &all, "--target", target.url(), "--json"];
    let ran = mlferry.run(&import).await.exits(0).outcome();
    assert_eq!(
        (&ran["counts"]["runs"]["done"], &ran["counts"]["model_versions"]["done"]),
        (&json!(11), &json!(12))
    );
    // 1.2.0 does not export the datasets that runs use.
    let lost = differences(&source, &target).await;
    assert!(lost.len() == 1 && lost[0].contains("train/größe"), "{lost:#?}");
    mlferry
        .run(&["validate", "--source", &all, "--target", target.url(), "--artifacts", "checksum"])
        .await
        .exits(0);
    let again = mlferry.run(&import).await.exits(0).outcome();
    assert_eq!(again["counts"]["runs"]["skipped"], 10, "all but the one that still runs: {again}");

    // Parts of a server, each with its own layout.
    tool(
        &venv,
        source.url(),
        "experiment.export_experiment",
        &["--experiment", "registered", "--output-dir", &one],
    )
    .await;
    tool(&venv, source.url(), "bulk.export_models", &["--models", "no notes", "--output-dir", &models]).await;
    for (part, experiments, registered) in [(&one, 1, 0), (&models, 1, 1)] {
        let planned =
            mlferry.run(&["plan", "--source", part, "--json"]).await.exits(0).lines().pop().unwrap();
        assert_eq!(planned["experiments"], experiments, "{planned}");
        assert_eq!(
            (&planned["runs"], &planned["registered_models"]),
            (&json!(1), &json!(registered)),
            "{planned}"
        );
    }
    let run = std::fs::read_dir(&one)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    let refused = mlferry.run(&["plan", "--source", run.to_str().unwrap()]).await.exits(2);
    assert!(
        refused.stderr.contains("holds only a run") && refused.stderr.contains("hint:"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_the_newer_generation_is_imported_and_ours_by_it() {
    let (venv, source, target, theirs) = futures::join!(
        environment(NEWER),
        TestServer::start(TARGET),
        TestServer::start(TARGET),
        TestServer::start(TARGET)
    );
    source.plain().await;
    let folder = tempfile::tempdir().unwrap();
    let [all, ours] = ["all", "ours"].map(|name| folder.path().join(name).display().to_string());
    tool(&venv, source.url(), "bulk.export_all", &["--output-dir", &all]).await;
    let mlferry = Mlferry::new();
    let import = ["import", "--input-dir", &all, "--target", target.url(), "--json"];
    let ran = mlferry.run(&import).await.exits(0).outcome();
    let counts = &ran["counts"];
    let done = ["runs", "logged_models", "model_versions"].map(|kind| counts[kind]["done"].as_u64().unwrap());
    assert_eq!(done, [11, 1, 12], "{ran}");
    assert_eq!(differences(&source, &target).await, [""; 0]);
    mlferry
        .run(&["validate", "--source", &all, "--target", target.url(), "--artifacts", "checksum"])
        .await
        .exits(0);

    // Items that this format stores only in part are not migrated, and this is reported.
    for file in ["prompts/p_v1/prompt.json", "experiments/1/traces/tr-1/trace.json"] {
        let file = Path::new(&all).join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "{}").unwrap();
    }
    let lines = mlferry.run(&["check", "--source", &all, "--json"]).await.exits(0).lines();
    let others = lines.iter().filter(|line| line["type"] == "check_other" && line["count"] == 1);
    assert_eq!(others.count(), 2, "{lines:#?}");

    mlferry.run(&["export", "--source", source.url(), "--output-dir", &ours]).await.exits(0);
    tool(&venv, theirs.url(), "bulk.import_all", &["--input-dir", &ours]).await;
    let (before, after) = futures::join!(source.dump(), theirs.dump());
    let (before, after) = (read(&before), read(&after));
    assert_eq!(runs(&before), runs(&after));
    assert_eq!(names(&before["logged_models"]), names(&after["logged_models"]));
    assert_eq!(
        before["registered_models"].as_object().unwrap().keys().collect::<Vec<_>>(),
        after["registered_models"].as_object().unwrap().keys().collect::<Vec<_>>()
    );
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn names(objects: &Value) -> Vec<&str> {
    let mut names: Vec<_> =
        objects.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

/// The run data that the tool's importer keeps, by experiment and name.
fn runs(dump: &Value) -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for experiment in dump["experiments"].as_array().unwrap() {
        for run in experiment["runs"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let files: Vec<_> = run["artifacts"].as_object().unwrap().keys().cloned().collect();
            let tags: Vec<_> =
                run["tags"].as_object().unwrap().keys().filter(|key| *key != "mlflow.user").collect();
            let kept = json!({ "params": run["params"], "metrics": run["metrics"], "inputs": run["inputs"],
                "files": files, "tags": tags, "is_running": run["status"] == "RUNNING" });
            all.insert((text(&experiment["name"]), text(&run["run_name"])), kept);
        }
    }
    all
}
