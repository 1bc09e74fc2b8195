//! Artifacts in S3: read and written directly, or copied by S3 itself. MLflow's own client and boto3 check the result.

mod copies;
mod denied;
mod everything;
mod outage;
mod parts;
mod reading;
mod seed;
mod shapes;

use std::process::Stdio;

use crate::support::aws::{FakeAws, Profile};
use crate::support::{Mlferry, Ran, TestServer, differences};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// Runs the program with the cloud's credentials.
async fn run(cloud: &FakeAws, mlferry: &Mlferry, args: &[&str]) -> Ran {
    Ran::of(cloud.mlferry(mlferry, args)).await
}

async fn import(cloud: &FakeAws, source: &TestServer, target: &TestServer) -> Ran {
    run(cloud, &Mlferry::new(), &["import", "--source", source.url(), "--target", target.url(), "--json"])
        .await
}

async fn is_the_same(cloud: &FakeAws, source: &TestServer, target: &TestServer) {
    let ends = ["validate", "--source", source.url(), "--target", target.url()];
    run(cloud, &Mlferry::new(), &[&ends[..], &["--artifacts", "checksum"]].concat()).await.exits(0);
    assert_eq!(differences(source, target).await, [""; 0]);
}

fn notes(ran: &Ran) -> Vec<String> {
    let lines = ran.lines();
    let notes = lines.iter().filter(|line| line["type"] == "note");
    notes.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

/// The objects below a prefix of the bucket, and the unfinished uploads, as boto3 reports them.
async fn seen(cloud: &FakeAws, prefix: &str) -> Value {
    let output = cloud.python("cloud_objects.py", &["see", &cloud.store(prefix)]).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The number of unfinished uploads.
async fn unfinished(cloud: &FakeAws, prefix: &str) -> usize {
    seen(cloud, prefix).await["unfinished"].as_array().unwrap().len()
}

/// Only S3 reports to these requests that the session has expired. The command waits for another session and continues.
async fn waits_for_a_session(cloud: &FakeAws, mlferry: &Mlferry, command: &[&str], requests: &str) {
    let profile = Profile::new(&cloud.sandbox.facts.region, &cloud.sandbox.env());
    let body = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
    let ended = json!({ "plane": "aws", "match": requests, "status": 400, "body": body });
    cloud.faults(&json!({ "answers": [ended] }));
    let mut command = cloud.mlferry(mlferry, command);
    profile.lead(&mut command);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
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
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    let count = |kind: &str| seen.iter().filter(|one| *one == kind).count();
    assert_eq!((count("waiting"), count("resumed")), (1, 1), "{seen:?}");
}
