//! Imports again: no item is duplicated or damaged, and a refused item affects only itself.

use crate::support::objects::{everything, experiment, import, post, run};
use crate::support::{Mlferry, Store, TARGET, TestServer, differences, differences_from};
use serde_json::{Value, json};

fn pair(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value })
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_objects_are_followed_and_never_duplicated() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let (renamed, kept) = (experiment(&source, "a new").await, experiment(&source, "kept").await);
    run(&source, &renamed, "r1", json!([])).await;
    run(&source, &kept, "r2", json!([])).await;
    run(&source, "0", "r3", json!([])).await;
    // An existing experiment on the target with the same number as one of the source.
    let foreign = experiment(&target, "somebody's").await;
    run(&target, &foreign, "theirs", json!([])).await;
    for name in ["churn", "stays"] {
        post(&source, "registered-models/create", json!({ "name": name })).await;
        post(&source, "model-versions/create", json!({ "name": name, "source": format!("s3://b/{name}") }))
            .await;
    }
    import(&Mlferry::new(), &source, &target, &[]).await.exits(0);

    post(&source, "experiments/update", json!({ "experiment_id": renamed, "new_name": "new" })).await;
    post(&source, "registered-models/rename", json!({ "name": "churn", "new_name": "churn, 2" })).await;
    let theirs = url_of(&target, "experiments/get-by-name?experiment_name=kept").await;
    let theirs = theirs["experiment"]["experiment_id"].as_str().unwrap().to_owned();
    post(&target, "experiments/update", json!({ "experiment_id": theirs, "new_name": "mine" })).await;
    post(&target, "registered-models/rename", json!({ "name": "stays", "new_name": "my model" })).await;
    let named =
        |name: &str, runs: &[&str]| (name.to_owned(), runs.iter().map(|run| (*run).to_owned()).collect());
    let wanted: Vec<(String, Vec<String>)> = vec![
        named("Default", &["r3"]),
        named("mine", &["r2"]),
        named("new", &["r1"]),
        named("somebody's", &["theirs"]),
    ];
    for update in [&[][..], &["--update"]] {
        let outcome = import(&Mlferry::new(), &source, &target, update).await.exits(0).outcome();
        assert_eq!(everything(&target).await, wanted, "{outcome}");
        let notes = outcome["notes"].to_string();
        assert!(notes.contains("is called \\\"mine\\\"") && notes.contains("\\\"my model\\\""), "{notes}");
        let models = url_of(&target, "registered-models/search").await;
        let mut names: Vec<&str> = models["registered_models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["churn, 2", "my model"]);
    }

    // A second source with the same small numbers is a different source: no item is matched with one of the first
    // source.
    let second = TestServer::start(TARGET).await;
    run(&second, &experiment(&second, "another").await, "r1", json!([])).await;
    import(&Mlferry::new(), &second, &target, &[]).await.exits(0);
    let mut wanted = wanted;
    wanted.insert(1, named("another", &["r1"]));
    assert_eq!(everything(&target).await, wanted);
}

/// The prefix is an option of the import, not a rename at the source.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_the_prefix_of_an_earlier_one_keeps_the_names() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let id = experiment(&source, "a").await;
    run(&source, &id, "r1", json!([])).await;
    let prefix = ["--experiments-prefix", "t/"];
    let names = async || everything(&target).await.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    import(&Mlferry::new(), &source, &target, &prefix).await.exits(0);
    let outcome = import(&Mlferry::new(), &source, &target, &[]).await.exits(0).outcome();
    assert!(outcome["notes"].to_string().contains("with other options"), "{outcome}");
    assert_eq!(names().await, ["Default", "t/Default", "t/a"]);
    post(&source, "experiments/update", json!({ "experiment_id": id, "new_name": "b" })).await;
    import(&Mlferry::new(), &source, &target, &prefix).await.exits(0);
    assert_eq!(names().await, ["Default", "t/Default", "t/b"]);
}

/// A name is freed at the source and given to another object. The copy of the first object is renamed too, although
/// only the second is selected. No item is duplicated or mixed up.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_another_has_now_mixes_nothing() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let first = experiment(&source, "w").await;
    run(&source, &first, "r1", json!([])).await;
    let version = |name: &str, of: &str| json!({ "name": name, "source": format!("s3://b/{of}") });
    post(&source, "registered-models/create", json!({ "name": "z" })).await;
    post(&source, "model-versions/create", version("z", "first")).await;
    import(&Mlferry::new(), &source, &target, &[]).await.exits(0);

    post(&source, "experiments/update", json!({ "experiment_id": first, "new_name": "w-old" })).await;
    run(&source, &experiment(&source, "w").await, "r2", json!([])).await;
    post(&source, "registered-models/rename", json!({ "name": "z", "new_name": "z-old" })).await;
    post(&source, "registered-models/create", json!({ "name": "z", "description": "the new one" })).await;
    post(&source, "model-versions/create", version("z", "second")).await;
    let mlferry = Mlferry::new();
    for selection in [&["--experiments", "w", "--models", "z"][..], &["--experiments", "w,w-old"], &[], &[]] {
        import(&mlferry, &source, &target, selection).await.exits(0);
        let names: Vec<(String, Vec<String>)> = everything(&target).await;
        let runs = |name: &str| names.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(
            (runs("w"), runs("w-old")),
            (vec!["r2".to_owned()], vec!["r1".to_owned()]),
            "{selection:?}"
        );
    }
    mlferry.run(&["validate", "--source", source.url(), "--target", target.url()]).await.exits(0);
}

/// One server under two names: the lease of the import is visible at both ends.
#[tokio::test(flavor = "multi_thread")]
async fn one_server_under_two_names_is_refused() {
    let source = TestServer::start(TARGET).await;
    let id = experiment(&source, "only once").await;
    run(&source, &id, "r1", json!([])).await;
    let other = source.url().replace("127.0.0.1", "localhost");
    let before = everything(&source).await;
    let ended = Mlferry::new().run(&["import", "--source", source.url(), "--target", &other]).await.exits(2);
    assert!(ended.stderr.contains("are the same server"), "{}", ended.stderr);
    assert_eq!(everything(&source).await, before);
    let ends = ["--source", source.url(), "--target", &other];
    let looked = Mlferry::new().run(&[&["connect"], &ends[..]].concat()).await.exits(0);
    assert!(looked.stdout.contains("shows the same experiments as the source"), "{}", looked.stdout);
}

/// A restored experiment is restored on the target. If the history of a metric was deleted, the points in the list are
/// used. Importing in the opposite direction is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_experiment_is_restored_and_ends_are_never_swapped() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let id = experiment(&source, "gamma").await;
    let first = run(&source, &id, "r1", json!([])).await;
    for step in 0..3 {
        let point = json!({ "run_id": first, "key": "acc", "value": 0.5, "timestamp": 5, "step": step });
        post(&source, "runs/log-metric", point).await;
    }
    let uri = json!({ "run_id": run(&source, &id, "r2", json!([])).await, "key": "model_uri",
        "value": format!("runs:/{first}/model") });
    post(&source, "runs/set-tag", uri).await;
    // As an administrator may do to get a smaller database.
    let database = source.dir.path().join("mlflow.db");
    source.python("sql.py", &[database.to_str().unwrap(), "delete from metrics"]).await;
    let mlferry = Mlferry::new();
    let validate = ["validate", "--source", source.url(), "--target", target.url()];
    import(&mlferry, &source, &target, &[]).await.exits(0);
    mlferry.run(&validate).await.exits(0);
    let search =
        json!({ "experiment_ids": [experiment_id(&target, "gamma").await], "filter": "metrics.acc = 0.5" });
    assert_eq!(post(&target, "runs/search", search).await["runs"].as_array().map(Vec::len), Some(1));

    post(&source, "experiments/delete", json!({ "experiment_id": id })).await;
    import(&mlferry, &source, &target, &[]).await.exits(0);
    mlferry.run(&validate).await.exits(0);
    post(&source, "experiments/restore", json!({ "experiment_id": id })).await;
    let outcome = import(&mlferry, &source, &target, &[]).await.exits(0).outcome();
    assert!(outcome["notes"].to_string().contains("was restored on the target"), "{outcome}");
    mlferry.run(&validate).await.exits(0);

    let back = import(&Mlferry::new(), &target, &source, &[]).await.exits(2);
    assert!(back.lines().last().unwrap()["message"].to_string().contains("wrong way round"), "{back:?}");
    let folder = tempfile::tempdir().unwrap();
    let renames = folder.path().join("rename.csv");
    std::fs::write(&renames, "gama,delta\n").unwrap();
    import(&mlferry, &source, &target, &["--experiment-rename-file", renames.to_str().unwrap()])
        .await
        .exits(2);
}

async fn experiment_id(server: &TestServer, name: &str) -> String {
    let found = url_of(server, &format!("experiments/get-by-name?experiment_name={name}")).await;
    found["experiment"]["experiment_id"].as_str().unwrap().to_owned()
}

/// Values that changed at the source are not changed on the target, but they are counted. An update sets them.
#[tokio::test(flavor = "multi_thread")]
async fn changed_values_are_reported_and_set_by_an_update() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let id = experiment(&source, "tagged").await;
    let tag = async |value: &str| {
        let body = json!({ "experiment_id": id, "key": "team", "value": value });
        post(&source, "experiments/set-experiment-tag", body).await;
    };
    tag("blue").await;
    post(&source, "registered-models/create", json!({ "name": "churn", "description": "old" })).await;
    for _ in 0..2 {
        let new = json!({ "name": "churn", "source": "s3://b/churn", "description": "old" });
        post(&source, "model-versions/create", new).await;
    }
    let champion = async |version: &str| {
        let body = json!({ "name": "churn", "alias": "champion", "version": version });
        post(&source, "registered-models/alias", body).await;
    };
    champion("1").await;
    let model_tag = async |value: &str| {
        let body = json!({ "name": "churn", "key": "tier", "value": value });
        post(&source, "registered-models/set-tag", body).await;
        let body = json!({ "name": "churn", "version": "1", "key": "tier", "value": value });
        post(&source, "model-versions/set-tag", body).await;
    };
    model_tag("one").await;
    let stage = async |stage: &str| {
        let body =
            json!({ "name": "churn", "version": "2", "stage": stage, "archive_existing_versions": false });
        post(&source, "model-versions/transition-stage", body).await;
    };
    stage("Production").await;
    let mlferry = Mlferry::new();
    import(&mlferry, &source, &target, &[]).await.exits(0);

    tag("green").await;
    champion("2").await;
    model_tag("two").await;
    stage("None").await;
    for (route, body) in [
        ("registered-models/update", json!({ "name": "churn", "description": "new" })),
        ("model-versions/update", json!({ "name": "churn", "version": "1", "description": "new" })),
    ] {
        let url = format!("{}/api/2.0/mlflow/{route}", source.url());
        let answer = reqwest::Client::new().patch(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{route}");
    }
    let left = import(&mlferry, &source, &target, &[]).await.exits(0).outcome()["notes"].to_string();
    for what in [
        "aliases: 1",
        "descriptions of models: 1",
        "descriptions of versions: 1",
        "stages: 1",
        "tags of experiments: 1",
        "tags of models: 1",
        "tags of versions: 1",
        "left alone",
    ] {
        assert!(left.contains(what), "{what}: {left}");
    }
    let validate = ["validate", "--source", source.url(), "--target", target.url()];
    mlferry.run(&validate).await.exits(4);
    let set = import(&mlferry, &source, &target, &["--update"]).await.exits(0).outcome()["notes"].to_string();
    assert!(set.contains("set as on the source"), "{set}");
    mlferry.run(&validate).await.exits(0);
    assert_eq!(differences(&source, &target).await, [""; 0]);
}

async fn url_of(server: &TestServer, route: &str) -> Value {
    let url = format!("{}/api/2.0/mlflow/{route}", server.url());
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

/// A source with a file store accepts names that the target's rules refuse, like sources that are older than these
/// rules.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_value_affects_only_itself() {
    let (source, target) =
        futures::join!(TestServer::start_with(TARGET, Store::Files), TestServer::start(TARGET));
    let id = experiment(&source, "e").await;
    let refused = run(&source, &id, "refused", json!([])).await;
    run(&source, &id, "fine", json!([])).await;
    let points: Vec<Value> =
        (0..50).map(|n| json!({ "key": "m", "value": n, "timestamp": n, "step": n })).collect();
    post(
        &source,
        "runs/log-batch",
        json!({ "run_id": refused, "metrics": points, "params": [pair("lr", "0.1")] }),
    )
    .await;
    let folder = source.server.mlruns().join(&id).join(&refused);
    std::fs::write(folder.join("metrics/m"), {
        let lines: Vec<String> = (-3..50).map(|n| format!("{n} {n}.0 {n}")).collect();
        lines.join("\n") + "\n"
    })
    .unwrap();
    std::fs::write(folder.join("params").join("k".repeat(251)), "v").unwrap();
    let version = json!({ "name": "model", "source": "s3://b/m", "tags": [pair("kept", "x")] });
    post(&source, "registered-models/create", json!({ "name": "model" })).await;
    post(&source, "model-versions/create", version).await;
    let tags = source.server.mlruns().join("models/model/version-1/tags");
    std::fs::write(tags.join("k".repeat(251)), "v").unwrap();

    let mlferry = Mlferry::new();
    for visit in ["first", "second"] {
        let ran = import(&mlferry, &source, &target, &[]).await.exits(3);
        let lines = ran.lines();
        let failed: Vec<&Value> = lines.iter().filter(|line| line["type"] == "item_failed").collect();
        assert_eq!(failed.len(), 2, "{visit}: {failed:?}");
        let of =
            |kind: &str| failed.iter().find(|line| line["kind"] == kind).unwrap()["reason"].as_str().unwrap();
        assert!(of("model_version").contains("refused 1 part"), "{visit}: {failed:?}");
        let there = url_of(&target, "model-versions/get?name=model&version=1").await;
        let tags = there["model_version"]["tags"].as_array().unwrap();
        assert!(tags.contains(&pair("kept", "x")), "{visit}: {there}");
        let reason = of("run");
        assert!(reason.contains("refused 4 parts") && reason.contains("before 1970"), "{visit}: {reason}");
        let found = post(&target, "runs/search", json!({ "experiment_ids": ["1"] })).await;
        let run = found["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["info"]["run_name"] == "refused")
            .unwrap();
        assert_eq!(
            (&run["info"]["status"], &run["data"]["params"]),
            (&json!("FINISHED"), &json!([pair("lr", "0.1")]))
        );
        let id = run["info"]["run_id"].as_str().unwrap();
        let history =
            url_of(&target, &format!("metrics/get-history?run_id={id}&metric_key=m&max_results=1000")).await;
        assert_eq!(history["metrics"].as_array().unwrap().len(), 50, "{visit}");
    }
    let found = mlferry.run(&["check", "--source", source.url(), "--json"]).await;
    assert!(found.stdout.contains("names of params or metrics"), "{}", found.stdout);
}

/// Removes one file of a server's artifacts and truncates another.
fn spoil_files(root: &std::path::Path) -> [std::path::PathBuf; 2] {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.components().any(|part| part.as_os_str() == "artifacts") => files.push(path),
                false => {}
            }
        }
    }
    files.retain(|path| path.metadata().unwrap().len() > 1 && !path.ends_with("MLmodel"));
    files.sort();
    let (first, last) = (files.first().unwrap().clone(), files.last().unwrap().clone());
    std::fs::remove_file(&first).unwrap();
    std::fs::write(&last, "x").unwrap();
    [first, last]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_visit_makes_nothing_worse() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let id = experiment(&source, "long").await;
    let long = "ü".repeat(9_000);
    let tags = json!([pair("long", &long), pair("odd(name)", "x"), pair("gone", "x"), pair("note", "old")]);
    let changed = run(&source, &id, "changed", tags.clone()).await;
    let same = run(&source, &id, "same", tags).await;
    let log = async |run: &str, step: i64| {
        let point = json!({ "run_id": run, "key": "m", "value": 1.0, "timestamp": 5, "step": step });
        post(&source, "runs/log-metric", point).await;
    };
    log(&changed, 5).await;
    log(&same, 5).await;
    // Aliases of deleted versions: one is the last version, and one has another version after it.
    for (name, versions) in [("last", 2), ("middle", 3)] {
        post(&source, "registered-models/create", json!({ "name": name })).await;
        for _ in 0..versions {
            post(&source, "model-versions/create", json!({ "name": name, "source": "s3://b/m" })).await;
        }
        let alias = json!({ "name": name, "alias": "prod", "version": "2" });
        post(&source, "registered-models/alias", alias).await;
        let url = format!("{}/api/2.0/mlflow/model-versions/delete", source.url());
        let gone = json!({ "name": name, "version": "2" });
        let answer = reqwest::Client::new().delete(url).json(&gone).send().await.unwrap();
        assert!(answer.status().is_success());
    }
    let mlferry = Mlferry::new();
    import(&mlferry, &source, &target, &[]).await.exits(0);
    let dump = source.dump().await;
    assert_eq!(differences_from(&dump, &target).await, [""; 0]);
    for name in ["last", "middle"] {
        let model = url_of(&target, &format!("registered-models/get?name={name}")).await;
        assert_eq!(
            model["registered_model"]["aliases"],
            json!([{ "alias": "prod", "version": "2" }]),
            "{model}"
        );
    }

    // Without --update, files that were deleted or truncated on the target are not noticed, because the source has not
    // changed.
    let lost = spoil_files(target.dir.path());
    import(&mlferry, &source, &target, &[]).await.exits(0);
    assert_ne!(differences_from(&dump, &target).await, [""; 0]);
    import(&mlferry, &source, &target, &["--update"]).await.exits(0);
    assert_eq!(differences_from(&dump, &target).await, [""; 0], "{lost:?}");

    // Changes are migrated, and unchanged items stay complete, with any journal and after any number of imports.
    post(&source, "runs/set-tag", json!({ "run_id": changed, "key": "note", "value": "new" })).await;
    log(&changed, -1).await;
    let tag = json!({ "name": "last", "version": "1", "key": "later", "value": "x" });
    post(&source, "model-versions/set-tag", tag).await;
    import(&mlferry, &source, &target, &[]).await.exits(0);
    assert_eq!(differences(&source, &target).await, [""; 0]);
    // A point below the latest one is not visible in the list of runs: only --update notices it.
    log(&same, -1).await;
    let dump = source.dump().await;
    import(&mlferry, &source, &target, &[]).await.exits(0);
    assert_ne!(differences_from(&dump, &target).await, [""; 0]);
    for (mlferry, more) in [(&mlferry, &["--update"][..]), (&mlferry, &[]), (&Mlferry::new(), &["--update"])]
    {
        import(mlferry, &source, &target, more).await.exits(0);
        assert_eq!(differences_from(&dump, &target).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_target_under_two_names_is_written_by_one_import_at_a_time() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.equal_runs().await;
    let other_name = target.url().replace("127.0.0.1", "localhost");
    assert_ne!(other_name, target.url());
    let (first, second) = (Mlferry::new(), Mlferry::new());
    let args = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let mut child = first.command(&args).stdout(std::process::Stdio::null()).spawn().unwrap();
    let lease = async || {
        let found = url_of(&target, "experiments/get?experiment_id=0").await;
        let tags = found["experiment"]["tags"].as_array().cloned().unwrap_or_default();
        tags.iter().find(|tag| tag["key"] == "mlferry.lease").cloned()
    };
    while lease().await.is_none() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a lease");
    }
    let args = ["import", "--source", source.url(), "--target", &other_name, "--json"];
    let ran = second.run(&args).await.exits(11);
    assert!(ran.stdout.contains("import of"), "{}", ran.stdout);
    // A killed process cannot release the lease, but the system shows that the process has ended.
    child.kill().await.unwrap();
    assert!(lease().await.is_some());
    second.run(&args).await.exits(0).outcome();
    assert_eq!(lease().await, None);
    assert_eq!(everything(&source).await, everything(&target).await);
}
