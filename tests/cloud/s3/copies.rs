//! Multipart copies within S3. With the real limits, only files over 5 GiB need them, so this test calls the library
//! with lower limits. It runs in a separate process, because the library finds the sandbox through its environment,
//! like the program.

use std::sync::Arc;

use async_trait::async_trait;
use mlferry::testing::{ArtifactStores, ByteSource, ByteStream, Limits, Meter, S3Object};
use mlferry::{Error, Result};
use serde_json::{Value, json};

use super::seen;
use crate::support::aws::FakeAws;

/// An object that S3 copies itself and that the program never reads.
struct Unread(S3Object);

#[async_trait]
impl ByteSource for Unread {
    async fn open(&self) -> Result<ByteStream> {
        Err(Error::permanent("its bytes pass through this machine"))
    }

    async fn in_s3(&self) -> Option<S3Object> {
        Some(self.0.clone())
    }
}

/// Copies from the location in the first variable to the one in the second, and prints the result.
#[tokio::test]
#[ignore = "the test below runs it, with the sandbox's variables"]
async fn in_parts() {
    let object = |name: &str| S3Object::parse(&std::env::var(name).unwrap()).unwrap();
    let limits = Limits { copy: 5 << 20, copy_part: 5 << 20, ..Limits::default() };
    let stores = ArtifactStores::with_limits(Arc::new(Meter::default()), None, limits);
    let copied = stores.copy(&Unread(object("COPY_FROM")), &object("COPY_TO")).await.unwrap();
    stores.abort_unfinished().await;
    let bytes = copied.map(|digest| digest.bytes);
    std::fs::write(
        std::env::var("COPY_SAYS").unwrap(),
        json!({ "bytes": bytes, "notes": stores.take_notes() }).to_string(),
    )
    .unwrap();
}

async fn copied(cloud: &FakeAws, to: &str) -> Value {
    let says = cloud.dir.path().join("copy.json");
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "s3::copies::in_parts", "--ignored", "--nocapture"]).envs(cloud.sandbox.env());
    child.env("COPY_FROM", cloud.store("originals/weights.bin")).env("COPY_TO", cloud.store(to));
    let output = child.env("COPY_SAYS", &says).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&std::fs::read(says).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_copies_large_objects_part_by_part_and_one_that_it_refuses_leaves_nothing() {
    let cloud = FakeAws::start().await;
    let size = (17 << 20) + 5;
    cloud
        .python("cloud_objects.py", &["put", &cloud.store("originals/weights.bin"), &size.to_string()])
        .await;
    let bytes_here = [
        json!({ "plane": "aws", "status": 418, "match": "^GET /[^/?]+/originals" }),
        json!({ "plane": "aws", "status": 418, "match": "^PUT ", "min_bytes": 1 }),
    ];

    cloud.faults(&json!({ "answers": bytes_here }));
    let told = copied(&cloud, "copies/weights.bin").await;
    assert_eq!(told["bytes"], size, "{told}");
    cloud.no_faults();
    let original = seen(&cloud, "originals").await["objects"]["weights.bin"].clone();
    let copies = seen(&cloud, "copies").await;
    let copy = &copies["objects"]["weights.bin"];
    for what in ["sha256", "ContentType", "CacheControl", "Metadata"] {
        assert!(!copy[what].is_null() && copy[what] == original[what], "{what}: {original} → {copy}");
    }
    assert_eq!(copy["checksum"], "4 parts of 5 MiB", "S3 has checked each part: {copy}");
    assert_eq!(copies["unfinished"], json!([]));

    let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let third = json!({ "plane": "aws", "match": "partNumber=3", "status": 403, "body": body });
    cloud.faults(&json!({ "answers": [third, bytes_here[0], bytes_here[1]] }));
    let told = copied(&cloud, "refused/weights.bin").await;
    cloud.no_faults();
    assert!(told["bytes"].is_null(), "{told}");
    assert!(told["notes"][0].as_str().unwrap().contains("pass through this machine"), "{told}");
    assert_eq!(seen(&cloud, "refused").await, json!({ "objects": {}, "unfinished": [] }));
}
