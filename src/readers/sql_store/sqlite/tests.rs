//! Files in every state that a user's database may be in. The original is never changed.

use std::fs;
use std::path::PathBuf;

use futures::StreamExt;

use super::*;
use crate::error::Class;
use crate::readers::sql_store::select::Select;

const TABLES: &str = "CREATE TABLE experiments (experiment_id INTEGER, name TEXT);
    CREATE TABLE runs (run_uuid TEXT, name TEXT);
    INSERT INTO experiments VALUES (0, 'Default'), (1, 'größe');";

/// A folder with a database, and the file.
fn database(more: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    connection.execute_batch(more).unwrap();
    (folder, path)
}

async fn names(database: &SqliteDatabase) -> Vec<Option<String>> {
    let select = Select::from("experiments", &["name"]).order(&["experiment_id"]);
    let rows = (database as &dyn Database).all(select).await.unwrap();
    rows.into_iter().map(|row| row.columns::<1>().map(|name| name.text().unwrap())[0].clone()).collect()
}

fn some(names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| Some((*name).to_owned())).collect()
}

#[tokio::test]
async fn a_copy_shows_one_point_in_time_and_changes_nothing() {
    for mode in ["DELETE", "WAL"] {
        let (_folder, path) = database(&format!("PRAGMA journal_mode = {mode};"));
        let writer = Connection::open(&path).unwrap();
        writer.execute("INSERT INTO experiments VALUES (2, 'before')", []).unwrap();
        let (database, notes) = SqliteDatabase::open(&path).unwrap();
        writer.execute("INSERT INTO experiments VALUES (3, 'after')", []).unwrap();
        assert_eq!(names(&database).await, some(&["Default", "größe", "before"]), "{mode}");
        assert_eq!(notes, [""; 0], "{mode}");
        let count = (&database as &dyn Database).count(Select::from("experiments", &["name"])).await;
        assert_eq!(count.unwrap(), 3, "{mode}");
        assert!(database.catalogue().has_column("runs", "run_uuid"));
    }
}

#[tokio::test]
async fn a_writer_waits_only_while_the_copy_is_made() {
    let (_folder, path) = database("");
    let (database, _) = SqliteDatabase::open(&path).unwrap();
    let select = Select::from("experiments", &["name"]);
    let mut rows = (&database as &dyn Database).rows(select);
    let writer = Connection::open(&path).unwrap();
    writer.busy_timeout(std::time::Duration::ZERO).unwrap();
    writer.execute("INSERT INTO experiments VALUES (2, 'meanwhile')", []).unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().len(), 2);
}

/// The last writer was killed: its journal has to be rolled back, which needs to write.
#[tokio::test]
async fn an_unfinished_transaction_is_rolled_back_in_the_copy() {
    let (folder, path) = database("");
    let crashed = tempfile::tempdir().unwrap();
    let copy = crashed.path().join("mlflow.db");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;").unwrap();
    let text = "x".repeat(2_000);
    for id in 10..60 {
        writer.execute("INSERT INTO experiments VALUES (?1, ?2)", (id, &text)).unwrap();
    }
    for file in fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()) {
        fs::copy(file.path(), crashed.path().join(file.file_name())).unwrap();
    }
    drop(writer);
    let journal = crashed.path().join("mlflow.db-journal");
    assert!(journal.is_file(), "the transaction has reached the disk");
    let before = [fs::read(&copy).unwrap(), fs::read(&journal).unwrap()];
    let (database, _) = SqliteDatabase::open(&copy).unwrap();
    assert_eq!(names(&database).await, some(&["Default", "größe"]));
    assert_eq!(before, [fs::read(&copy).unwrap(), fs::read(&journal).unwrap()], "the original is as it was");
}

/// A copy of a database with its log, on media that cannot be written.
#[tokio::test]
async fn a_log_beside_a_database_is_read_too() {
    let (folder, path) = database("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;");
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO experiments VALUES (2, 'in the log');")
        .unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in ["mlflow.db", "mlflow.db-wal"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let (database, _) = SqliteDatabase::open(&copy.path().join("mlflow.db")).unwrap();
    assert_eq!(names(&database).await, some(&["Default", "größe", "in the log"]));
    assert_eq!(fs::read_dir(copy.path()).unwrap().count(), 2, "nothing is created beside it");
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let fails = |content: &[u8], class: Class, says: &str| {
        fs::write(&path, content).unwrap();
        let error = SqliteDatabase::open(&path).map(|_| ()).unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert!(error.to_string().contains(says) && error.get_hint().is_some(), "{error}");
    };
    fails(b"", Class::Usage, "is empty");
    fails(b"\x8f\x11random bytes of an encrypted file", Class::Usage, "is encrypted");
    fails(b"<html>", Class::Usage, "not an SQLite database");
    let (_folder, whole) = database("");
    let whole = fs::read(whole).unwrap();
    fails(&whole[..whole.len() - 4096], Class::Permanent, "is truncated");
    fails(&whole[..200], Class::Permanent, "is truncated");
    let error = SqliteDatabase::open(&folder.path().join("missing.db")).map(|_| ()).unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
}

#[test]
fn a_locked_database_is_waited_for_and_then_named() {
    let (_folder, path) = database("");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = SqliteDatabase::open(&path).map(|_| ()).unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
    assert!(error.to_string().contains("locked by another program"), "{error}");
}
