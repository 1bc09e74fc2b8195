//! Servers with a file store (`mlruns`): intact ones, and damaged ones that return errors or hide data.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Mlferry, Store, TARGET, TestServer, differences, store_equals_server};
use serde_json::Value;

async fn arrives_exactly(version: &str, more: &[&str]) {
    let (source, target) =
        futures::join!(TestServer::start_with(version, Store::Files), TestServer::start(TARGET));
    source.edge_cases(more).await;
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];
    let first = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(0).outcome();
    assert_eq!(first["counts"]["runs"]["done"], first["counts"]["runs"]["planned"], "{first}");
    let again = Mlferry::new().run(&[&["import"], &ends[..]].concat()).await.exits(0).outcome();
    for kind in ["experiments", "runs", "model_versions", "prompt_versions"] {
        assert_eq!(again["counts"][kind]["planned"], first["counts"][kind]["planned"], "{again}");
    }
    assert_eq!(
        differences(&source, &target).await,
        [""; 0],
        "after two imports, of which one without a journal"
    );

    let validate = [&["validate", "--artifacts", "checksum"], &ends[..]].concat();
    let same = mlferry.run(&validate).await.exits(0).outcome();
    assert_eq!(same["comparison"]["runs"]["same"], first["counts"]["runs"]["planned"], "{same}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_files_of_mlflow_2_22_4() {
    arrives_exactly("2.22.4", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_files_of_mlflow_3_10_1() {
    arrives_exactly("3.10.1", &["--models"]).await;
}

/// The damage in these experiments loses no data.
const HARMLESS: [&str; 2] = ["empty param and tag", "run without a status"];
/// No route of the server returns these experiments or their names.
const HIDDEN: &str = "experiment without meta.yaml";
/// MLflow 3.10 lists such a run but cannot load it: everything except its metric histories arrives, and this is
/// reported.
const INCOMPLETE: [&str; 2] = ["run without an artifacts folder", "run without empty folders"];

async fn only_what_is_damaged_is_lost(version: &str) {
    let (source, target) =
        futures::join!(TestServer::start_with(version, Store::Files), TestServer::start(TARGET));
    let damaged = source.damaged().await;
    let is_incomplete = |name: &str| version.starts_with('3') && INCOMPLETE.contains(&name);
    let is_lost = |name: &str| !INCOMPLETE.contains(&name) && !HARMLESS.contains(&name);
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];

    let checked = mlferry.run(&["check", "--source", source.url()]).await;
    assert!(matches!(checked.code, Some(3)), "{checked:?}");
    let planned = mlferry.run(&["plan", "--source", source.url(), "--json"]).await.exits(3).lines();
    for (name, run) in damaged.iter().filter(|(name, _)| *name != HIDDEN && is_lost(name)) {
        let is_named = |line: &&Value| line["type"] == "unreadable" && line["id"] == run.as_str();
        assert!(planned.iter().any(|line| is_named(&line)), "{name}: {planned:#?}");
    }
    for _ in 0..2 {
        let ran = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(3);
        let lines = ran.lines();
        let failed: BTreeMap<&str, &Value> = lines
            .iter()
            .filter(|line| line["type"] == "item_failed" && line["kind"] == "run")
            .map(|line| (line["id"].as_str().unwrap(), &line["reason"]))
            .collect();
        let expected: BTreeSet<&str> = damaged
            .iter()
            .filter(|(name, _)| *name != HIDDEN && (is_lost(name) || is_incomplete(name)))
            .map(|(_, run)| run.as_str())
            .collect();
        let named: BTreeSet<&str> = failed.keys().copied().filter(|id| id.len() == 32).collect();
        assert_eq!(named, expected, "{failed:#?}");
        assert!(failed.values().all(|reason| reason.as_str().unwrap().contains("answered")), "{failed:#?}");
        // The other runs of an experiment that cannot be listed are reported too.
        let unknown = failed.iter().filter(|(id, _)| id.starts_with("others of experiment"));
        assert!(unknown.count() >= 9, "{failed:#?}");
    }

    let dump: Value = serde_json::from_slice(&std::fs::read(target.dump().await).unwrap()).unwrap();
    let arrived = |name: &str| -> BTreeMap<String, Value> {
        let experiments = dump["experiments"].as_array().unwrap();
        let Some(one) = experiments.iter().find(|one| one["name"] == name) else { return BTreeMap::new() };
        let runs = one["runs"].as_array().unwrap().iter();
        runs.map(|run| (run["run_name"].as_str().unwrap().to_owned(), run.clone())).collect()
    };
    for name in damaged.keys().filter(|name| *name != HIDDEN) {
        let runs = arrived(name);
        let expected: &[&str] =
            if is_lost(name) { &["first", "last"] } else { &["damaged", "first", "last"] };
        assert_eq!(runs.keys().collect::<Vec<_>>(), expected, "{name}");
        for run in [&runs["first"], &runs["last"]] {
            assert_eq!(run["metrics"]["acc"].as_array().unwrap().len(), 3, "{name}: {run}");
            assert!(run["artifacts"].get("model/weights.bin").is_some(), "{name}: {run}");
        }
        if is_incomplete(name) {
            let run = &runs["damaged"];
            assert!(run["artifacts"].get("model/weights.bin").is_some(), "{name}: {run}");
            assert_eq!(run["tags"]["t"], "tag", "{name}: {run}");
        }
    }
    assert!(arrived(HIDDEN).is_empty());

    let found = mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(4);
    let lines = found.lines();
    let unreadable: BTreeSet<&str> = lines
        .iter()
        .filter(|line| line["type"] == "difference" && line["mark"] == "unreadable")
        .filter_map(|line| line["source_id"].as_str()?.split('/').next())
        .filter(|id| id.len() == 32)
        .collect();
    let expected =
        damaged.iter().filter(|(name, _)| *name != HIDDEN && (is_lost(name) || is_incomplete(name)));
    assert_eq!(unreadable, expected.map(|(_, run)| run.as_str()).collect());
    let comparison = &found.outcome()["comparison"];
    for kind in ["runs", "artifacts"] {
        for mark in ["missing", "extra", "differs"] {
            assert!(comparison[kind][mark].is_null(), "{comparison}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_damaged_is_lost_from_files_of_mlflow_2_22_4() {
    only_what_is_damaged_is_lost("2.22.4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_damaged_is_lost_from_files_of_mlflow_3_10_1() {
    only_what_is_damaged_is_lost("3.10.1").await;
}

/// A folder without a server has the contents that its server shows. `differing` gives the kinds and numbers of objects
/// that the server shows wrongly.
async fn equals_its_server(version: &str, more: &[&str], differing: &[(&str, u64)]) {
    let server = TestServer::start_with(version, Store::Files).await;
    server.edge_cases(more).await;
    store_equals_server(&server.server.mlruns(), &server, differing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_mlflow_2_22_4_equals_its_server() {
    equals_its_server("2.22.4", &[], &[]).await;
}

/// Over files, MLflow 3 shows only the latest point of each metric of a logged model.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_mlflow_3_10_1_equals_its_server() {
    equals_its_server("3.10.1", &["--models"], &[("logged_models", 1)]).await;
}

/// MLflow's own client finds everything on the target.
#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_a_folder() {
    let (source, target) =
        futures::join!(TestServer::start_with("2.22.4", Store::Files), TestServer::start(TARGET));
    source.edge_cases(&[]).await;
    let mlruns = source.server.mlruns();
    let import = ["import", "--source", mlruns.to_str().unwrap(), "--target", target.url()];
    Mlferry::new().run(&import).await.exits(0);
    assert_eq!(differences(&source, &target).await, [""; 0]);
}
