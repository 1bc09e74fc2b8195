//! Managed MLflow as a normal end: signed requests to the sandbox's Apps and tracking servers, credentials that expire
//! during a job, wrong clocks, and the messages when AWS refuses.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::aws::{FakeAws, Profile};
use crate::support::{Mlferry, Ran, TARGET, TestServer};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Characters that are difficult to sign: a space, a plus, a slash, a percent sign, an umlaut.
const NAME: &str = "exp a+b/c %20 é";

/// Runs without files, because files use another path.
async fn seeded(runs: usize) -> TestServer {
    let source = TestServer::start(TARGET).await;
    let post = |route: &str, body: Value| {
        let call =
            reqwest::Client::new().post(format!("{}/api/2.0/mlflow/{route}", source.url())).json(&body);
        async move {
            let answer = call.send().await.unwrap().error_for_status().unwrap();
            answer.json::<Value>().await.unwrap()
        }
    };
    let tags = json!([{ "key": "a b/c", "value": "d+e é" }]);
    let made = post("experiments/create", json!({ "name": NAME, "tags": tags })).await;
    for n in 0..runs {
        // Only the creation of a run accepts the second name.
        let tags = json!([tags[0], { "key": "a b/../c%25", "value": "ü" }]);
        let run = json!({ "experiment_id": made["experiment_id"], "run_name": format!("run {n}"), "start_time": n, "tags": tags });
        let run = post("runs/create", run).await;
        let points: Vec<Value> = (0..50)
            .map(|step| json!({ "key": "loss/a b", "value": 0.5, "timestamp": step, "step": step }))
            .collect();
        let params = json!([{ "key": "lr", "value": "0.1" }]);
        let id = &run["run"]["info"]["run_id"];
        post("runs/log-batch", json!({ "run_id": id, "metrics": points, "params": params })).await;
    }
    source
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_and_a_tracking_server_are_ends_like_any_other() {
    let (cloud, source) = futures::join!(FakeAws::start(), seeded(12));
    let (app, server) = futures::join!(cloud.app("ends"), cloud.tracking_server("ends"));
    let mlferry = Mlferry::new();
    let run = async |args: &[&str]| Ran::of(cloud.mlferry(&mlferry, args)).await;

    let checked = run(&["check", "--source", source.url(), "--target", &app, "--json"]).await.exits(0);
    assert!(checked.stdout.contains("\"version\":\"3.10.1\""), "{}", checked.stdout);
    // From a server into the App, and from there into the tracking server, so that each is read and written.
    for (from, to) in [(source.url(), app.as_str()), (app.as_str(), server.as_str())] {
        run(&["plan", "--source", from]).await.exits(0);
        let outcome = run(&["import", "--source", from, "--target", to, "--json"]).await.exits(0).outcome();
        assert_eq!(outcome["counts"]["runs"]["done"], 12, "{outcome}");
        assert_eq!(outcome["points"], 600, "{outcome}");
        run(&["validate", "--source", from, "--target", to]).await.exits(0);
        // Imports again without the journal: nothing is duplicated, as the count below shows.
        let import = ["import", "--source", from, "--target", to];
        Ran::of(cloud.mlferry(&Mlferry::new(), &import)).await.exits(0);
    }
    // The official client finds the runs.
    for arn in [&app, &server] {
        let seen = cloud.python("cloud_runs.py", &[arn, NAME]).await;
        assert_eq!(String::from_utf8(seen.stdout).unwrap().trim(), "12 runs, 600 points");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_a_gateway_refuses_are_halved() {
    let (cloud, source) = futures::join!(FakeAws::start(), seeded(2));
    let app = cloud.app("small").await;
    let refusal =
        json!({ "plane": "data", "match": "log-batch", "min_bytes": 2_000, "status": 413, "body": "<html>" });
    cloud.faults(&json!({ "answers": [refusal] }));
    let ends = ["--source", source.url(), "--target", &app];
    let mlferry = Mlferry::new();
    let import = [&["import"], &ends[..]].concat();
    Ran::of(cloud.mlferry(&mlferry, &import)).await.exits(0);
    let validate = [&["validate"], &ends[..]].concat();
    Ran::of(cloud.mlferry(&mlferry, &validate)).await.exits(0);
}

/// If an App does not report its version, the program finds out its features in other ways.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_a_version_works() {
    let cloud = FakeAws::start().await;
    let app = cloud.app("silent").await;
    let mlferry = Mlferry::new();
    for status in [403, 404] {
        let silent =
            json!({ "plane": "data", "match": "/version", "status": status, "body": "{\"message\":\"no\"}" });
        cloud.faults(&json!({ "answers": [silent] }));
        let told = Ran::of(cloud.mlferry(&mlferry, &["check", "--source", &app, "--json"])).await.exits(0);
        assert!(told.stdout.contains("\"version\":\"3.10.1\""), "the control plane tells: {}", told.stdout);
        let nobody = json!({ "answers": [silent], "deny": ["sagemaker:DescribeMlflowApp"] });
        cloud.faults(&nobody);
        let told = Ran::of(cloud.mlferry(&mlferry, &["check", "--source", &app, "--json"])).await.exits(0);
        for can in
            ["datasets", "prompts", "logged_models", "evaluation", "traces", "third_traces", "trace_links"]
        {
            assert!(told.stdout.contains(&format!("\"{can}\":true")), "{can}: {}", told.stdout);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_corrected() {
    let cloud = FakeAws::start().await;
    let app = cloud.app("clock").await;
    let mlferry = Mlferry::new();
    for ahead in [1_200, -1_200] {
        cloud.faults(&json!({ "clock_skew_seconds": ahead }));
        let told = Ran::of(cloud.mlferry(&mlferry, &["check", "--source", &app])).await.exits(0);
        assert!(!told.stderr.contains("error"), "{}", told.stderr);
    }
    let log = std::fs::read_to_string(mlferry.state.path().join("mlferry.log")).unwrap();
    assert!(log.contains("clock is"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_end_on_the_way_are_waited_for() {
    let (cloud, source) = futures::join!(FakeAws::start(), seeded(40));
    let app = cloud.app("renewed").await;
    let mlferry = Mlferry::new();
    let profile = Profile::new(&cloud.sandbox.facts.region, &cloud.sandbox.env());
    let mut import =
        cloud.mlferry(&mlferry, &["import", "--source", source.url(), "--target", &app, "--json"]);
    profile.lead(&mut import);
    let mut import = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(import.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let line: Value = serde_json::from_str(&line).unwrap();
        let kind = line["type"].as_str().unwrap().to_owned();
        match kind.as_str() {
            "item_started" if !seen.contains(&kind) => cloud.expire(),
            "waiting" => {
                assert!(
                    line["renew"].as_str().unwrap().contains("credential_process of profile mig"),
                    "{line}"
                );
                profile.give(&cloud.renewed().await);
            }
            "item_failed" | "error" => panic!("{line}"),
            _ => {}
        }
        seen.push(kind);
    }
    assert_eq!(import.wait().await.unwrap().code(), Some(0));
    let count = |kind: &str| seen.iter().filter(|one| *one == kind).count();
    assert_eq!((count("waiting"), count("resumed")), (1, 1));
    let mut validate = cloud.mlferry(&mlferry, &["validate", "--source", source.url(), "--target", &app]);
    profile.lead(&mut validate);
    Ran::of(validate).await.exits(0);

    // Read-only commands do not wait.
    let facts = cloud.renewed().await;
    let key = facts.iter().find(|(name, _)| name == "AWS_ACCESS_KEY_ID").unwrap().1.clone();
    profile.give(&facts);
    cloud.faults(&json!({ "expired": [key] }));
    let mut check = cloud.mlferry(&mlferry, &["check", "--target", &app, "--source", source.url()]);
    profile.lead(&mut check);
    let told = Ran::of(check).await.exits(1);
    assert!(told.stderr.contains("credential_process of profile mig"), "{}", told.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_the_environment_end_the_job_and_the_next_one_continues() {
    let (cloud, source) = futures::join!(FakeAws::start(), seeded(40));
    let app = cloud.app("continued").await;
    let mlferry = Mlferry::new();
    let args = ["import", "--source", source.url(), "--target", &app, "--json"];
    let mut import = cloud.mlferry(&mlferry, &args);
    let mut import = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(import.stdout.take().unwrap()).lines();
    let (mut last, mut expired) = (Value::Null, false);
    while let Some(line) = lines.next_line().await.unwrap() {
        last = serde_json::from_str(&line).unwrap();
        if !expired && last["type"] == "item_started" {
            cloud.expire();
            expired = true;
        }
    }
    assert_eq!(import.wait().await.unwrap().code(), Some(1), "{last}");
    assert_eq!(last["type"], "error", "{last}");
    let hint = last["hint"].as_str().unwrap();
    assert!(hint.contains("export new AWS_ACCESS_KEY_ID") && hint.contains("same command again"), "{last}");
    let mut again = cloud.mlferry(&mlferry, &args);
    again.envs(cloud.renewed().await);
    let outcome = Ran::of(again).await.exits(0).outcome();
    assert_eq!(outcome["counts"]["runs"]["planned"], 40, "{outcome}");
    let mut validate = cloud.mlferry(&mlferry, &["validate", "--source", source.url(), "--target", &app]);
    validate.envs(cloud.renewed().await);
    Ran::of(validate).await.exits(0);
}

/// The output for the user, with the values that change from run to run replaced.
async fn said(command: &mut Command) -> String {
    let ran = Ran::of(command).await;
    format!("exit {}\n{}{}", ran.code.unwrap(), ran.stdout, ran.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_aws_have_hints() {
    let cloud = FakeAws::start().await;
    let (app, server) = futures::join!(cloud.app("refused"), cloud.tracking_server("refused"));
    let mlferry = Mlferry::new();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("app-[A-Z0-9]{12}", "app-ID");
    settings.add_filter("request id [0-9a-f-]+", "request id ID");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(r"\d{8}T\d{6}Z", "TIME");
    settings.add_filter(r"dns error|failed to lookup address information: [^\n]*", "no such host");
    let _bound = settings.bind_to_scope();
    let check = |arn: &str| cloud.mlferry(&mlferry, &["check", "--source", arn]);
    let answer = |status: u16, body: &str| {
        let always =
            json!({ "plane": "data", "match": "experiments/search", "status": status, "body": body });
        cloud.faults(&json!({ "answers": [always] }));
    };

    cloud.faults(&json!({ "deny": ["sagemaker:CallMlflowAppApi", "sagemaker-mlflow:CallApi"] }));
    assert_snapshot!("app_forbidden", said(&mut check(&app)).await);
    assert_snapshot!("server_forbidden", said(&mut check(&server)).await);
    answer(403, "");
    assert_snapshot!("server_forbidden_for_one_call", said(&mut check(&server)).await);
    cloud.expire();
    assert_snapshot!("expired", said(&mut check(&app)).await);
    cloud.no_faults();
    assert_snapshot!("wrong_secret", said(check(&app).env("AWS_SECRET_ACCESS_KEY", "wrong")).await);
    assert_snapshot!("unknown_key", said(check(&app).env("AWS_ACCESS_KEY_ID", "ASIANOBODY")).await);
    assert_snapshot!("no_session_token", said(check(&app).env_remove("AWS_SESSION_TOKEN")).await);
    let mut nobody = check(&app);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        nobody.env_remove(name);
    }
    nobody.env("AWS_CONFIG_FILE", "/nowhere").env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    assert_snapshot!("no_credentials", said(&mut nobody).await);
    answer(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
    assert_snapshot!("throttled", said(&mut check(&app)).await);
    answer(503, "");
    assert_snapshot!("unavailable", said(&mut check(&app)).await);
    cloud.no_faults();
    let gone = format!("{}000000000000", &app[..app.len() - 12]);
    assert_snapshot!("another_app", said(&mut check(&gone)).await);
    let nowhere = app.replace(&cloud.sandbox.facts.region, "xx-nowhere-1");
    assert_snapshot!("another_region", said(&mut check(&nowhere)).await);
    assert_snapshot!("no_route", said(check(&nowhere).env_remove("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT")).await);
    let endpoint = async |url: &str| said(check(&app).env("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", url)).await;
    assert_snapshot!("a_bad_endpoint", endpoint("ftp://x").await);
    assert_snapshot!("an_endpoint_without_a_server", endpoint("http://127.0.0.1:1").await);
    let other = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404).set_body_string("<html>")).mount(&other).await;
    assert_snapshot!("an_endpoint_of_something_else", endpoint(&other.uri()).await);
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    std::fs::read_dir(path).unwrap().flat_map(|entry| files_below(&entry.unwrap().path())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_written() {
    let (cloud, source) = futures::join!(FakeAws::start(), seeded(3));
    let app = cloud.app("secrets").await;
    let mlferry = Mlferry::new();
    let report = mlferry.state.path().join("report.json");
    let report = report.to_str().unwrap();
    let ends = ["--source", source.url(), "--target", &app];
    let mut said = String::new();
    for (args, code) in [
        (vec!["check", "--verbose"], 0),
        (vec!["import", "--json", "--verbose"], 0),
        (vec!["validate", "--report", report], 0),
        (vec!["check", "--verbose"], 1),
    ] {
        let mut command = cloud.mlferry(&mlferry, &[&args[..], &ends].concat());
        if code == 1 {
            cloud.expire();
        }
        let ran = Ran::of(command.env("MLFERRY_LOG", "trace")).await.exits(code);
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
    }
    let session = &cloud.sandbox.facts.session;
    let files = files_below(mlferry.state.path());
    assert!(files.len() > 3, "log, journal, report, id map: {files:?}");
    let texts = files.iter().map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned());
    for text in texts.chain([said]) {
        for secret in [session.secret.as_str(), &session.token, "Signature=", "AWS4-HMAC"] {
            assert!(!text.contains(secret), "{secret} in {}", &text[..text.len().min(2_000)]);
        }
    }
}
