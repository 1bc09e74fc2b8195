//! A bucket without write permission, and credentials that S3 reports as expired.

use serde_json::{Value, json};

use super::seed::{bytes, model_with, run_with};
use super::{run, seen, waits_for_a_session};
use crate::support::aws::FakeAws;
use crate::support::{Mlferry, Ran, TARGET, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_s3_refuses_use_signed_urls_or_are_reported() {
    let (cloud, source) = futures::join!(FakeAws::start(), TestServer::start(TARGET));
    let (app, plain) = futures::join!(cloud.app("denied"), TestServer::in_s3(&cloud, "plain"));
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

    // Both S3 and the App refuse the files.
    let refused = failures(&as_stranger().await);
    assert_eq!(refused.len(), 3, "{refused:?}");
    for failure in &refused {
        let hint = failure["hint"].as_str().unwrap();
        assert!(hint.contains("\"Action\": \"s3:PutObject\""), "{failure}");
    }
    assert_eq!(seen(&cloud, "denied").await["objects"], json!({}));

    // The App signs uploads only for runs.
    cloud.faults(&json!({ "presigned_upload": true }));
    let refused = failures(&as_stranger().await);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["name"].as_str().unwrap().ends_with("MLmodel.txt"), "{refused:?}");
    assert_eq!(seen(&cloud, "denied").await["objects"].as_object().unwrap().len(), 2);

    waits_for_a_session(&cloud, &mlferry, &import, "^PUT ").await;
    // If AWS does not see the requests to a server, only S3 can report expired credentials.
    let import = ["import", "--source", source.url(), "--target", plain.url(), "--json"];
    waits_for_a_session(&cloud, &mlferry, &import, "^PUT ").await;
    for target in [&app, plain.url()] {
        let ends = ["--source", source.url(), "--target", target];
        run(&cloud, &mlferry, &[&["validate", "--artifacts", "checksum"], &ends[..]].concat()).await.exits(0);
    }
}

fn failures(ran: &Ran) -> Vec<Value> {
    let lines = ran.lines();
    lines.into_iter().filter(|line| line["type"] == "item_failed" && line["kind"] == "artifact").collect()
}
