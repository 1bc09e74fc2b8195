//! Validation is independent of the import: it finds changes in the target's own database or among its files, and
//! reports nothing else. `engine/transfer/tests/edits.rs` does the same for every field of every object in memory.

use std::path::PathBuf;

use crate::support::{Mlferry, TARGET, TestServer};
use serde_json::Value;

type Edit = (&'static str, &'static str, &'static str, &'static str);

/// The expected report for each edit of `edit.py`: the kind of object, its mark, and the prefix of the field names.
const SHOWN: [Edit; 25] = [
    ("point removed", "run", "differs", "metric "),
    ("point changed", "run", "differs", "metric "),
    // The history does not have the value that the server calls the latest, so it counts as one more point.
    ("latest changed", "run", "differs", "metric "),
    ("param changed", "run", "differs", "param "),
    ("param removed", "run", "differs", "param "),
    ("run tag added", "run", "differs", "tag edited"),
    ("run renamed", "run", "differs", "run_name"),
    ("run's end changed", "run", "differs", "end_time"),
    ("run's state changed", "run", "differs", "status"),
    ("run's user changed", "run", "differs", "user_id"),
    ("run deleted", "run", "differs", "lifecycle_stage"),
    ("run added", "run", "extra", ""),
    ("experiment tag added", "experiment", "differs", "tag edited"),
    ("experiment renamed", "experiment", "differs", "name"),
    ("alias added", "registered_model", "differs", "alias "),
    ("alias moved", "prompt", "differs", "alias "),
    ("scorer changed", "scorer", "differs", ""),
    ("model's tag added", "registered_model", "differs", "tag edited"),
    ("version described", "model_version", "differs", "description"),
    ("logged model's metric changed", "logged_model", "differs", "metrics"),
    ("logged model's param changed", "logged_model", "differs", "param "),
    ("trace tag added", "trace", "differs", "tag edited"),
    ("assessment changed", "trace", "differs", "assessment"),
    ("record changed", "evaluation_dataset", "differs", "record"),
    ("span attribute added", "trace", "differs", "span "),
];

struct Migrated {
    source: TestServer,
    target: TestServer,
    mlferry: Mlferry,
}

impl Migrated {
    /// The differences that `validate` reports. Its exit code shows whether there are any.
    async fn found(&self, artifacts: &str) -> Vec<Value> {
        let ends = ["--source", self.source.url(), "--target", self.target.url(), "--json"];
        let ran = self.mlferry.run(&[&["validate", "--artifacts", artifacts], &ends[..]].concat()).await;
        let found: Vec<Value> = ran.lines().into_iter().filter(|line| line["type"] == "difference").collect();
        assert_eq!(ran.code, Some(if found.is_empty() { 0 } else { 4 }), "{found:?}");
        found
    }

    /// The script prints the error if the edit fails.
    async fn edit(&self, names: &[&str]) -> Option<String> {
        let database = self.target.dir.path().join("mlflow.db");
        let output = self.target.python("edit.py", &[&[database.to_str().unwrap()], names].concat()).await;
        Some(String::from_utf8(output.stdout).unwrap()).filter(|said| !said.is_empty())
    }

    /// Compares the differences with the edits that were made since the last `undo`. Each edit must be found in a field
    /// of its own, and no other object or field may be reported.
    async fn wrong(&self, edits: &[Edit]) -> Vec<String> {
        let has_file = edits.iter().any(|(_, kind, ..)| *kind == "artifact");
        let found = self.found(if has_file { "checksum" } else { "none" }).await;
        let fields = |one: &Value| one["fields"].as_array().cloned().unwrap_or_default();
        let is_of = |(_, kind, mark, _): &Edit, one: &Value| one["kind"] == *kind && one["mark"] == *mark;
        let has =
            |(.., field): &Edit, of: &Value| of["field"].as_str().is_some_and(|name| name.starts_with(field));
        let missed = edits.iter().filter(|edit| {
            let is_found = |one: &Value| edit.2 != "differs" || fields(one).iter().any(|of| has(edit, of));
            !found.iter().any(|one| is_of(edit, one) && is_found(one))
        });
        let mut wrong: Vec<String> =
            missed.map(|edit| format!("{} was not found in {found:?}", edit.0)).collect();
        for one in &found {
            let of_it: Vec<&Edit> = edits.iter().filter(|edit| is_of(edit, one)).collect();
            let is_known = |of: &Value| of_it.iter().any(|edit| has(edit, of));
            if of_it.is_empty() || !fields(one).iter().all(is_known) {
                wrong.push(format!("nobody made this: {one}"));
            }
        }
        if found.len() > edits.len() {
            wrong.push(format!("{} edits, {} objects reported: {found:?}", edits.len(), found.len()));
        }
        wrong
    }
}

/// Puts the edits into groups that can be made at once: no two of a group change the same field of one object.
fn groups() -> Vec<Vec<Edit>> {
    let mut groups: Vec<Vec<Edit>> = Vec::new();
    for edit in SHOWN {
        let is_free = |group: &&mut Vec<Edit>| {
            group.iter().all(|one| (one.1, one.2, one.3) != (edit.1, edit.2, edit.3))
                && (edit.2 == "differs" || group.iter().all(|one| one.1 != edit.1))
        };
        match groups.iter_mut().find(is_free) {
            Some(group) => group.push(edit),
            None => groups.push(vec![edit]),
        }
    }
    groups
}

/// A file of a run on the target with more than one byte.
fn some_file(server: &TestServer) -> PathBuf {
    let (mut folders, mut files) = (vec![server.server.artifacts()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let is_runs = |path: &PathBuf| {
        let path = path.to_str().unwrap();
        !path.contains("/models/") && !path.contains("/traces/") && !path.ends_with("MLmodel")
    };
    files.retain(|path| is_runs(path) && path.metadata().unwrap().len() > 1);
    files.sort();
    files.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_finds_each_edit_and_nothing_else() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.edge_cases(&["--all"]).await;
    let migrated = Migrated { source, target, mlferry: Mlferry::new() };
    let ends = ["--source", migrated.source.url(), "--target", migrated.target.url(), "--json"];
    migrated.mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(0);
    assert_eq!(migrated.found("checksum").await, [Value::Null; 0]);
    let mut wrong = Vec::new();
    migrated.edit(&["keep"]).await;
    for group in groups() {
        let names: Vec<&str> = group.iter().map(|edit| edit.0).collect();
        match migrated.edit(&names).await {
            Some(trouble) => wrong.push(trouble),
            None => wrong.extend(migrated.wrong(&group).await),
        }
        migrated.edit(&["undo"]).await;
    }
    let file = some_file(&migrated.target);
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[0] ^= 1;
    std::fs::write(&file, flipped).unwrap();
    wrong.extend(migrated.wrong(&[("byte flipped", "artifact", "differs", "")]).await);
    std::fs::remove_file(&file).unwrap();
    wrong.extend(migrated.wrong(&[("file removed", "artifact", "missing", "")]).await);
    std::fs::write(&file, whole).unwrap();
    assert_eq!(migrated.found("checksum").await, [Value::Null; 0], "everything is as it was");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
