//! Databases that are read without their servers.

use crate::support::{Mlferry, NEWEST, TARGET, TestServer, differences};

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
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let archive = folder.path().join("export");
    let archive = archive.to_str().unwrap();
    mlferry.run(&["export", "--source", server.url(), "--output-dir", archive]).await.exits(0);
    let database = server.server.database();
    let ends = ["--source", database.to_str().unwrap(), "--target", archive];
    let code = if differing.is_empty() { 0 } else { 4 };
    let validate = [&["validate", "--artifacts", "checksum", "--json"], &ends[..]].concat();
    let found = mlferry.run(&validate).await.exits(code).outcome();
    for (kind, counts) in found["comparison"].as_object().unwrap() {
        let expected = differing.iter().find(|(differs, _)| differs == kind).map_or(0, |(_, number)| *number);
        let of = |mark: &str| counts[mark].as_u64().unwrap_or(0);
        assert_eq!([of("differs"), of("missing"), of("extra")], [expected, 0, 0], "{kind}: {found}");
    }
    assert_eq!(found["requests"], 0, "no server is asked");
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
