//! S3 becomes unavailable while files are copied.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::seed::{bytes, run_with};
use super::{is_the_same, run};
use crate::support::aws::FakeAws;
use crate::support::{Mlferry, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_s3_is_waited_for_and_fails_nothing() {
    let cloud = FakeAws::start().await;
    let (source, target) =
        futures::join!(TestServer::in_s3(&cloud, "source"), TestServer::in_s3(&cloud, "target"));
    let files = [("weights.bin", bytes((9 << 20) + 1)), ("metrics.json", b"{}".to_vec())];
    run_with(&source, "in s3", &files).await;

    let mlferry = Mlferry::new();
    let archive = mlferry.state.path().join("archive");
    let archive = archive.to_str().unwrap();
    let export = ["export", "--source", source.url(), "--output-dir", archive, "--json"];
    run(&cloud, &mlferry, &export).await.exits(0);
    let import = ["import", "--source", archive, "--target", target.url(), "--json"];
    waits_for_s3(&cloud, &mlferry, &import, "^PUT .*/weights.bin").await;
    is_the_same(&cloud, &source, &target).await;
}

/// A gateway answers these requests and the check of the bucket instead of S3. The command reports this, waits, and
/// continues when S3 responds again.
async fn waits_for_s3(cloud: &FakeAws, mlferry: &Mlferry, command: &[&str], requests: &str) {
    let gone = |requests: &str| json!({ "plane": "aws", "match": requests, "status": 503, "body": "<html>" });
    cloud.faults(&json!({ "answers": [gone(requests), gone("^HEAD /[^/?]+/?$")] }));
    let mut child = cloud.mlferry(mlferry, command).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let line: Value = serde_json::from_str(&line).unwrap();
        let kind = line["type"].as_str().unwrap();
        match kind {
            "server_gone" => {
                assert_eq!(line["end"], "target", "{line}");
                assert!(line["reason"].as_str().unwrap().contains("store"), "{line}");
                cloud.no_faults();
            }
            "item_failed" | "error" => panic!("{line}"),
            _ => {}
        }
        seen.push(kind.to_owned());
    }
    assert_eq!(child.wait().await.unwrap().code(), Some(0), "{seen:?}");
    let count = |kind: &str| seen.iter().filter(|one| *one == kind).count();
    assert_eq!((count("server_gone"), count("server_back")), (1, 1), "{seen:?}");
}
