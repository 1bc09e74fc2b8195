//! The wizard on a real terminal.
#![cfg(unix)]

mod configured;
mod panics;
mod stores;
mod terminal;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use self::terminal::Terminal;
use crate::support::aws::FakeAws;
use crate::support::{Mlferry, TARGET, TestServer, differences};
use rustix::process::{Pid, Signal, kill_process};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_key_to_the_proof() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let state = tempfile::tempdir().unwrap();
    let (from, to) = (source.url().to_owned(), target.url().to_owned());
    let path = state.path().to_owned();
    let code = tokio::task::spawn_blocking(move || {
        let mut wizard = Terminal::open(&["--source", &from, "--target", &to], &path);
        // Both ends are given, so the wizard tries the source immediately.
        wizard.wait("5 experiments and 1 deleted, 29 runs");
        wizard.press("\r");
        wizard.wait("F2: a SageMaker MLflow App");
        wizard.press("\r");
        wizard.wait("takes files through its artifact proxy");
        wizard.press("\r");
        wizard.wait("Pre-flight:");
        wizard.press("\r");
        wizard.wait("Selected: 6 of 6 experiments");
        wizard.press("/fraud");
        wizard.until("what is filtered out", |screen| !screen.contents().contains("churn"));
        wizard.press("\r\r");
        wizard.wait("trial-03");
        // Deselected and selected again.
        wizard.press("a");
        wizard.wait("Selected: 5 of 6 experiments");
        wizard.press("a\x1b");
        wizard.wait("Selected: 6 of 6 experiments");
        wizard.resize(50, 12);
        wizard.wait("mlferry needs 60x18");
        wizard.resize(80, 24);
        wizard.wait("Selected: 6 of 6 experiments");
        wizard.press("n");
        wizard.wait("Enter starts: everything in the source.");
        wizard.press("\r");
        wizard.wait("Write to the target?");
        wizard.press("\r");
        wizard.wait("in flight");
        wizard.press("p");
        wizard.wait("paused");
        wizard.resize(50, 12);
        wizard.wait("Import is still running");
        wizard.resize(80, 24);
        wizard.wait("paused");
        wizard.press("q");
        wizard.wait("keep going");
        wizard.press("\x1b");
        wizard.until("the dialog gone", |screen| !screen.contents().contains("keep going"));
        wizard.press("p");
        wizard.wait("running");
        // The connection breaks in the middle of the import.
        assert_eq!(wizard.hang_up(), 130);

        let mut wizard = Terminal::open_with(&[], &path, &[("SSH_CONNECTION".into(), "a slow line".into())]);
        wizard.wait("Resume at step 6 Import");
        wizard.press("\r");
        wizard.wait("Enter starts: everything in the source.");
        // Nothing changes, so nothing is sent.
        thread::sleep(Duration::from_millis(500));
        let quiet = wizard.received();
        thread::sleep(Duration::from_secs(1));
        assert_eq!(wizard.received(), quiet);
        let started = Instant::now();
        wizard.press("\r");
        wizard.wait("Write to the target?");
        wizard.press("\r");
        wizard.wait("nothing failed");
        // Four frames a second, and each contains only the changes.
        let per_second = (wizard.received() - quiet) as f64 / started.elapsed().as_secs_f64();
        eprintln!("{per_second:.0} bytes a second to the terminal during the import");
        assert!(per_second < 8_000.0, "{per_second}");
        // The source changes: one run gets a tag and another point.
        changed(&from);
        wizard.press("\r");
        wizard.wait("by name and size");
        wizard.press("x\r");
        wizard.wait("the sides differ");
        wizard.press("\r");
        wizard.wait("tag late");
        wizard.press("j\r");
        wizard.wait("1 point differs");
        wizard.wait("12345");
        wizard.press("\x1b");
        wizard.wait("import again");
        wizard.press("i");
        wizard.wait("Write to the target?");
        wizard.press("\t\r");
        wizard.wait("is the same on both sides now");
        wizard.press("r");
        wizard.wait("no differences in anything compared");
        wizard.press("q");
        wizard.ends()
    });
    assert_eq!(code.await.unwrap(), 0);
    assert_eq!(differences(&source, &target).await, [""; 0]);
    assert!(!state.path().join("session.toml").exists(), "there is nothing to go on with");
    assert!(state.path().join("report.json").exists());
}

/// Adds a tag and a metric point to a run that was already migrated.
fn changed(url: &str) {
    let post = |route: &str, body: serde_json::Value| -> serde_json::Value {
        let call = ureq::post(format!("{url}/api/2.0/mlflow/{route}")).content_type("application/json");
        let text = call.send(body.to_string()).unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let found = post("experiments/search", json!({ "max_results": 100 }));
    let ids: Vec<_> = found["experiments"].as_array().unwrap().iter().map(|e| &e["experiment_id"]).collect();
    let search =
        json!({ "experiment_ids": ids, "filter": "attributes.status = 'FINISHED'", "max_results": 1 });
    let run = &post("runs/search", search)["runs"][0];
    let (id, key) = (&run["info"]["run_id"], &run["data"]["metrics"][0]["key"]);
    post("runs/set-tag", json!({ "run_id": id, "key": "late", "value": "yes" }));
    post("runs/log-metric", json!({ "run_id": id, "key": key, "value": 1.5, "timestamp": 1, "step": 12345 }));
}

/// Adds a model with a version from a run, and another model, to the data of the demo.
async fn register(source: &TestServer) {
    let http = reqwest::Client::new();
    let post = async |route: &str, body: serde_json::Value| {
        let sent = http.post(format!("{}/api/2.0/mlflow/{route}", source.url())).json(&body).send();
        let response = sent.await.unwrap();
        assert!(response.status().is_success(), "{route}: {}", response.text().await.unwrap());
        response.json::<serde_json::Value>().await.unwrap()
    };
    let experiment = post("experiments/create", json!({ "name": "registered from" })).await;
    let run =
        json!({ "experiment_id": experiment["experiment_id"], "run_name": "the winner", "start_time": 1 });
    let run = post("runs/create", run).await["run"]["info"].clone();
    for name in ["wanted", "unwanted"] {
        post("registered-models/create", json!({ "name": name })).await;
    }
    let below = format!("{}/model", run["artifact_uri"].as_str().unwrap());
    post("model-versions/create", json!({ "name": "wanted", "source": below, "run_id": run["run_id"] }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_selected_by_keyboard_includes_its_dependencies() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    register(&source).await;
    let state = tempfile::tempdir().unwrap();
    let (from, to) = (source.url().to_owned(), target.url().to_owned());
    let path = state.path().to_owned();
    let code = tokio::task::spawn_blocking(move || {
        let mut wizard = Terminal::open(&["--source", &from, "--target", &to], &path);
        wizard.wait("registered models");
        wizard.press("\r");
        wizard.wait("F2: a SageMaker MLflow App");
        wizard.press("\r");
        wizard.wait("takes files through its artifact proxy");
        wizard.press("\r");
        wizard.wait("Pre-flight:");
        wizard.press("\r");
        wizard.wait("2 of 2 registered models");
        wizard.press("a");
        wizard.wait("Nothing is selected");
        wizard.press("/wanted\r");
        wizard.until("both models", |screen| screen.contents().contains("2 of 9 shown"));
        // Rows: the heading, `unwanted`, `wanted`.
        wizard.press("jj \x1b");
        wizard.wait("0 of 7 experiments, 1 of 2 registered models");
        wizard.press("n");
        wizard.wait("Enter starts: the selection: 1 registered model.");
        wizard.wait("needed by wanted v1");
        wizard.press("\r");
        wizard.wait("Write to the target?");
        wizard.press("\r");
        wizard.wait("nothing failed");
        wizard.press("\r");
        wizard.wait("by name and size");
        wizard.press("\r");
        wizard.wait("no differences in anything compared");
        wizard.press("q");
        wizard.ends()
    });
    assert_eq!(code.await.unwrap(), 0);
    let plan = Mlferry::new().run(&["plan", "--source", target.url(), "--json"]).await.exits(0).lines();
    let there = plan.last().unwrap();
    // The count includes the target's own default experiment.
    assert_eq!((&there["experiments"], &there["runs"]), (&json!(2), &json!(1)), "{there}");
    assert_eq!(there["registered_models"], 1, "{there}");
}

fn signal(wizard: &Terminal, signal: Signal) {
    kill_process(Pid::from_raw(wizard.pid()).unwrap(), signal).unwrap();
}

#[test]
fn a_lost_wizard_saves_the_session_and_the_next_start_offers_it() {
    for lost in [Some(Signal::TERM), Some(Signal::HUP), None] {
        let state = tempfile::tempdir().unwrap();
        let mut wizard = Terminal::open(&[], state.path());
        wizard.wait("Type or paste the address");
        wizard.press("http://ann:geheim@127.0.0.1:9");
        wizard.wait("127.0.0.1:9");
        let code = match lost {
            Some(lost) => {
                signal(&wizard, lost);
                wizard.ends()
            }
            None => wizard.hang_up(),
        };
        assert_eq!(code, 130);
        let saved = std::fs::read_to_string(state.path().join("session.toml")).unwrap();
        assert!(saved.contains("http://127.0.0.1:9") && !saved.contains("geheim"), "{saved}");

        let mut wizard = Terminal::open(&[], state.path());
        wizard.wait("Resume at step 1 Compatibility");
        wizard.press("\r");
        wizard.wait("cannot be reached");
        wizard.press("\x03");
        assert_eq!(wizard.ends(), 0);
    }
}

/// Without a shell that could continue it, the process is not suspended: the screen returns on its own.
#[test]
fn ctrl_z_gives_the_terminal_back_and_takes_it_again() {
    let state = tempfile::tempdir().unwrap();
    let mut wizard = Terminal::open(&[], state.path());
    wizard.wait("Type or paste the address");
    wizard.press("\x1a");
    wizard.until("the terminal given back", |screen| !screen.alternate_screen());
    wizard.wait("Type or paste the address");
    wizard.press("http://h");
    wizard.wait("mlferry check --source http://h");
    wizard.press("\x03");
    assert_eq!(wizard.ends(), 0);
}

/// With the stand-in for AWS, as in the demo: from no App to a validated App.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_made_and_filled_from_the_keyboard() {
    let (source, cloud) = futures::join!(TestServer::start(TARGET), FakeAws::start());
    source.demo().await;
    let state = tempfile::tempdir().unwrap();
    let (from, path, env) = (source.url().to_owned(), state.path().to_owned(), cloud.sandbox.env());
    let (store, role) = (cloud.store("wizard"), cloud.sandbox.facts.role.clone());
    let shown = tokio::task::spawn_blocking(move || {
        let mut wizard = Terminal::open_with(&["--source", &from], &path, &env);
        wizard.wait("answers in");
        wizard.press("\r");
        wizard.wait("F2: a SageMaker MLflow App");
        // F2
        wizard.press("\x1bOQ");
        wizard.wait("There are none yet");
        wizard.press("n");
        wizard.wait("a new MLflow App");
        wizard.press(&format!("from-the-wizard\t{store}\t{role}\r"));
        wizard.wait("An App itself is free of charge");
        wizard.press("\r");
        wizard.wait("Creating");
        wizard.press("\x03");
        assert_eq!(wizard.ends(), 0);
        // The ARN was saved before the wait, so the next wizard continues to wait.
        let mut wizard = Terminal::open_with(&["--source", &from], &path, &env);
        wizard.wait("answers in");
        wizard.press("\r");
        wizard.press("\x1bOQ");
        wizard.wait("from-the-wizard");
        wizard.press("\r");
        wizard.wait("mlflow-app/app-");
        // When the App is ready, it is selected immediately.
        wizard.wait("takes files directly in s3://");
        wizard.press("\r");
        wizard.wait("Pre-flight:");
        wizard.press("\r");
        wizard.wait("Selected: 6 of 6 experiments");
        wizard.press("n");
        wizard.wait("Enter starts: everything in the source.");
        wizard.press("\r");
        wizard.wait("Write to the target?");
        wizard.press("\r");
        wizard.wait("nothing failed");
        wizard.press("\r");
        wizard.wait("by name and size");
        wizard.press("x\r");
        wizard.wait("no differences in anything compared");
        wizard.press("q");
        wizard.ends()
    });
    assert_eq!(shown.await.unwrap(), 0);
    assert!(!state.path().join("app.toml").exists(), "there is nothing more to wait for");
}

#[tokio::test]
async fn without_a_terminal_it_names_the_command() {
    let ran = Mlferry::new().run(&[]).await.exits(2);
    assert!(ran.stderr.contains("mlferry run --source"), "{}", ran.stderr);
}
