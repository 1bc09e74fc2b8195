//! Artifacts in S3: read and written straight there, copied by S3 itself, judged through MLflow's own client and boto3.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

#[path = "../support/mod.rs"]
mod support;

mod copies;
mod denied;
mod everything;
mod parts;
mod reading;
mod seed;

use serde_json::Value;
use support::aws::Cloud;
use support::{Mlferry, Ran, Real, differences};

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
