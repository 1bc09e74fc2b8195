//! Two sources with a registered model and a prompt of the same name, in one target: the versions of the second source
//! are appended.

use serde_json::{Value, json};

use crate::registry::{alias, churn, post, version, versions};
use crate::support::{Mlferry, NEWEST, TARGET, TestServer};

async fn delete(url: &str, name: &str, number: &str) {
    let route = format!("{url}/api/2.0/mlflow/model-versions/delete");
    let version = json!({ "name": name, "version": number });
    let answer = reqwest::Client::new().delete(route).json(&version).send().await.unwrap();
    assert!(answer.status().is_success());
}

/// Fills a server with `churn`: versions 1, 2 and 4, and with a model that has a copy of version 4. Version 3 was
/// deleted.
async fn fill(url: &str, bucket: &str) {
    post(url, "registered-models/create", json!({ "name": "churn", "description": bucket })).await;
    for number in 1..=4 {
        version(url, "churn", &format!("s3://{bucket}/{number}")).await;
    }
    delete(url, "churn", "3").await;
    let copy = format!("copy of {bucket}");
    post(url, "registered-models/create", json!({ "name": copy })).await;
    version(url, &copy, "models:/churn/4").await;
    let tags = |text: &str| {
        let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
        json!([pair("mlflow.prompt.is_prompt", "true"), pair("mlflow.prompt.text", text)])
    };
    post(url, "registered-models/create", json!({ "name": "greeting", "tags": tags("") })).await;
    let prompt = json!({ "name": "greeting", "source": "prompt-template", "tags": tags(bucket) });
    post(url, "model-versions/create", prompt).await;
}

async fn shown(server: &TestServer) -> Value {
    let done = server.python("show_versions.py", &[server.url(), "churn"]).await;
    serde_json::from_slice(&done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_a_second_source_are_appended_once_and_found_again() {
    for release in [TARGET, NEWEST] {
        second_source(release).await;
    }
}

async fn second_source(release: &str) {
    let (first, second, target) =
        futures::join!(TestServer::start(TARGET), TestServer::start(TARGET), TestServer::start(release));
    // One after the other: the time of its creation tells whose model it is.
    fill(first.url(), "first").await;
    fill(second.url(), "second").await;
    alias(first.url(), "churn", "champion", "2").await;
    alias(second.url(), "churn", "champion", "1").await;
    alias(second.url(), "churn", "challenger", "4").await;
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let run = async |step: &str, source: &str, more: &[&str]| {
        let ends = [step, "--source", source, "--target", target.url(), "--json"];
        mlferry.run(&[&ends[..], more].concat()).await
    };
    run("import", first.url(), &[]).await.exits(0);
    // Without the option, every version is a conflict.
    let ran = run("import", second.url(), &[]).await.exits(3);
    let hints = ran.lines().into_iter().filter(|line| line["type"] == "item_failed");
    let hints: Vec<String> = hints.map(|line| line["hint"].to_string()).collect();
    let appending = hints.iter().filter(|hint| hint.contains("--append-versions")).count();
    assert_eq!((hints.len(), appending), (5, 4), "churn/1, 2 and 4, its copy, greeting/1: {hints:?}");
    assert!(
        versions(target.url(), "copy of second").await.is_empty(),
        "it would be a copy of another version"
    );

    let outcome = run("import", second.url(), &["--append-versions"]).await.exits(0).outcome();
    let notes = outcome["notes"].to_string();
    for note in [
        "versions 1-2 of the source are versions 5-6 on the target, version 4 of the source is version 8",
        "\\\"greeting\\\": version 1 of the source is version 2 on the target",
        "the alias champion points to version 2 on the target, not 5; it was not changed",
    ] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    let expected = json!({
        "versions": {
            "1": "s3://first/1", "2": "s3://first/2", "4": "s3://first/4",
            "5": "s3://second/1", "6": "s3://second/2", "8": "s3://second/4",
        },
        "aliases": { "champion": 2, "challenger": 8 },
    });
    assert_eq!(shown(&target).await, expected);
    let there = churn(target.url()).await;
    assert_eq!(there["description"], "first", "the target's own description stays");
    let copies =
        [versions(target.url(), "copy of first").await, versions(target.url(), "copy of second").await];
    assert_eq!(copies.map(|copies| copies[0]["source"].clone()), ["models:/churn/4", "models:/churn/8"]);

    // Another import, also without the option and from a directory, finds the same versions.
    let archive = folder.path().join("export");
    let archive = archive.to_str().unwrap();
    mlferry.run(&["export", "--source", second.url(), "--output-dir", archive]).await.exits(0);
    for (source, more) in
        [(second.url(), &[][..]), (archive, &["--append-versions"]), (archive, &[]), (first.url(), &[])]
    {
        let outcome = run("import", source, more).await.exits(0).outcome();
        assert_eq!(outcome["counts"]["model_versions"]["done"], 0, "{source} {more:?}: {outcome}");
    }
    assert_eq!(shown(&target).await, expected);

    // Only the values that the target keeps as its own are different, and with the option they are not compared.
    let shared = run("validate", second.url(), &["--append-versions"]).await.exits(0).outcome();
    assert!(shared.to_string().contains("other values of models"), "{shared}");
    let found = run("validate", second.url(), &[]).await.exits(4);
    let different = found.lines().into_iter().filter(|line| line["type"] == "difference");
    let different: Vec<String> = different
        .flat_map(|line| line["fields"].as_array().cloned().unwrap_or_default())
        .map(|field| field["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(different, ["description", "alias champion"], "{}", found.stdout);
    let found = found.outcome();
    assert_eq!(found["comparison"]["model_versions"], json!({ "same": 4 }), "{found}");
    assert_eq!(found["comparison"]["prompt_versions"], json!({ "same": 1 }), "{found}");

    // A new version of the source gets the number after its earlier ones.
    version(second.url(), "churn", "s3://second/5").await;
    run("import", second.url(), &[]).await.exits(0);
    let last = versions(target.url(), "churn").await.pop().unwrap();
    assert_eq!((&last["version"], &last["source"]), (&json!("9"), &json!("s3://second/5")));
}

/// A model that was made by hand: the target knows that version 3 was used, but does not show it. Version 1 has the same
/// content as the source's version 1.
#[tokio::test(flavor = "multi_thread")]
async fn versions_are_appended_after_a_deleted_last_version() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    for (url, bucket) in [(source.url(), "ours"), (target.url(), "theirs")] {
        post(url, "registered-models/create", json!({ "name": "churn" })).await;
        version(url, "churn", "s3://both/1").await;
        version(url, "churn", &format!("s3://{bucket}/2")).await;
    }
    version(target.url(), "churn", "s3://theirs/3").await;
    delete(target.url(), "churn", "3").await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let appended = [&import[..], &["--append-versions"]].concat();
    let outcome = mlferry.run(&appended).await.exits(0).outcome();
    let notes = outcome["notes"].to_string();
    assert!(notes.contains("version 2 of the source is version 4 on the target"), "{notes}");
    for again in [&appended[..], &import] {
        mlferry.run(again).await.exits(0);
        let there = versions(target.url(), "churn").await;
        let numbers: Vec<_> = there.iter().map(|version| version["version"].as_str().unwrap()).collect();
        assert_eq!(numbers, ["1", "2", "4"]);
    }
    let validate = ["validate", "--source", source.url(), "--target", target.url(), "--json"];
    let found = mlferry.run(&validate).await.exits(0).outcome();
    assert_eq!(found["comparison"]["model_versions"], json!({ "same": 2 }), "{found}");
}
