//! All data arrives in an App, also from a managed tracking server and over connections that break. The official client
//! checks the result.

use crate::support::aws::FakeAws;
use crate::support::{Mlferry, Ran, TARGET, TestServer, compared};
use serde_json::json;

/// Requests that MLflow processes, but whose connection ends before the response. Some are creations, which must not be
/// sent again without checking for an existing item. Others can be sent again.
const CUT: [&str; 16] = [
    "POST /api/2.0/mlflow/experiments/create",
    "POST /api/2.0/mlflow/runs/create",
    "POST /api/2.0/mlflow/runs/log-batch",
    "POST /api/2.0/mlflow/runs/outputs",
    "POST /api/2.0/mlflow/runs/update",
    "POST /api/2.0/mlflow/logged-models",
    "POST /api/2.0/mlflow/registered-models/create",
    "POST /api/2.0/mlflow/registered-models/alias",
    "POST /api/2.0/mlflow/model-versions/create",
    "POST /api/2.0/mlflow/model-versions/transition-stage",
    "POST /api/3.0/mlflow/traces",
    "POST /api/3.0/mlflow/datasets/create",
    "POST /api/3.0/mlflow/scorers/register",
    // Requests to the source:
    "GET /api/2.0/mlflow/runs/get",
    "POST /api/2.0/mlflow/runs/search",
    "POST /api/3.0/mlflow/traces/search",
];

async fn ran(cloud: &FakeAws, mlferry: &Mlferry, args: &[&str]) -> Ran {
    Ran::of(cloud.mlferry(mlferry, args)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_an_app_and_from_a_tracking_server() {
    let (source, cloud) = futures::join!(TestServer::start(TARGET), FakeAws::start());
    source.edge_cases(&["--all", "--names"]).await;
    let (server, app) = futures::join!(cloud.tracking_server("old"), cloud.app("new"));
    let mlferry = Mlferry::new();
    let original = source.dump().await;

    for (from, to) in [(source.url(), server.as_str()), (server.as_str(), app.as_str())] {
        if to == app {
            let cuts = CUT.map(|request| json!({ "plane": "data", "match": format!("^{request}(\\?|$)"), "cut": true, "times": 2 }));
            cloud.faults(&json!({ "answers": cuts }));
        }
        let import = ["import", "--source", from, "--target", to, "--json"];
        let first = ran(&cloud, &mlferry, &import).await.exits(0).outcome();
        for (kind, counts) in first["counts"].as_object().unwrap() {
            assert_eq!(counts["done"], counts["planned"], "{kind}: {first}");
        }
        cloud.no_faults();
        let validate = ["validate", "--source", from, "--target", to, "--artifacts", "checksum", "--json"];
        ran(&cloud, &mlferry, &validate).await.exits(0);
        // Without the journal, nothing is written twice.
        let again = ran(&cloud, &Mlferry::new(), &import).await.exits(0).outcome();
        for kind in ["model_versions", "prompt_versions", "traces", "evaluation_datasets", "scorers"] {
            assert_eq!(again["counts"][kind]["skipped"], first["counts"][kind]["planned"], "{kind}: {again}");
        }
    }
    let log = cloud.log();
    for request in CUT {
        assert_eq!(
            log.lines().filter(|line| line.trim() == format!("cut: {request}")).count(),
            2,
            "{request}"
        );
    }
    let arrived = cloud.dump(&server).await;
    assert_eq!(compared(&cloud.venv, &original, &arrived).await, [""; 0]);
    let arrived_after = cloud.dump(&app).await;
    assert_eq!(compared(&cloud.venv, &arrived, &arrived_after).await, [""; 0]);
}
