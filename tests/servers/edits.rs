//! Validation is independent of the import: it finds changes in the target's own database or among its files, and
//! reports nothing else. `engine/transfer/tests/edits.rs` does the same for every field of every object in memory.

use std::path::PathBuf;

use crate::support::{Mlferry, Real, TARGET};
use serde_json::Value;

/// The expected report for each edit of `edit.py`: the kind of object, its mark, and the prefix of the field names.
const SHOWN: [(&str, &str, &str, &str); 25] = [
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
    source: Real,
    target: Real,
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
    async fn edit(&self, name: &str) -> Option<String> {
        let database = self.target.dir.path().join("mlflow.db");
        let output = self.target.python("edit.py", &[database.to_str().unwrap(), name]).await;
        Some(String::from_utf8(output.stdout).unwrap()).filter(|said| !said.is_empty())
    }

    /// The reason why an edit was not found as expected.
    async fn missed(&self, (name, kind, mark, field): (&str, &str, &str, &str)) -> Option<String> {
        let found = self.found(if kind == "artifact" { "checksum" } else { "none" }).await;
        let [one] = &found[..] else {
            return Some(format!("{name}: {} differences: {found:?}", found.len()));
        };
        let fields = one["fields"].as_array().cloned().unwrap_or_default();
        let is_field = |one: &Value| one["field"].as_str().is_some_and(|name| name.starts_with(field));
        let is_it = one["kind"] == kind && one["mark"] == mark && fields.iter().all(is_field);
        (!is_it || mark == "differs" && fields.is_empty()).then(|| format!("{name}: said as {one}"))
    }
}

/// A file of a run on the target with more than one byte.
fn some_file(server: &Real) -> PathBuf {
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
async fn what_somebody_changes_on_the_target_is_found_and_nothing_else() {
    let (source, target) = futures::join!(Real::start(TARGET), Real::start(TARGET));
    source.awkward(&["--all"]).await;
    let migrated = Migrated { source, target, mlferry: Mlferry::new() };
    let ends = ["--source", migrated.source.url(), "--target", migrated.target.url(), "--json"];
    migrated.mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(0);
    assert_eq!(migrated.found("checksum").await, [Value::Null; 0]);
    let mut wrong = Vec::new();
    migrated.edit("keep").await;
    for shown in SHOWN {
        match migrated.edit(shown.0).await {
            Some(trouble) => wrong.push(trouble),
            None => wrong.extend(migrated.missed(shown).await),
        }
        migrated.edit("undo").await;
    }
    let file = some_file(&migrated.target);
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[0] ^= 1;
    std::fs::write(&file, flipped).unwrap();
    wrong.extend(migrated.missed(("byte flipped", "artifact", "differs", "")).await);
    std::fs::remove_file(&file).unwrap();
    wrong.extend(migrated.missed(("file removed", "artifact", "missing", "")).await);
    std::fs::write(&file, whole).unwrap();
    assert_eq!(migrated.found("checksum").await, [Value::Null; 0], "everything is as it was");
    let tried = SHOWN.len() + 2;
    eprintln!("edits of a real server: {tried} tried, {} found", tried - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
