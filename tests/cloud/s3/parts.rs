//! Files that are uploaded in parts, and the remains of an upload that ends early.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::seed::{bytes, run_with};
use super::{run, seen, unfinished};
use crate::support::aws::FakeAws;
use crate::support::{Mlferry, Ran, TARGET, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn large_files_arrive_in_parts_that_s3_checks_and_leave_none_behind_when_they_end_early() {
    let (cloud, source) = futures::join!(FakeAws::start(), TestServer::start(TARGET));
    let target = TestServer::in_s3(&cloud, "large").await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    run_with(&source, "one", &[("weights.bin", bytes(20 << 20))]).await;
    ends_early(&cloud, &mlferry, &import).await;
    cloud.no_faults();
    run(&cloud, &mlferry, &import).await.exits(0);
    assert_eq!(unfinished(&cloud, "large").await, 0, "the next run takes back what a killed one has left");

    run_with(&source, "many", &files()).await;
    arrive_as_they_should(&cloud, &mlferry, &import).await;
    let ends = ["--source", source.url(), "--target", target.url()];
    run(&cloud, &mlferry, &[&["validate", "--artifacts", "checksum"], &ends[..]].concat()).await.exits(0);
}

fn files() -> [(&'static str, Vec<u8>); 5] {
    [
        ("model/model.bin", bytes((20 << 20) + 123)),
        ("exactly.png", bytes(8 << 20)),
        ("table.csv.gz", bytes(100_000)),
        ("metrics.json", b"{}".to_vec()),
        ("empty", Vec::new()),
    ]
}

async fn arrive_as_they_should(cloud: &FakeAws, mlferry: &Mlferry, import: &[&str]) {
    // Writes without a SHA-256 of the body are refused.
    let unchecked =
        json!({ "plane": "aws", "match": "^PUT ", "without": "x-amz-checksum-sha256", "status": 418 });
    cloud.faults(&json!({ "answers": [unchecked] }));
    let key = format!("arn:aws:kms:{}:111122223333:key/of-the-bucket", cloud.sandbox.facts.region);
    let args = json!({
        "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "StorageClass": "STANDARD_IA",
        "Metadata": { "team": "fraud" }, "Tagging": "cost=ml",
    });
    let mut import = cloud.mlferry(mlferry, import);
    import.env("MLFLOW_S3_UPLOAD_EXTRA_ARGS", args.to_string());
    let outcome = Ran::of(import).await.exits(0).outcome();
    cloud.no_faults();
    assert_eq!(outcome["counts"]["artifacts"]["done"], 5, "{outcome}");

    let seen = seen(cloud, "large").await;
    assert_eq!(seen["unfinished"], json!([]));
    let said = [
        ("3 parts of 8 MiB", "application/octet-stream", None),
        ("1 parts of 8 MiB", "image/png", None),
        ("whole", "text/csv", Some("gzip")),
        ("whole", "application/json", None),
        ("whole", "application/octet-stream", None),
    ];
    for ((path, bytes), (checksum, kind, encoding)) in files().iter().zip(said) {
        let object = &seen["objects"][path.rsplit('/').next().unwrap()];
        assert_eq!(object["sha256"], hex::encode(Sha256::digest(bytes)), "{path}: {object}");
        assert_eq!(object["checksum"], checksum, "{path}: {object}");
        assert_eq!(object["ContentEncoding"].as_str(), encoding, "{path}: {object}");
        // boto3 reports this type for an object without a type.
        assert_eq!(object["ContentType"], kind, "{path}: {object}");
        assert_eq!(object["ServerSideEncryption"], "aws:kms", "{path}: {object}");
        assert_eq!(object["SSEKMSKeyId"], key, "{path}: {object}");
        assert_eq!(object["StorageClass"], "STANDARD_IA", "{path}: {object}");
        assert_eq!(object["Metadata"]["team"], "fraud", "{path}: {object}");
        assert_eq!(object["tags"], json!({ "cost": "ml" }), "{path}: {object}");
    }
}

/// If a multipart upload ends early, S3 does not keep its parts, unless the process was killed.
async fn ends_early(cloud: &FakeAws, mlferry: &Mlferry, import: &[&str]) {
    let second_part = |status: u16, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        let part = json!({ "plane": "aws", "match": "partNumber=2", "status": status, "body": body });
        cloud.faults(&json!({ "answers": [part] }));
    };

    second_part(403, "AccessDenied");
    let refused = run(cloud, mlferry, import).await.exits(3);
    assert!(refused.stdout.contains("s3:PutObject"), "{}", refused.stdout);
    assert_eq!(unfinished(cloud, "large").await, 0, "a refused part");

    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process};
        // The SDK retries for half a minute, which is enough time to interrupt it.
        second_part(503, "SlowDown");
        // Pressing Ctrl-C twice stops the program immediately. A killed process cannot clean up.
        for (signals, left) in [([Signal::INT, Signal::INT], 0), ([Signal::KILL, Signal::KILL], 1)] {
            let child = cloud.mlferry(mlferry, import).stdout(Stdio::piped()).spawn().unwrap();
            cloud.python("cloud_objects.py", &["await", &cloud.store("large")]).await;
            let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
            for signal in signals {
                kill_process(pid, signal).unwrap();
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            let output = child.wait_with_output().await.unwrap();
            assert_eq!(output.status.code(), (left == 0).then_some(130), "{output:?}");
            assert_eq!(unfinished(cloud, "large").await, left, "{signals:?}");
        }
    }
}
