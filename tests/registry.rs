//! The model registry on real servers: what is chosen, what it needs, and what is never overwritten.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

mod support;

use serde_json::{Value, json};
use support::{Mlferry, Real, TARGET};

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

async fn version(url: &str, name: &str, source: &str) {
    post(url, "model-versions/create", json!({ "name": name, "source": source })).await;
}

async fn alias(url: &str, name: &str, alias: &str, version: &str) {
    post(url, "registered-models/alias", json!({ "name": name, "alias": alias, "version": version })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_has_under_the_same_name_is_never_overwritten() {
    let (source, target) = futures::join!(Real::start(TARGET), Real::start(TARGET));
    for (url, bucket) in [(source.url(), "s3://ours/a"), (target.url(), "s3://theirs/a")] {
        post(url, "registered-models/create", json!({ "name": "churn" })).await;
        version(url, "churn", bucket).await;
    }
    version(source.url(), "churn", "s3://ours/b").await;
    alias(source.url(), "churn", "champion", "2").await;
    alias(target.url(), "churn", "champion", "1").await;
    for (url, text) in [(source.url(), "ours"), (target.url(), "theirs")] {
        let tags = |text: &str| {
            let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
            json!([pair("mlflow.prompt.is_prompt", "true"), pair("mlflow.prompt.text", text)])
        };
        post(url, "registered-models/create", json!({ "name": "greeting", "tags": tags("") })).await;
        let version = json!({ "name": "greeting", "source": "prompt-template", "tags": tags(text) });
        post(url, "model-versions/create", version).await;
    }
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];

    let ran = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(3);
    let outcome = ran.outcome();
    assert_eq!(outcome["counts"]["model_versions"]["failed"], 1, "{outcome}");
    assert_eq!(outcome["counts"]["model_versions"]["done"], 1, "{outcome}");
    assert_eq!(
        outcome["counts"]["prompt_versions"]["failed"], 1,
        "a prompt's text is in its tags: {outcome}"
    );
    let mut lines = ran.lines().into_iter();
    let failed = lines.find(|line| line["type"] == "item_failed" && line["kind"] == "model_version").unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("s3://theirs/a"), "{failed}");
    assert!(failed["hint"].is_string(), "{failed}");
    assert!(outcome["notes"][0].as_str().unwrap().contains("champion"), "{outcome}");

    let found = mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(4).outcome();
    assert_eq!(found["comparison"]["model_versions"]["differs"], 1, "{found}");
    assert_eq!(found["comparison"]["model_versions"]["same"], 1, "{found}");
    assert_eq!(found["comparison"]["registered_models"]["differs"], 1, "{found}");

    // Under a name of its own it is no conflict.
    let names = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(names.path(), "churn,\"churn, ours\"\ngreeting,our greeting\n").unwrap();
    let rename = ["--model-rename-file", names.path().to_str().unwrap()];
    let ran = mlferry.run(&[&["import"], &ends[..], &rename[..]].concat()).await.exits(0);
    assert_eq!(ran.outcome()["counts"]["model_versions"]["done"], 2, "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_model_brings_the_runs_that_its_versions_need_and_nothing_else() {
    let (source, target) = futures::join!(Real::start(TARGET), Real::start(TARGET));
    let url = source.url();
    let one = post(url, "experiments/create", json!({ "name": "trained" })).await;
    let mut runs = Vec::new();
    for name in ["registered", "not registered"] {
        let run = json!({ "experiment_id": one["experiment_id"], "run_name": name, "start_time": 1 });
        runs.push(post(url, "runs/create", run).await["run"]["info"].clone());
    }
    for name in ["wanted", "unwanted"] {
        post(url, "registered-models/create", json!({ "name": name })).await;
    }
    let source_uri = format!("{}/model", runs[0]["artifact_uri"].as_str().unwrap());
    let body = json!({ "name": "wanted", "source": source_uri, "run_id": runs[0]["run_id"] });
    post(url, "model-versions/create", body).await;
    let mlferry = Mlferry::new();

    let planned = mlferry.run(&["plan", "--source", url, "--models", "wanted"]).await.exits(0);
    assert!(planned.stdout.contains("needed by wanted/1"), "{}", planned.stdout);
    let import = ["import", "--source", url, "--target", target.url(), "--models", "wanted", "--json"];
    let outcome = mlferry.run(&import).await.exits(0).outcome();
    let counts = &outcome["counts"];
    let done =
        ["experiments", "runs", "registered_models", "model_versions"].map(|kind| &counts[kind]["done"]);
    assert_eq!(done, [1, 1, 1, 1], "{outcome}");
    let validate = ["validate", "--source", url, "--target", target.url(), "--models", "wanted"];
    mlferry.run(&validate).await.exits(0);
    let unknown = ["plan", "--source", url, "--models", "gone*"];
    assert!(mlferry.run(&unknown).await.exits(2).stderr.contains("gone*"));
}
