//! Several sources that are moved into one target: nothing is mixed unless the user asks for it.

use std::fs;
use std::path::Path;

use crate::support::objects::{everything, experiment, import, post, run};
use crate::support::{Mlferry, Ran, TARGET, TestServer};
use serde_json::{Value, json};

type Named = Vec<(String, Vec<String>)>;

fn named(all: &[(&str, &[&str])]) -> Named {
    let texts = |runs: &[&str]| runs.iter().map(|run| (*run).to_owned()).collect();
    all.iter().map(|(name, runs)| ((*name).to_owned(), texts(runs))).collect()
}

/// Two sources are filled one after the other: id and creation time tell whose experiment it is.
async fn source_with(experiments: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start(TARGET).await;
    for (name, of) in experiments {
        let id = if *name == "Default" { "0".to_owned() } else { experiment(&server, name).await };
        run(&server, &id, of, json!([])).await;
    }
    server
}

async fn validate(source: &str, target: &TestServer, more: &[&str]) -> Ran {
    let validate = ["validate", "--source", source, "--target", target.url(), "--json"];
    Mlferry::new().run(&[&validate, more].concat()).await
}

fn failure(ran: &Ran) -> Value {
    let is_experiment = |line: &&Value| line["type"] == "item_failed" && line["kind"] == "experiment";
    ran.lines().iter().find(is_experiment).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn experiments_of_one_name_are_merged_only_on_request() {
    let (a, target) =
        futures::join!(source_with(&[("churn", "a1"), ("Default", "a0")]), TestServer::start(TARGET));
    let b = source_with(&[("churn", "b1"), ("own", "b2"), ("Default", "b0")]).await;
    import(&Mlferry::new(), &a, &target, &[]).await.exits(0);
    let ran = import(&Mlferry::new(), &b, &target, &[]).await.exits(3);
    let failed = failure(&ran);
    assert_eq!(
        failed["reason"], "the target has an experiment named \"churn\" that holds runs of another source",
        "{failed}"
    );
    assert!(failed["hint"].as_str().unwrap().contains("--merge"), "{failed}");
    assert_eq!(failed["cause"], "name_taken", "{failed}");
    let lines = ran.lines();
    let of = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap();
    // The warning comes before the import writes anything.
    let warning = of("finding").to_string();
    assert!(
        warning.contains("1 experiment of the same name") && warning.contains("\\\"churn\\\""),
        "{warning}"
    );
    let is_run = |line: &&Value| line["type"] == "item_failed" && line["kind"] == "run";
    let failed_run = lines.iter().find(is_run).unwrap();
    assert_eq!(failed_run["reason"], "its experiment \"churn\" failed", "{failed_run}");
    assert_eq!(failed_run["cause"]["experiment"], "churn", "{failed_run}");
    let counts = &ran.outcome()["counts"];
    assert_eq!(counts["runs"], json!({ "planned": 3, "done": 2, "failed": 1, "skipped": 0 }), "{counts}");
    assert_eq!(counts["experiments"]["failed"], 1, "{counts}");
    let plain = ["import", "--source", b.url(), "--target", target.url()];
    let plain = Mlferry::new().run(&plain).await.exits(3);
    let shown = format!("{}{}", plain.stdout, plain.stderr);
    assert!(shown.contains("failed: 1 run: its experiment \"churn\" failed"), "{shown}");
    assert!(shown.contains("for names that are taken, add --experiments-prefix"), "{shown}");
    assert!(!shown.contains("run the same command again"), "{shown}");
    let connect = ["connect", "--source", b.url(), "--target", target.url()];
    let connect = Mlferry::new().run(&connect).await.exits(0);
    assert!(
        connect.stdout.contains("target warning names: has 1 experiment of the same name"),
        "{}",
        connect.stdout
    );
    let apart = named(&[("Default", &["a0", "b0"]), ("churn", &["a1"]), ("own", &["b2"])]);
    assert_eq!(everything(&target).await, apart);

    import(&Mlferry::new(), &b, &target, &["--merge"]).await.exits(0);
    let merged = named(&[("Default", &["a0", "b0"]), ("churn", &["a1", "b1"]), ("own", &["b2"])]);
    assert_eq!(everything(&target).await, merged);
    // The target knows what was merged, also for a machine that has no journal of it.
    let again = import(&Mlferry::new(), &b, &target, &[]).await.exits(0);
    assert!(!again.stdout.contains("\"finding\""), "{}", again.stdout);
    import(&Mlferry::new(), &a, &target, &["--merge"]).await.exits(0);
    assert_eq!(everything(&target).await, merged);

    for source in [&a, &b] {
        validate(source.url(), &target, &[]).await.exits(4);
        let ran = validate(source.url(), &target, &["--merge"]).await.exits(0);
        let runs = ran.outcome()["not_compared"].to_string();
        assert!(runs.contains("only the target has"), "{runs}");
    }
    // Its own second copy is a difference, though.
    let churn =
        post(&target, "experiments/search", json!({ "max_results": 9, "filter": "name = 'churn'" })).await;
    let churn = churn["experiments"][0]["experiment_id"].as_str().unwrap().to_owned();
    let found = post(&a, "runs/search", json!({ "experiment_ids": ["0"] })).await;
    let found = found["runs"][0]["info"]["run_id"].as_str().unwrap().to_owned();
    run(&target, "0", "a0", json!([{ "key": "mlferry.source.run_id", "value": found }])).await;
    validate(a.url(), &target, &["--merge"]).await.exits(4);
    run(&target, &churn, "somebody's", json!([])).await;
    validate(b.url(), &target, &["--merge"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_keeps_sources_apart() {
    let (a, target) = futures::join!(source_with(&[("churn", "a1")]), TestServer::start(TARGET));
    let b = source_with(&[("churn", "b1"), ("Default", "b0")]).await;
    for (source, prefix) in [(&a, "a/"), (&b, "b/"), (&a, "a/")] {
        let prefix = ["--experiments-prefix", prefix];
        import(&Mlferry::new(), source, &target, &prefix).await.exits(0);
        validate(source.url(), &target, &prefix).await.exits(0);
    }
    let apart = named(&[
        ("Default", &[]),
        ("a/Default", &[]),
        ("a/churn", &["a1"]),
        ("b/Default", &["b0"]),
        ("b/churn", &["b1"]),
    ]);
    assert_eq!(everything(&target).await, apart);
}

/// Writes a folder as releases before MLflow 1.29 wrote it: experiments have no creation time.
fn write_experiment(folder: &Path, id: &str, name: &str, run: &str) {
    let experiment = folder.join(id);
    let run_folder = experiment.join(run);
    for part in ["params", "metrics", "tags", "artifacts"] {
        fs::create_dir_all(run_folder.join(part)).unwrap();
    }
    let meta =
        format!("artifact_location: ./{id}\nexperiment_id: '{id}'\nlifecycle_stage: active\nname: {name}\n");
    fs::write(experiment.join("meta.yaml"), meta).unwrap();
    let meta = format!(
        "artifact_uri: ./{id}/{run}/artifacts\nend_time: 2\nentry_point_name: ''\nexperiment_id: '{id}'\n\
         lifecycle_stage: active\nname: ''\nrun_id: {run}\nrun_uuid: {run}\nsource_name: ''\nsource_type: 4\n\
         source_version: ''\nstart_time: 1\nstatus: 3\ntags: []\nuser_id: ann\n"
    );
    fs::write(run_folder.join("meta.yaml"), meta).unwrap();
    fs::write(run_folder.join("tags/mlflow.runName"), &run[..2]).unwrap();
}

/// Old folders number their experiments from 0, and nothing else identifies an experiment: its runs do.
#[tokio::test(flavor = "multi_thread")]
async fn old_folders_with_the_same_numbers_are_not_mixed() {
    let target = TestServer::start(TARGET).await;
    let folders = tempfile::tempdir().unwrap();
    let (a, b) = (folders.path().join("a/mlruns"), folders.path().join("b/mlruns"));
    let id = |start: &str| format!("{start}{}", "0".repeat(30));
    write_experiment(&a, "1", "churn", &id("a1"));
    write_experiment(&b, "1", "churn", &id("b1"));
    // A folder may have two experiments of one name.
    write_experiment(&b, "2", "twice", &id("b2"));
    write_experiment(&b, "3", "twice", &id("b3"));
    let of = async |folder: &Path, more: &[&str]| {
        let import = ["import", "--source", folder.to_str().unwrap(), "--target", target.url(), "--json"];
        Mlferry::new().run(&[&import, more].concat()).await
    };
    for _ in 0..2 {
        of(&a, &[]).await.exits(0);
    }
    let refused = of(&b, &[]).await.exits(2);
    let reason = refused.lines().pop().unwrap().to_string();
    assert!(reason.contains("two experiments would have the name") && reason.contains("--merge"), "{reason}");
    let renames = folders.path().join("names.csv");
    fs::write(&renames, "id:3,twice (2)\n").unwrap();
    let renames = ["--experiment-rename-file", renames.to_str().unwrap()];
    let ran = of(&b, &renames).await.exits(3);
    assert!(failure(&ran)["reason"].as_str().unwrap().contains("\"churn\" that holds runs"));
    assert!(ran.stdout.contains("1 experiment of the same name"), "{}", ran.stdout);
    let apart: Named =
        named(&[("Default", &[]), ("churn", &["a1"]), ("twice", &["b2"]), ("twice (2)", &["b3"])]);
    assert_eq!(everything(&target).await, apart);
    let merge = [&renames[..], &["--merge"]].concat();
    for _ in 0..2 {
        of(&b, &merge).await.exits(0);
        of(&a, &[]).await.exits(0);
    }
    // Its own runs are there now, so it is known.
    let known = of(&b, &renames).await.exits(0);
    assert!(!known.stdout.contains("of the same name"), "{}", known.stdout);
    validate(b.to_str().unwrap(), &target, &merge).await.exits(0);
    let merged: Named =
        named(&[("Default", &[]), ("churn", &["a1", "b1"]), ("twice", &["b2"]), ("twice (2)", &["b3"])]);
    assert_eq!(everything(&target).await, merged);

    let other = TestServer::start(TARGET).await;
    let into = ["import", "--source", b.to_str().unwrap(), "--target", other.url(), "--merge"];
    for _ in 0..2 {
        Mlferry::new().run(&into).await.exits(0);
    }
    validate(b.to_str().unwrap(), &other, &["--merge"]).await.exits(0);
    assert_eq!(
        everything(&other).await,
        named(&[("Default", &[]), ("churn", &["b1"]), ("twice", &["b2", "b3"])])
    );
}

async fn id_of(server: &TestServer, name: &str) -> String {
    let search = json!({ "max_results": 100, "view_type": "ALL", "filter": format!("name = '{name}'") });
    let found = post(server, "experiments/search", search).await;
    found["experiments"][0]["experiment_id"].as_str().unwrap().to_owned()
}

/// What one source deletes or renames does not change what the others have in a shared experiment.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_experiment_belongs_to_no_single_source() {
    let (a, target) = futures::join!(source_with(&[("team", "a1")]), TestServer::start(TARGET));
    let b = source_with(&[("team", "b1")]).await;
    import(&Mlferry::new(), &a, &target, &[]).await.exits(0);
    import(&Mlferry::new(), &b, &target, &["--merge"]).await.exits(0);
    let shared = named(&[("Default", &[]), ("team", &["a1", "b1"])]);
    let of_b = id_of(&b, "team").await;
    post(&b, "experiments/update", json!({ "experiment_id": of_b, "new_name": "team b" })).await;
    import(&Mlferry::new(), &b, &target, &["--merge"]).await.exits(0);
    validate(b.url(), &target, &["--merge"]).await.exits(0);
    assert_eq!(everything(&target).await, shared, "the name is that of the other source");

    let of_a = id_of(&a, "team").await;
    post(&a, "experiments/delete", json!({ "experiment_id": of_a })).await;
    let ran = import(&Mlferry::new(), &a, &target, &[]).await.exits(0);
    assert!(ran.outcome()["notes"].to_string().contains("it holds runs of other sources"), "{}", ran.stdout);
    let team = id_of(&target, "team").await;
    let now = post(&target, "experiments/search", json!({ "max_results": 9 })).await;
    assert!(now["experiments"].to_string().contains(&format!("\"experiment_id\":\"{team}\"")), "{now}");
    import(&Mlferry::new(), &b, &target, &["--merge"]).await.exits(0);
    assert_eq!(everything(&target).await, shared, "nothing is doubled");
}

/// A deleted copy is restored and renamed, not made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_and_renamed_experiment_is_not_doubled() {
    let (source, target) = futures::join!(source_with(&[("old", "r1")]), TestServer::start(TARGET));
    let id = id_of(&source, "old").await;
    import(&Mlferry::new(), &source, &target, &["--experiments-prefix", "x/"]).await.exits(0);
    post(&source, "experiments/delete", json!({ "experiment_id": id })).await;
    import(&Mlferry::new(), &source, &target, &["--experiments-prefix", "x/"]).await.exits(0);
    post(&source, "experiments/restore", json!({ "experiment_id": id })).await;
    post(&source, "experiments/update", json!({ "experiment_id": id, "new_name": "new" })).await;
    // The old name is used again.
    let again = experiment(&source, "old").await;
    run(&source, &again, "r2", json!([])).await;
    for _ in 0..2 {
        import(&Mlferry::new(), &source, &target, &["--experiments-prefix", "x/"]).await.exits(0);
        let wanted = named(&[("Default", &[]), ("x/Default", &[]), ("x/new", &["r1"]), ("x/old", &["r2"])]);
        assert_eq!(everything(&target).await, wanted);
    }
    validate(source.url(), &target, &["--experiments-prefix", "x/"]).await.exits(0);
}

/// Two experiments of one source become one, and `Default` stays where it was merged before.
#[tokio::test(flavor = "multi_thread")]
async fn experiments_of_one_source_become_one() {
    let sources = source_with(&[("one", "r1"), ("two", "r2"), ("Default", "r0")]);
    let (source, target) = futures::join!(sources, TestServer::start(TARGET));
    let names = tempfile::NamedTempFile::new().unwrap();
    fs::write(names.path(), "one,all\ntwo,all\n").unwrap();
    let merge = ["--merge", "--experiment-rename-file", names.path().to_str().unwrap()];
    for _ in 0..2 {
        import(&Mlferry::new(), &source, &target, &merge).await.exits(0);
        assert_eq!(everything(&target).await, named(&[("Default", &["r0"]), ("all", &["r1", "r2"])]));
        validate(source.url(), &target, &merge).await.exits(0);
    }
    let with_prefix = [&merge[..], &["--experiments-prefix", "x/"]].concat();
    import(&Mlferry::new(), &source, &target, &with_prefix).await.exits(0);
    validate(source.url(), &target, &with_prefix).await.exits(0);
}

/// The store of a running server, or its copy, is not moved into that server.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_no_target_for_its_own_store() {
    let server = source_with(&[("churn", "r1")]).await;
    let copy = tempfile::tempdir().unwrap();
    fs::copy(server.server.database(), copy.path().join("mlflow.db")).unwrap();
    for store in [server.server.database(), copy.path().join("mlflow.db")] {
        let import = ["import", "--source", store.to_str().unwrap(), "--target", server.url(), "--json"];
        for more in [&[][..], &["--experiments-prefix", "x/"], &["--merge"]] {
            let ran = Mlferry::new().run(&[&import, more].concat()).await.exits(2);
            let error = ran.lines().pop().unwrap().to_string();
            assert!(error.contains("source and target are the same"), "{error}");
        }
    }
    assert_eq!(everything(&server).await, named(&[("Default", &[]), ("churn", &["r1"])]));
}
