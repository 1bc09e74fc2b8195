//! Databases that are read without their servers.

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
