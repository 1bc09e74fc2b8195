//! Artifacts in S3: read and written straight there, copied by S3 itself, judged through MLflow's own client and boto3.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

mod support;

use serde_json::json;
use support::aws::Cloud;
use support::{Mlferry, Ran, Real, TARGET, differences};

const EVERYTHING: [&str; 2] = ["--all", "--names"];

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

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_s3_from_there_in_s3_and_from_there_behind_a_proxy() {
    let cloud = Cloud::start().await;
    let (first, second) = futures::join!(Real::start(TARGET), Real::in_s3(&cloud, "second"));
    first.awkward(&EVERYTHING).await;
    let sent = import(&cloud, &first, &second).await.exits(0);
    assert_eq!(notes(&sent).iter().filter(|text| text.contains("s3://")).count(), 0, "{:?}", notes(&sent));
    is_the_same(&cloud, &first, &second).await;

    // Within S3 nothing but MLmodel files passes through this machine: whoever asks for the bytes of others is told off.
    let third = Real::in_s3(&cloud, "third").await;
    let refused =
        json!({ "plane": "aws", "status": 418, "match": "^GET /[^/?]+/[^?]*/artifacts/(?!.*MLmodel)" });
    let too_large = json!({ "plane": "aws", "status": 418, "match": "^PUT ", "min_bytes": 10_000 });
    cloud.faults(&json!({ "answers": [refused, too_large] }));
    let copied = import(&cloud, &second, &third).await.exits(0);
    cloud.no_faults();
    let told = notes(&copied);
    let bucket = &cloud.sandbox.facts.bucket;
    assert!(told.contains(&format!("artifacts in s3://{bucket} are read straight from there")), "{told:?}");
    assert!(told.iter().any(|text| text.starts_with("S3 itself copies")), "{told:?}");
    is_the_same(&cloud, &second, &third).await;

    let fourth = Real::start(TARGET).await;
    import(&cloud, &third, &fourth).await.exits(0);
    is_the_same(&cloud, &third, &fourth).await;
}
