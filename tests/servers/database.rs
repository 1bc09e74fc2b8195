//! Databases that are read without their servers.

use std::path::Path;

use serde_json::json;

use crate::support::{
    Mlferry, NEWEST, TARGET, TestServer, differences, script_path, store_equals_server, venv, warm,
};

/// A server with the data that is difficult to migrate.
async fn filled(version: &str) -> TestServer {
    let server = TestServer::start(version).await;
    server.edge_cases(&["--all", "--names"]).await;
    server
}

/// The contents of the database are those that its server shows, except what the server itself changes: `differing`
/// gives the kinds and numbers of such objects.
async fn equals_its_server(version: &str, differing: &[(&str, u64)]) {
    let server = filled(version).await;
    store_equals_server(&server.server.database(), &server, differing).await;
}

/// MLflow 1.30.1 shows an end time of 0 for a run that has not ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_mlflow_1_30_1_equals_its_server() {
    equals_its_server("1.30.1", &[("runs", 1)]).await;
}

/// MLflow 2.16.2 cuts long tags of traces, and shows a duration of 0 for one that has not ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_mlflow_2_16_2_equals_its_server() {
    equals_its_server("2.16.2", &[("traces", 3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_mlflow_3_4_0_equals_its_server() {
    equals_its_server("3.4.0", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_mlflow_3_18_0_equals_its_server() {
    equals_its_server(NEWEST, &[]).await;
}

/// MLflow's own client finds everything on the target.
#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_a_database() {
    let (source, target) = futures::join!(filled(TARGET), TestServer::start(TARGET));
    let database = source.server.database();
    let import = ["import", "--source", database.to_str().unwrap(), "--target", target.url(), "--json"];
    let first = Mlferry::new().run(&import).await.exits(0).outcome();
    for (kind, counts) in first["counts"].as_object().unwrap() {
        assert_eq!(counts["done"], counts["planned"], "{kind}: {first}");
    }
    assert_eq!(differences(&source, &target).await, [""; 0]);
}

/// MLflow's first migration that changes data: it adds the user as a tag.
const USER_TAG: &str = "90e64c465722";

/// One database as each migration of MLflow left it, from the first release to the newest.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_any_revision_is_read() {
    let (venv, folder) = (venv(NEWEST).await, tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let done = warm::run(&venv, &script_path("revisions.py"), &[root], &[]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    let revisions: Vec<String> = serde_json::from_slice(&done.stdout).unwrap();
    assert!(revisions.len() > 70, "{revisions:?}");
    let schema = |path: &Path| std::fs::read_to_string(path).unwrap();
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/readers/sql_store/schema.txt");
    assert_eq!(
        schema(&folder.path().join("schema.txt")),
        schema(&known),
        "copy the first file to the second one"
    );
    let files = folder.path().join("mlruns/0/0123456789abcdef0123456789abcdef/artifacts");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::write(files.join("model.txt"), "model").unwrap();
    let (mlferry, archive) = (Mlferry::new(), format!("{root}/export"));
    let mut is_same = false;
    for revision in &revisions {
        let database = format!("{root}/{revision}.db");
        if is_same {
            mlferry.run(&["validate", "--source", &database, "--target", &archive]).await.exits(0);
            continue;
        }
        is_same = revision == USER_TAG;
        let archive = if is_same { archive.clone() } else { format!("{archive}-{revision}") };
        let export = ["export", "--source", &database, "--output-dir", &archive, "--json"];
        let counts = mlferry.run(&export).await.exits(0).outcome()["counts"].clone();
        assert_eq!(
            (&counts["runs"]["done"], &counts["artifacts"]["done"]),
            (&2.into(), &1.into()),
            "{revision}"
        );
    }
    assert!(is_same);
}

async fn post(server: &TestServer, route: &str, body: serde_json::Value) -> serde_json::Value {
    let url = format!("{}/api/2.0/mlflow/{route}", server.url());
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{route}: {answer:?}");
    answer.json().await.unwrap()
}

/// The next version on the target gets the number that it would get on the source.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_deleted_versions_are_not_used_again() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let new_version = json!({ "name": "churn", "source": "s3://bucket/model" });
    post(&source, "registered-models/create", json!({ "name": "churn" })).await;
    for _ in 0..4 {
        post(&source, "model-versions/create", new_version.clone()).await;
    }
    for number in ["2", "3", "4"] {
        let url = format!("{}/api/2.0/mlflow/model-versions/delete", source.url());
        let body = json!({ "name": "churn", "version": number });
        assert!(reqwest::Client::new().delete(url).json(&body).send().await.unwrap().status().is_success());
    }
    let (mlferry, database) = (Mlferry::new(), source.server.database());
    let import = ["import", "--source", database.to_str().unwrap(), "--target", target.url()];
    for _ in 0..2 {
        mlferry.run(&import).await.exits(0);
    }
    let next = post(&target, "model-versions/create", new_version).await;
    assert_eq!(next["model_version"]["version"], "5", "{next}");
}

/// Spans that MLflow has moved to files arrive as if they were still in the database.
#[tokio::test(flavor = "multi_thread")]
async fn archived_spans_equal_those_that_were_archived() {
    let (venv, folder) = (venv(NEWEST).await, tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let done = warm::run(&venv, &script_path("archive_traces.py"), &[root], &[]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    let (mlferry, archive) = (Mlferry::new(), format!("{root}/export"));
    let source = |name: &str| format!("{root}/{name}.db");
    mlferry.run(&["export", "--source", &source("before"), "--output-dir", &archive]).await.exits(0);
    let validate = ["validate", "--source", &source("archived"), "--target", &archive, "--json"];
    let found = mlferry.run(&validate).await.exits(0).outcome();
    assert_eq!(found["comparison"]["traces"]["same"], 4, "{found}");
    std::fs::remove_dir_all(folder.path().join("archive")).unwrap();
    let again = format!("{root}/again");
    let lost =
        mlferry.run(&["export", "--source", &source("archived"), "--output-dir", &again]).await.exits(3);
    assert!(lost.stderr.contains("its archived spans"), "{}", lost.stderr);
}
