//! All data that is difficult to migrate, from a server's own disk into S3, within S3, and back.

use serde_json::json;

use super::{import, is_the_same, notes};
use crate::support::aws::FakeAws;
use crate::support::{TARGET, TestServer};

const EVERYTHING: [&str; 2] = ["--all", "--names"];

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_s3_from_there_in_s3_and_from_there_behind_a_proxy() {
    let cloud = FakeAws::start().await;
    let (first, second) = futures::join!(TestServer::start(TARGET), TestServer::in_s3(&cloud, "second"));
    first.edge_cases(&EVERYTHING).await;
    let sent = import(&cloud, &first, &second).await.exits(0);
    assert_eq!(notes(&sent).iter().filter(|text| text.contains("s3://")).count(), 0, "{:?}", notes(&sent));
    is_the_same(&cloud, &first, &second).await;

    // Within S3, only MLmodel files pass through this machine: requests for the bytes of other files are refused.
    let third = TestServer::in_s3(&cloud, "third").await;
    let refused =
        json!({ "plane": "aws", "status": 418, "match": "^GET /[^/?]+/[^?]*/artifacts/(?!.*MLmodel)" });
    let too_large = json!({ "plane": "aws", "status": 418, "match": "^PUT ", "min_bytes": 10_000 });
    cloud.faults(&json!({ "answers": [refused, too_large] }));
    let copied = import(&cloud, &second, &third).await.exits(0);
    cloud.no_faults();
    let told = notes(&copied);
    let bucket = &cloud.sandbox.facts.bucket;
    assert!(told.contains(&format!("artifacts in s3://{bucket} are read directly from there")), "{told:?}");
    assert!(told.iter().any(|text| text.starts_with("S3 itself copies")), "{told:?}");
    is_the_same(&cloud, &second, &third).await;

    let fourth = TestServer::start(TARGET).await;
    import(&cloud, &third, &fourth).await.exits(0);
    is_the_same(&cloud, &third, &fourth).await;
}
