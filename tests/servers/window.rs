//! A time window on real servers: the items that it selects, the items outside it that a version needs, and two
//! adjacent windows.

use crate::support::{Mlferry, Ran, TARGET, TestServer, differences};
use serde_json::{Value, json};

const OLD: i64 = 1_612_325_106_789;
/// Exactly one year later: the first moment of the newer window.
const BORDER: &str = "2022-02-03T04:05:06.789Z";
const NEW: i64 = OLD + 365 * 86_400_000;

async fn post(url: &str, route: &str, body: Value) -> Value {
    let response = reqwest::Client::new()
        .post(format!("{url}/api/2.0/mlflow/{route}"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(response.status().is_success(), "{route}: {}", response.text().await.unwrap());
    response.json().await.unwrap()
}

/// A run with one metric, and a logged model that it made.
async fn run(url: &str, experiment: &Value, name: &str, start: i64, parent: &str) -> Value {
    let tags =
        if parent.is_empty() { json!([]) } else { json!([{ "key": "mlflow.parentRunId", "value": parent }]) };
    let body = json!({ "experiment_id": experiment, "run_name": name, "start_time": start, "tags": tags });
    let info = post(url, "runs/create", body).await["run"]["info"].clone();
    let metric = json!({ "run_id": info["run_id"], "key": "m", "value": 0.5, "timestamp": start, "step": 1 });
    post(url, "runs/log-metric", metric).await;
    let end = json!({ "run_id": info["run_id"], "status": "FINISHED", "end_time": start + 5 });
    post(url, "runs/update", end).await;
    let model =
        json!({ "experiment_id": experiment, "name": format!("of {name}"), "source_run_id": info["run_id"] });
    post(url, "logged-models", model).await;
    info
}

fn done(ran: &Ran, kind: &str) -> u64 {
    ran.outcome()["counts"][kind]["done"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_that_meet_are_everything() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let url = source.url();
    let experiment =
        post(url, "experiments/create", json!({ "name": "years" })).await["experiment_id"].clone();
    let parent = run(url, &experiment, "parent", OLD, "").await;
    let parent_id = parent["run_id"].as_str().unwrap();
    run(url, &experiment, "last of the old", NEW - 1, "").await;
    run(url, &experiment, "child", NEW, parent_id).await;
    let registered = run(url, &experiment, "registered", OLD + 1, "").await;
    let mlferry = Mlferry::new();
    let ends = ["--source", url, "--target", target.url(), "--json"];
    let newer = ["--run-start-time", BORDER];
    let older = ["--runs-until", BORDER];

    let planned = mlferry.run(&[&["plan", "--source", url, "--json"], &newer[..]].concat()).await.exits(0);
    let planned = planned.lines().pop().unwrap();
    assert_eq!((&planned["runs"], &planned["logged_models"]), (&json!(1), &json!(1)), "{planned}");

    // The child arrives without its parent, and this is reported.
    let import = [&["import"], &ends[..], &newer[..]].concat();
    let ran = mlferry.run(&import).await.exits(0);
    assert_eq!((done(&ran, "runs"), done(&ran, "logged_models")), (1, 1));
    let notes = ran.outcome()["notes"].to_string();
    assert!(notes.contains(parent_id) && notes.contains("parent"), "{notes}");
    let in_window = mlferry.run(&[&["validate"], &ends[..], &newer[..]].concat()).await.exits(0);
    assert_eq!(in_window.outcome()["comparison"]["runs"]["same"], 1, "{}", in_window.stdout);
    let missing = mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(4);
    assert_eq!(missing.outcome()["comparison"]["runs"]["missing"], 3, "{}", missing.stdout);

    // Items of the target outside the window are ignored.
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("newer");
    let archive = archive.to_str().unwrap();
    let export = ["export", "--source", url, "--output-dir", archive, "--json"];
    let exported = mlferry.run(&[&export[..], &newer[..]].concat()).await.exits(0);
    assert_eq!((done(&exported, "runs"), done(&exported, "logged_models")), (1, 1));

    // Imports the other window, and then the first one again, which finds the parent.
    let ran = mlferry.run(&[&["import"], &ends[..], &older[..]].concat()).await.exits(0);
    assert_eq!((done(&ran, "runs"), done(&ran, "logged_models")), (3, 3));
    mlferry.run(&import).await.exits(0);
    mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(0);
    assert_eq!(differences(&source, &target).await, [""; 0]);
    let archived = ["validate", "--source", archive, "--target", target.url(), "--json"];
    mlferry.run(&[&archived[..], &newer[..]].concat()).await.exits(0);
    let extra = mlferry.run(&archived).await.exits(4).outcome();
    assert_eq!(extra["comparison"]["runs"]["extra"], 3, "{extra}");

    // The run of a version is included, whatever its time. A plan file has the same effect as the options.
    post(url, "registered-models/create", json!({ "name": "churn" })).await;
    let source_uri = format!("{}/model", registered["artifact_uri"].as_str().unwrap());
    let version = json!({ "name": "churn", "source": source_uri, "run_id": registered["run_id"] });
    post(url, "model-versions/create", version).await;
    let plan = folder.path().join("plan.toml");
    let plan = plan.to_str().unwrap();
    mlferry.run(&[&["plan", "--source", url, "--output", plan], &newer[..]].concat()).await.exits(0);
    assert!(std::fs::read_to_string(plan).unwrap().contains(BORDER));
    let second = TestServer::start(TARGET).await;
    let import = ["import", "--source", url, "--target", second.url(), "--plan", plan, "--json"];
    let ran = mlferry.run(&import).await.exits(0);
    assert_eq!((done(&ran, "runs"), done(&ran, "model_versions")), (2, 1), "{}", ran.stdout);
    assert!(ran.stdout.contains("is included"), "{}", ran.stdout);
    let wrong = ["plan", "--source", url, "--run-start-time", "2024"];
    assert!(mlferry.run(&wrong).await.exits(2).stderr.contains("--run-start-time"));
}
