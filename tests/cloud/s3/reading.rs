//! Buckets in other regions, buckets that these credentials cannot access, and reads that break.

use serde_json::json;

use super::seed::{bytes, run_with};
use super::{import, notes, run, waits_for_a_session};
use crate::support::aws::FakeAws;
use crate::support::{Mlferry, Ran, TestServer};

/// Every route of the server decodes this name to another one; S3 does not.
const PERCENT: &str = "odd/a%20b+é.txt";

#[tokio::test(flavor = "multi_thread")]
async fn files_in_s3_are_read_from_wherever_they_are_by_whatever_way_is_open() {
    let cloud = FakeAws::start().await;
    cloud.python("cloud_objects.py", &["bucket", "s3://mlferry-far", "us-west-2"]).await;
    let (source, far, near) = futures::join!(
        TestServer::in_s3(&cloud, "source"),
        TestServer::over(&cloud, "s3://mlferry-far/root"),
        TestServer::in_s3(&cloud, "near")
    );
    let files = [
        ("weights.bin", bytes((9 << 20) + 1)),
        ("metrics.json", b"{}".to_vec()),
        (PERCENT, b"percent".to_vec()),
    ];
    run_with(&source, "in s3", &files).await;

    copied_or_carried(&cloud, &source, &far, &near).await;
    read_through_the_server(&cloud, &source).await;
    taken_up_where_it_broke_off(&cloud, &source).await;
    let mlferry = Mlferry::new();
    let archive = mlferry.state.path().join("archive");
    let export = ["export", "--source", source.url(), "--output-dir", archive.to_str().unwrap(), "--json"];
    waits_for_a_session(&cloud, &mlferry, &export, "^GET .*/weights.bin").await;
}

async fn copied_or_carried(cloud: &FakeAws, source: &TestServer, far: &TestServer, near: &TestServer) {
    let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let copy =
        json!({ "plane": "aws", "match": "^PUT ", "with": "x-amz-copy-source", "status": 403, "body": body });
    cloud.faults(&json!({ "answers": [copy] }));
    let carried = import(cloud, source, far).await.exits(0);
    let told = notes(&carried);
    assert!(told.iter().any(|text| text.contains("pass through this machine")), "{told:?}");
    assert_eq!(carried.outcome()["counts"]["artifacts"]["done"], 3);

    // S3 also copies between regions.
    let read = json!({ "plane": "aws", "status": 418, "match": "^GET /[^/?]+/[^?]*/artifacts/" });
    let written = json!({ "plane": "aws", "status": 418, "match": "^PUT ", "min_bytes": 1 });
    cloud.faults(&json!({ "answers": [read, written] }));
    let copied = import(cloud, far, near).await.exits(0);
    assert_eq!(copied.outcome()["counts"]["artifacts"]["done"], 3);
    cloud.no_faults();
    for (source, target) in [(source, far), (far, near)] {
        let ends = ["--source", source.url(), "--target", target.url()];
        let validate = [&["validate", "--artifacts", "checksum"], &ends[..]].concat();
        run(cloud, &Mlferry::new(), &validate).await.exits(0);
    }
}

async fn read_through_the_server(cloud: &FakeAws, source: &TestServer) {
    let mlferry = Mlferry::new();
    let archive = mlferry.state.path().join("archive");
    let export = ["export", "--source", source.url(), "--output-dir", archive.to_str().unwrap(), "--json"];
    let mut export = cloud.mlferry(&mlferry, &export);
    export.envs(cloud.stranger("sts:GetCallerIdentity").await);
    let ran = Ran::of(export).await.exits(3);
    let told = notes(&ran);
    assert!(told.iter().any(|text| text.contains("are read through their server")), "{told:?}");
    let outcome = ran.outcome();
    assert_eq!(
        (&outcome["counts"]["artifacts"]["done"], &outcome["counts"]["artifacts"]["failed"]),
        (&json!(2), &json!(1))
    );
    let lines = ran.lines();
    let failed =
        lines.iter().find(|line| line["type"] == "item_failed" && line["kind"] == "artifact").unwrap();
    assert!(failed["name"].as_str().unwrap().ends_with(PERCENT), "{failed}");
}

async fn taken_up_where_it_broke_off(cloud: &FakeAws, source: &TestServer) {
    let mlferry = Mlferry::new();
    let archive = mlferry.state.path().join("archive");
    let archive = archive.to_str().unwrap();
    let read = json!({ "plane": "aws", "match": "^GET .*/weights.bin" });
    let with = |more: serde_json::Value| {
        let mut one = read.clone();
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one
    };
    // The read breaks several times. A read that starts again from the beginning is refused.
    let answers = [
        with(json!({ "cut": true, "after_bytes": 3_000_000, "times": 1 })),
        with(json!({ "without": "range", "status": 418 })),
        with(json!({ "cut": true, "after_bytes": 2_000_000, "times": 1 })),
    ];
    cloud.faults(&json!({ "answers": answers }));
    let export = ["export", "--source", source.url(), "--output-dir", archive, "--json"];
    let outcome = run(cloud, &mlferry, &export).await.exits(0).outcome();
    assert_eq!(outcome["counts"]["artifacts"]["done"], 3, "{outcome}");
    assert!(outcome["retries"].as_u64() >= Some(2), "{outcome}");
    cloud.no_faults();
    let ends = ["--source", source.url(), "--target", archive];
    run(cloud, &mlferry, &[&["validate", "--artifacts", "checksum"], &ends[..]].concat()).await.exits(0);
}
