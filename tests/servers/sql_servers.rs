//! Databases of PostgreSQL and MariaDB that are read without a server of MLflow.

use std::path::Path;

use crate::support::databases::DatabaseServer;
use crate::support::{Mlferry, Ran, TARGET, TestServer};

/// Points of one metric: more than a reader keeps in memory.
const POINTS: u64 = 100_000;
/// Numbers that are easily rounded.
const NUMBERS: [f64; 7] = [0.1 + 0.2, 1e-300, 5e-324, f64::MAX, -f64::MAX, -0.0, 1.0 / 3.0];
const COLUMNS: &str = "([key], value, timestamp, step, is_nan, run_uuid)";
/// Readers of MariaDB that wait for a lock, and the first of them.
const WAITING_IN_MARIADB: &str = "SELECT count(*), max(id) FROM information_schema.processlist \
    WHERE state LIKE 'Waiting for table metadata lock%'";
/// Readers that wait for a lock.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mlferry' \
    AND wait_event_type = 'Lock'";

/// A server with the data that is difficult to migrate.
async fn filled() -> TestServer {
    let server = TestServer::start(TARGET).await;
    server.edge_cases(&["--all", "--names"]).await;
    server
}

/// A copy of a server's database has the contents that the server shows.
async fn equals_its_server(database: &DatabaseServer) {
    let server = filled().await;
    let sqlite = server.server.database();
    database.copy_of(&sqlite).await;
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let archive = folder.path().join("export");
    let archive = archive.to_str().unwrap();
    mlferry.run(&["export", "--source", server.url(), "--output-dir", archive]).await.exits(0);
    let ends = ["--source", &database.url, "--target", archive];
    let mut validate =
        mlferry.command(&[&["validate", "--artifacts", "checksum", "--json"], &ends[..]].concat());
    // The files are found from the folder in which the server was started.
    validate.current_dir(sqlite.parent().unwrap());
    let found = Ran::of(validate).await.exits(0).outcome();
    let same: u64 =
        found["comparison"].as_object().unwrap().values().filter_map(|kind| kind["same"].as_u64()).sum();
    assert!(same > 200, "{found}");
    assert_eq!(found["requests"], 0, "no server is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_postgresql_equals_its_server() {
    equals_its_server(&DatabaseServer::postgresql().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_mariadb_equals_its_server() {
    if let Some(database) = DatabaseServer::mariadb().await {
        equals_its_server(&database).await;
    }
}

/// MLflow's tables with one run that has many points, and the numbers that are easily rounded. `sequence` is a table
/// with a column `n`.
async fn with_points(database: &mut DatabaseServer, sequence: &str) {
    let server = TestServer::start(TARGET).await;
    database.copy_of(&server.server.database()).await;
    let is_mysql = database.url.starts_with("mysql");
    let folder = database.no_files();
    let mut rows = vec![
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) \
         VALUES (7, 'it''s \"all\" `quoted` and 日本', 'active', 'default')"
            .to_owned(),
        format!(
            "INSERT INTO runs (run_uuid, name, status, start_time, lifecycle_stage, experiment_id, artifact_uri) \
             VALUES ('r1', 'a', 'FINISHED', 1, 'active', 7, '{folder}')"
        ),
        format!(
            "INSERT INTO params ([key], value, run_uuid) VALUES ('p', 'it''s a {} \"x\" ` 日本 🚀', 'r1')",
            if is_mysql { "\\\\" } else { "\\" }
        ),
        format!("INSERT INTO metrics {COLUMNS} SELECT 'loss', n / 7.0e0, n, n, false, 'r1' FROM {sequence}"),
        format!(
            "INSERT INTO latest_metrics {COLUMNS} SELECT 'loss', n / 7.0e0, n, n, false, 'r1' FROM {sequence} \
             ORDER BY n DESC LIMIT 1"
        ),
    ];
    for (at, number) in NUMBERS.iter().enumerate() {
        let row = format!("{COLUMNS} VALUES ('n{at}', '{number:e}', 1, 0, false, 'r1')");
        rows.extend(["metrics", "latest_metrics"].map(|table| format!("INSERT INTO {table} {row}")));
    }
    for sql in rows {
        database.sql("set-up", &sql.replace("[key]", if is_mysql { "`key`" } else { "\"key\"" })).await;
    }
}

/// All files of an archive, as text.
fn text_of(folder: &Path) -> String {
    let (mut text, mut folders) = (String::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap())),
            }
        }
    }
    text
}

async fn arrives_unchanged(mut database: DatabaseServer, sequence: &str) {
    with_points(&mut database, sequence).await;
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let archive = folder.path().join("export");
    let export = ["export", "--source", &database.url, "--output-dir", archive.to_str().unwrap(), "--json"];
    let found = mlferry.run(&export).await.exits(0).outcome();
    assert_eq!(found["points"], POINTS + NUMBERS.len() as u64, "{found}");
    // Everything was read, and no row lacks its parent.
    assert!(!found["notes"].to_string().contains("cannot"), "{found}");
    let text = text_of(&archive);
    for number in NUMBERS {
        // The shortest text that is read as the same number.
        let is_there = [format!("{number:e}"), format!("{number}"), serde_json::json!(number).to_string()];
        assert!(is_there.iter().any(|number| text.contains(number)), "{number:e}");
    }
    for name in [r#"it's \"all\" `quoted` and 日本"#, r#"it's a \\ \"x\" ` 日本 🚀"#] {
        assert!(text.contains(name), "{name}");
    }
    let state = text_of(mlferry.state.path());
    assert!(!state.contains("p@ss") && !state.contains("p%40ss"), "the password is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_names_of_postgresql_arrive_unchanged() {
    arrives_unchanged(DatabaseServer::postgresql().await, "generate_series(1, 100000) AS n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_names_of_mariadb_arrive_unchanged() {
    if let Some(database) = DatabaseServer::mariadb().await {
        arrives_unchanged(database, "(SELECT seq AS n FROM seq_1_to_100000) AS numbers").await;
    }
}

/// Waits until a reader waits for the lock on the metrics.
async fn until_waiting(database: &mut DatabaseServer, query: &str) -> serde_json::Value {
    for _ in 0..600 {
        let found = database.sql("watch", query).await;
        if found[0][0] != 0 {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no reader waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_meanwhile_is_not_read_and_a_lost_connection_can_be_resumed() {
    let mut database = DatabaseServer::postgresql().await;
    with_points(&mut database, "generate_series(1, 10) AS n").await;
    let url = database.url.clone();
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let archive = folder.path().join("export");
    let export = ["export", "--source", &url, "--output-dir", archive.to_str().unwrap(), "--wait", "0"];
    for statement in ["BEGIN", "LOCK TABLE metrics IN ACCESS EXCLUSIVE MODE"] {
        database.sql("lock", statement).await;
    }
    let lost = mlferry.command(&export).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until_waiting(&mut database, WAITING).await;
    let terminate =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mlferry'";
    database.sql("watch", terminate).await;
    let lost = lost.wait_with_output().await.unwrap();
    let stderr = String::from_utf8_lossy(&lost.stderr);
    assert_eq!(lost.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("run the same command again: it continues"), "{stderr}");

    let again = mlferry.command(&export).spawn().unwrap();
    until_waiting(&mut database, WAITING).await;
    for sql in [
        "INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('loss', 424242, 1, 99, false, 'r1')",
        "UPDATE experiments SET name = 'written meanwhile' WHERE experiment_id = 7",
        "COMMIT",
    ] {
        database.sql("lock", sql).await;
    }
    assert_eq!(again.wait_with_output().await.unwrap().status.code(), Some(0));
    let text = text_of(&archive);
    assert!(!text.contains("424242") && !text.contains("written meanwhile"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_to_mariadb_can_be_resumed() {
    let Some(mut database) = DatabaseServer::mariadb().await else { return };
    with_points(&mut database, "(SELECT seq AS n FROM seq_1_to_10) AS numbers").await;
    let url = database.url.clone();
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let archive = folder.path().join("export");
    let export = ["export", "--source", &url, "--output-dir", archive.to_str().unwrap(), "--wait", "0"];
    database.sql("lock", "LOCK TABLE metrics WRITE").await;
    let lost = mlferry.command(&export).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let reader = until_waiting(&mut database, WAITING_IN_MARIADB).await[0][1].clone();
    database.sql("watch", &format!("KILL {reader}")).await;
    let lost = lost.wait_with_output().await.unwrap();
    let stderr = String::from_utf8_lossy(&lost.stderr);
    assert_eq!(lost.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("run the same command again: it continues"), "{stderr}");
    database.sql("lock", "UNLOCK TABLES").await;
    mlferry.run(&export).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_explained() {
    let mut database = DatabaseServer::postgresql().await;
    let mlferry = Mlferry::new();
    let empty = mlferry.run(&["check", "--source", &database.url]).await.exits(2);
    assert!(empty.stderr.contains("has no tables of MLflow"), "{}", empty.stderr);
    with_points(&mut database, "generate_series(1, 10) AS n").await;
    database.sql("set-up", "CREATE ROLE reader LOGIN PASSWORD 'r'").await;
    let reader = database.url_of("reader", "r");
    let places = [
        (reader.as_str(), 1, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"reader\""),
        (&database.url_of("reader", "wrong"), 1, "MLFERRY_SOURCE_PASSWORD"),
        (&reader.replace("/mlflow", "/elsewhere"), 2, "there is no such database"),
        ("postgresql://reader:r@127.0.0.1:1/mlflow", 5, "check host and port"),
        (&format!("{reader}?sslmode=verify-full"), 1, "does not support TLS"),
    ];
    for (source, code, text) in places {
        let ran = mlferry.run(&["check", "--source", source]).await.exits(code);
        assert!(ran.stderr.contains(text) && !ran.stderr.contains(":r@"), "{source}: {}", ran.stderr);
    }
    // Rights for one table less are noticed before anything is read.
    database.sql("set-up", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader").await;
    mlferry.run(&["check", "--source", &reader]).await.exits(0);
    database.sql("set-up", "REVOKE SELECT ON params FROM reader").await;
    let ran = mlferry.run(&["check", "--source", &reader]).await.exits(1);
    assert!(ran.stderr.contains("may not read the table params"), "{}", ran.stderr);
    // The password can come from the environment.
    database.sql("set-up", "GRANT SELECT ON params TO reader").await;
    for variable in ["MLFERRY_SOURCE_PASSWORD", "PGPASSWORD"] {
        let mut command = mlferry.command(&["check", "--source", &reader.replace(":r@", "@")]);
        Ran::of(command.env(variable, "r")).await.exits(0);
    }
}
