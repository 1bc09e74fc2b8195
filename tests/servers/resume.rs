//! The import is killed at any moment and run again: the result is the same, and nothing is duplicated.

use std::time::Duration;

use crate::support::{Mlferry, Ran, TARGET, TestServer, differences};
#[cfg(unix)]
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Child;

/// Milliseconds until each kill: early, while items are created, or while files are copied.
const KILLS: [u64; 8] = [150, 400, 700, 1_000, 250, 1_500, 550, 2_000];

/// Runs the command and kills it at each of these moments, unless it ends earlier. Then runs it to the end.
async fn with_kills(mlferry: &Mlferry, args: &[&str]) -> u32 {
    let mut killed = 0;
    for moment in KILLS {
        let mut child = mlferry.command(args).stdout(std::process::Stdio::null()).spawn().unwrap();
        tokio::select! {
            _ = child.wait() => {}
            () = tokio::time::sleep(Duration::from_millis(moment)) => {
                child.kill().await.unwrap();
                killed += 1;
            }
        }
    }
    mlferry.run(args).await.exits(0).outcome();
    killed
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_kills_give_the_same_result() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let killed = with_kills(&mlferry, &import).await;
    assert!(killed >= 3, "only {killed} kills hit: the data are too small for this test");
    assert_eq!(differences(&source, &target).await, [""; 0]);
    let validate =
        ["validate", "--source", source.url(), "--target", target.url(), "--artifacts", "checksum"];
    mlferry.run(&validate).await.exits(0);

    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mlflow-export");
    let archive = archive.to_str().unwrap();
    let export = ["export", "--source", source.url(), "--output-dir", archive, "--json"];
    with_kills(&mlferry, &export).await;
    mlferry
        .run(&["validate", "--source", source.url(), "--target", archive, "--artifacts", "checksum"])
        .await
        .exits(0);
}

#[cfg(unix)]
fn send(child: &Child, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// The result of a program that was started with its output piped.
#[cfg(unix)]
async fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[cfg(unix)]
fn piped(mlferry: &Mlferry, args: &[&str]) -> Child {
    use std::process::Stdio;
    mlferry.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_drains_status_watches_and_a_second_migration_waits_its_turn() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.equal_runs().await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let child = piped(&mlferry, &import);

    let status = loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let lines = mlferry.run(&["status", "--json"]).await.exits(0).lines();
        match lines.into_iter().next() {
            Some(line) if line["counts"]["runs"]["done"].as_u64() > Some(0) => break line,
            _ => {}
        }
    };
    assert_eq!(status["running"], true, "{status}");
    assert_eq!(status["source"], source.url());
    let second = mlferry.run(&import).await.exits(11);
    assert!(second.stdout.contains("import of"), "{}", second.stdout);

    send(&child, Signal::INT);
    let outcome = ended(child).await.exits(130).outcome();
    assert_eq!(outcome["stopped"], true);

    // The remaining import is watched from another terminal until it ends.
    let rest = tokio::spawn(ended(piped(&mlferry, &import)));
    until_running(&mlferry).await;
    let seen = mlferry.run(&["status", "--watch", "--json"]).await.exits(0).lines();
    let rest = rest.await.unwrap().exits(0).outcome();
    let last = seen.last().unwrap();
    assert_eq!((&last["type"], &last["counts"]), (&"ended".into(), &rest["counts"]), "{last}");
    assert_eq!((&last["meaning"], &last["target"]), (&"done".into(), &target.url().into()), "{last}");
    // How much of the rest is still in flight then depends on the machine.
    assert!(seen.iter().any(|line| line["type"] == "progress"), "{seen:?}");
    assert!(rest["counts"]["runs"]["skipped"].as_u64() > Some(0), "what was done is not done again: {rest}");
    assert_eq!(differences(&source, &target).await, [""; 0]);
    assert_eq!(mlferry.run(&["status", "--json"]).await.lines()[0]["running"], false);
}

/// Waits until a process runs the job that was started last.
#[cfg(unix)]
async fn until_running(mlferry: &Mlferry) {
    let is_running = async || {
        let lines = mlferry.run(&["status", "--json"]).await.lines();
        lines.first().is_some_and(|line| line["running"] == true)
    };
    while !is_running().await {}
}

/// Tested with exports, because they put load only on the source.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_terminal_stops_a_command_in_an_orderly_way_and_a_killed_one_is_missed() {
    let source = TestServer::start(TARGET).await;
    source.equal_runs().await;
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let signals = [(Signal::HUP, Some(130)), (Signal::TERM, Some(130)), (Signal::KILL, None)];
    for (signal, code) in signals {
        let archive = folder.path().join(format!("{signal:?}"));
        let export = ["export", "--source", source.url(), "--output-dir", archive.to_str().unwrap()];
        let child = piped(&mlferry, &export);
        until_running(&mlferry).await;
        let seeing = piped(&mlferry, &["status", "--watch", "--json"]);
        // A user who stops watching does not disturb the job.
        let left = piped(&mlferry, &["status", "--watch"]);
        tokio::time::sleep(Duration::from_millis(700)).await;
        send(&left, Signal::INT);
        let left = ended(left).await.exits(130);
        assert!(
            left.stdout.contains("runs ") && left.stderr.contains("the job is still running"),
            "{left:?}"
        );
        send(&child, signal);
        assert_eq!(ended(child).await.code, code, "{signal:?}");
        let seen = ended(seeing).await.exits(code.unwrap_or(1));
        assert!(code.is_some() || seen.stdout.contains("exited without writing a result"), "{seen:?}");
    }
    assert!(mlferry.run(&["status", "--watch"]).await.exits(0).stderr.contains("nothing is running"));
}

/// Sends a request to a route and returns its response.
async fn post(server: &TestServer, route: &str, body: Value) -> Value {
    let url = format!("{}/api/2.0/mlflow/{route}", server.url());
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{route}: {}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// Runs whose points also belong to logged models: if a server receives more than 100 of them again, it refuses them
/// (MLflow 3.10, `_log_model_metrics`). The points include NaN, which a server never recognises as a duplicate.
async fn seed_points_of_models(source: &TestServer, runs: usize) {
    let experiment = post(source, "experiments/create", json!({ "name": "points of models" })).await;
    let experiment = &experiment["experiment_id"];
    for n in 0..runs {
        let new = json!({ "experiment_id": experiment, "run_name": format!("r{n}"), "start_time": n + 1 });
        let run = &post(source, "runs/create", new).await["run"]["info"]["run_id"];
        let new = json!({ "experiment_id": experiment, "name": format!("m{n}"), "source_run_id": run });
        let model = &post(source, "logged-models", new).await["model"]["info"]["model_id"];
        let point = |key: &str, n: i64| json!({ "key": key, "value": n, "timestamp": n + 1, "step": n });
        let of_model = ["a", "b"].into_iter().flat_map(|key| (0..120).map(move |n| point(key, n)));
        let mut points: Vec<Value> = of_model.collect();
        points.iter_mut().for_each(|point| point["model_id"] = model.clone());
        points
            .extend((0..20).map(|n| json!({ "key": "nan", "value": "NaN", "timestamp": n + 1, "step": n })));
        let params = [json!({ "key": "lr", "value": "0.1" })];
        post(source, "runs/log-batch", json!({ "run_id": run, "metrics": points, "params": params })).await;
        post(source, "runs/outputs", json!({ "run_id": run, "models": [{ "model_id": model, "step": 3 }] }))
            .await;
        post(source, "runs/update", json!({ "run_id": run, "status": "FINISHED", "end_time": 500 })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_requests_are_not_refused() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    seed_points_of_models(&source, 12).await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    with_kills(&mlferry, &import).await;
    assert_eq!(differences(&source, &target).await, [""; 0]);
    // All data has arrived. With --update, everything is read again, also without a journal.
    let again = [import.as_slice(), &["--update"]].concat();
    for mlferry in [mlferry, Mlferry::new()] {
        let counts = &mlferry.run(&again).await.exits(0).outcome()["counts"]["runs"];
        assert_eq!((&counts["done"], &counts["failed"]), (&12.into(), &0.into()), "{counts}");
        assert_eq!(differences(&source, &target).await, [""; 0]);
    }
}
