//! Artifacts in S3: read and written straight there, copied by S3 itself, judged through MLflow's own client and boto3.

mod copies;
mod denied;
mod everything;
mod outage;
mod parts;
mod reading;
mod seed;
mod shapes;

use std::process::Stdio;

use crate::support::aws::{Cloud, Profile};
use crate::support::{Mlferry, Ran, Real, differences};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// Runs the program with the cloud's credentials.
async fn run(cloud: &Cloud, mlferry: &Mlferry, args: &[&str]) -> Ran {
    Ran::of(cloud.mlferry(mlferry, args)).await
}

async fn import(cloud: &Cloud, source: &Real, target: &Real) -> Ran {
    run(cloud, &Mlferry::new(), &["import", "--source", source.url(), "--target", target.url(), "--json"])
        .await
}

async fn is_the_same(cloud: &Cloud, source: &Real, target: &Real) {
    let ends = ["validate", "--source", source.url(), "--target", target.url()];
    run(cloud, &Mlferry::new(), &[&ends[..], &["--artifacts", "checksum"]].concat()).await.exits(0);
    assert_eq!(differences(source, target).await, [""; 0]);
}

fn notes(ran: &Ran) -> Vec<String> {
    let lines = ran.lines();
    let notes = lines.iter().filter(|line| line["type"] == "note");
    notes.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

/// What boto3 says of all that is below a prefix of the bucket, and of uploads that nobody has finished.
async fn seen(cloud: &Cloud, prefix: &str) -> Value {
    let output = cloud.python("cloud_objects.py", &["see", &cloud.store(prefix)]).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How many uploads nobody has finished.
async fn unfinished(cloud: &Cloud, prefix: &str) -> usize {
    seen(cloud, prefix).await["unfinished"].as_array().unwrap().len()
}

/// S3 says to these requests that the session has ended, and nobody else does: the command waits for another one and
/// goes on.
async fn waits_for_a_session(cloud: &Cloud, mlferry: &Mlferry, command: &[&str], requests: &str) {
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
