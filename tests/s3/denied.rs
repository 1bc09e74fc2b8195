//! A bucket that may not be written to, and credentials that S3 finds expired.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::seed::{bytes, model_with, run_with};
use crate::support::aws::{Cloud, Profile};
use crate::support::{Mlferry, Ran, Real, TARGET};
use crate::{run, seen};

#[tokio::test(flavor = "multi_thread")]
async fn what_s3_refuses_goes_by_signed_uploads_or_is_told_and_arrives_once_it_may() {
    let (cloud, source) = futures::join!(Cloud::start(), Real::start(TARGET));
    let app = cloud.app("denied").await;
    let files = [("weights.bin", bytes((9 << 20) + 1)), ("é+1/metrics.json", b"{}".to_vec())];
    let experiment = run_with(&source, "denied", &files).await;
    model_with(&source, &experiment, &[("MLmodel.txt", b"of a model".to_vec())]).await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", &app, "--json"];
    let stranger = cloud.stranger("sagemaker:CallMlflowAppApi").await;
    let as_stranger = async || {
        let mut command = cloud.mlferry(&mlferry, &import);
        command.envs(stranger.clone());
        Ran::of(command).await.exits(3)
    };

    // Neither S3 nor the App takes them.
    let refused = failures(&as_stranger().await);
    assert_eq!(refused.len(), 3, "{refused:?}");
    for failure in &refused {
        let hint = failure["hint"].as_str().unwrap();
        assert!(hint.contains("\"Action\": \"s3:PutObject\""), "{failure}");
    }
    assert_eq!(seen(&cloud, "denied").await["objects"], json!({}));

    // The App signs uploads for runs, and for nothing else.
    cloud.faults(&json!({ "presigned_upload": true }));
    let refused = failures(&as_stranger().await);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["name"].as_str().unwrap().ends_with("MLmodel.txt"), "{refused:?}");
    assert_eq!(seen(&cloud, "denied").await["objects"].as_object().unwrap().len(), 2);

    waited_for(&cloud, &mlferry, &import).await;
    cloud.no_faults();
    let ends = ["--source", source.url(), "--target", &app];
    run(&cloud, &mlferry, &[&["validate", "--artifacts", "checksum"], &ends[..]].concat()).await.exits(0);
}

fn failures(ran: &Ran) -> Vec<Value> {
    let lines = ran.lines();
    lines.into_iter().filter(|line| line["type"] == "item_failed" && line["kind"] == "artifact").collect()
}

/// S3 says that the session has ended, and nobody else does: the import waits for another one and goes on.
async fn waited_for(cloud: &Cloud, mlferry: &Mlferry, import: &[&str]) {
    let profile = Profile::new(&cloud.sandbox.facts.region, &cloud.sandbox.env());
    let body = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
    let ended = json!({ "plane": "aws", "match": "^PUT ", "status": 400, "body": body });
    cloud.faults(&json!({ "answers": [ended] }));
    let mut import = cloud.mlferry(mlferry, import);
    profile.lead(&mut import);
    let mut import = import.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(import.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let line: Value = serde_json::from_str(&line).unwrap();
        match line["type"].as_str().unwrap() {
            "waiting" => {
                cloud.no_faults();
                profile.give(&cloud.renewed().await);
            }
            "item_failed" | "error" => panic!("{line}"),
            _ => {}
        }
        seen.push(line["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(import.wait().await.unwrap().code(), Some(0));
    let count = |kind: &str| seen.iter().filter(|one| *one == kind).count();
    assert_eq!((count("waiting"), count("resumed")), (1, 1), "{seen:?}");
}
