use super::fixture::{NEWEST, TestDatabase, histories, runs};
use crate::entities::{Kind, Point};
use crate::error::Class;
use crate::readers::Reader;

#[tokio::test]
async fn a_whole_database_shows_no_damage() {
    // MLflow 1.4, 3.10 and 3.18.
    for revision in ["2b4d017a5e9b", "1b5f0d9ad7c1", NEWEST] {
        let database = TestDatabase::of(revision);
        let (experiments, unreadable) = database.experiments().await;
        assert_eq!((experiments.len(), unreadable), (1, vec![]), "{revision}");
        assert_eq!(database.not_migrated().await, [], "{revision}");
        let reader = database.reader();
        let runs = runs(&reader).await;
        assert_eq!(histories(&reader, &runs).await.iter().map(|chunk| chunk.points.len()).sum::<usize>(), 4);
        assert_eq!(reader.take_notes(), [""; 0], "{revision}");
    }
}

#[tokio::test]
async fn a_lost_table_is_an_item_that_fails() {
    for (table, kind) in [
        ("params", Kind::Run),
        ("metrics", Kind::Run),
        ("datasets", Kind::Run),
        ("experiment_tags", Kind::Experiment),
        ("model_versions", Kind::ModelVersion),
        ("spans", Kind::Trace),
        ("scorers", Kind::Scorer),
    ] {
        let database = TestDatabase::of(NEWEST);
        database.execute(&format!("DROP TABLE {table}"));
        let (experiments, unreadable) = database.experiments().await;
        assert_eq!(experiments.len(), 1, "the others are read");
        assert_eq!((unreadable.len(), unreadable[0].kind), (1, kind), "{table}");
        assert_eq!(unreadable[0].id, format!("data in {table}"));
        assert!(unreadable[0].reason.contains("restore it from a backup"), "{}", unreadable[0].reason);
    }
    let database = TestDatabase::of(NEWEST);
    database.execute(
        "ALTER TABLE params DROP COLUMN value; DROP TABLE alembic_version; DROP TABLE latest_metrics",
    );
    let (_, unreadable) = database.experiments().await;
    assert_eq!(unreadable.iter().map(|lost| lost.id.as_str()).collect::<Vec<_>>(), ["data in params.value"]);
}

#[tokio::test]
async fn a_database_without_runs_is_not_taken_for_another_programs() {
    for (table, text) in
        [("runs", "has lost its table runs"), ("experiments", "has lost its table experiments")]
    {
        let database = TestDatabase::of(NEWEST);
        database.execute(&format!("DROP TABLE {table}"));
        let error = database.try_reader().map(|_| ()).unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(error.to_string().contains(text) && error.get_hint().is_some(), "{error}");
    }
}

/// Rows of `latest_metrics` that were deleted do not cost the histories.
#[tokio::test]
async fn metrics_are_found_in_both_tables() {
    for lost in ["DELETE FROM latest_metrics", "DELETE FROM latest_metrics WHERE key = 'loss'"] {
        let database = TestDatabase::of(NEWEST);
        database.execute(lost);
        let reader = database.reader();
        let runs = runs(&reader).await;
        let latest = Point { value: 1.0, timestamp: 2, step: 1 };
        assert_eq!(runs[0].latest.len(), 2, "{lost}");
        assert_eq!(runs[0].latest["loss"].identity(), latest.identity(), "{lost}");
        let notes = reader.take_notes();
        assert!(notes[0].contains("latest_metrics lacks metrics of 1 runs"), "{notes:?}");
        let chunks = histories(&reader, &runs).await;
        assert_eq!(chunks.iter().map(|chunk| chunk.points.len()).sum::<usize>(), 4, "{lost}");
        let found = reader.run(&"r1".into()).await.unwrap().unwrap();
        assert_eq!(found.latest.len(), 2, "{lost}");
    }
}

/// The latest points are all that is left of the metrics.
#[tokio::test]
async fn a_metric_without_points_keeps_its_latest_one() {
    for (lost, points) in [
        ("DELETE FROM metrics WHERE key = 'loss'", 3),
        ("DELETE FROM metrics WHERE step = 1", 4),
        ("DELETE FROM metrics", 2),
        ("DROP TABLE metrics", 2),
    ] {
        let database = TestDatabase::of(NEWEST);
        database.execute(lost);
        let reader = database.reader();
        let runs = runs(&reader).await;
        let chunks = histories(&reader, &runs).await;
        assert_eq!(chunks.iter().map(|chunk| chunk.points.len()).sum::<usize>(), points, "{lost}");
        let notes = reader.take_notes();
        assert!(notes[0].contains("only in latest_metrics"), "{notes:?}");
    }
}

#[tokio::test]
async fn rows_without_their_parents_are_counted() {
    let database = TestDatabase::of(NEWEST);
    database.execute(
        "INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) SELECT 'x', 1, 1, 0, 0, 'gone'
             FROM metrics LIMIT 3;
         INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('x', 1, 2, 0, 0, 'gone');
         INSERT INTO params (key, value, run_uuid) VALUES ('p', '1', 'gone');
         INSERT INTO runs (run_uuid, experiment_id) VALUES ('r2', 99);
         INSERT INTO model_versions (name, version, workspace) VALUES ('lost', 1, 'default');
         INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)
             VALUES ('i1', 'DATASET', 'd1', 'RUN', 'r1'), ('i2', 'DATASET', 'd1', 'RUN', 'deleted by mlflow gc');",
    );
    let found: Vec<(String, Option<u64>)> =
        database.not_migrated().await.into_iter().map(|(title, count, _)| (title, count)).collect();
    let expected = [
        ("runs without an experiment", 1),
        ("params without a run", 1),
        ("points of metrics without a run", 4),
        ("versions without a model", 1),
        ("inputs without a dataset", 1),
    ];
    assert_eq!(found, expected.map(|(title, count)| (title.to_owned(), Some(count))));
}

#[tokio::test]
async fn data_of_a_newer_mlflow_are_counted_and_named() {
    let database = TestDatabase::of(NEWEST);
    database.execute("CREATE TABLE dag_run (id)");
    assert_eq!(database.not_migrated().await, [], "a table of another program");
    database.execute(
        "UPDATE alembic_version SET version_num = '0123456789ab';
         DROP TABLE dag_run;
         CREATE TABLE moods (id); CREATE TABLE dreams (id); INSERT INTO moods VALUES (1), (2);
         ALTER TABLE runs ADD COLUMN mood; CREATE TABLE users (id); CREATE TABLE workspace_permissions (id);",
    );
    let found = database.not_migrated().await;
    let reason = "this database is of revision 0123456789ab, which mlferry does not know (newer than MLflow 3.18): \
         2 tables with 2 rows and 1 column are not read: dreams, moods, runs.mood";
    assert_eq!(found, [("data of a newer MLflow".to_owned(), Some(2), reason.to_owned())]);
    database
        .execute("DELETE FROM moods; DROP TABLE dreams; DROP TABLE moods; ALTER TABLE runs DROP COLUMN mood");
    let found = database.not_migrated().await;
    assert!(found[0].2.ends_with("it has no unknown tables or columns"), "{found:?}");
}
