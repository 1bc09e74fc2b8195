//! The model registry on real servers: which items are selected, which items they need, and which items are never
//! overwritten.

use crate::support::{Mlferry, NEWEST, TARGET, TestServer};
use serde_json::{Value, json};

pub async fn post(url: &str, route: &str, body: Value) -> Value {
    let response = reqwest::Client::new()
        .post(format!("{url}/api/2.0/mlflow/{route}"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(response.status().is_success(), "{route}: {}", response.text().await.unwrap());
    response.json().await.unwrap()
}

pub async fn version(url: &str, name: &str, source: &str) {
    post(url, "model-versions/create", json!({ "name": name, "source": source })).await;
}

pub async fn alias(url: &str, name: &str, alias: &str, version: &str) {
    post(url, "registered-models/alias", json!({ "name": name, "alias": alias, "version": version })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_with_the_same_name_are_never_overwritten() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    for (url, bucket) in [(source.url(), "s3://ours/a"), (target.url(), "s3://theirs/a")] {
        post(url, "registered-models/create", json!({ "name": "churn" })).await;
        version(url, "churn", bucket).await;
    }
    version(source.url(), "churn", "s3://ours/b").await;
    alias(source.url(), "churn", "champion", "2").await;
    alias(target.url(), "churn", "champion", "1").await;
    for (url, text) in [(source.url(), "ours"), (target.url(), "theirs")] {
        let tags = |text: &str| {
            let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
            json!([pair("mlflow.prompt.is_prompt", "true"), pair("mlflow.prompt.text", text)])
        };
        post(url, "registered-models/create", json!({ "name": "greeting", "tags": tags("") })).await;
        let version = json!({ "name": "greeting", "source": "prompt-template", "tags": tags(text) });
        post(url, "model-versions/create", version).await;
    }
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];

    let ran = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(3);
    let outcome = ran.outcome();
    // Version 2 has no conflict, but it would come before version 1 if that one is appended later.
    assert_eq!(outcome["counts"]["model_versions"]["failed"], 2, "{outcome}");
    assert_eq!(outcome["counts"]["model_versions"]["done"], 0, "{outcome}");
    assert_eq!(
        outcome["counts"]["prompt_versions"]["failed"], 1,
        "a prompt's text is in its tags: {outcome}"
    );
    let mut lines = ran.lines().into_iter();
    let failed = lines.find(|line| line["type"] == "item_failed" && line["kind"] == "model_version").unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("s3://theirs/a"), "{failed}");
    assert!(failed["hint"].is_string(), "{failed}");
    assert!(outcome["notes"][0].as_str().unwrap().contains("champion"), "{outcome}");

    let found = mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(4).outcome();
    assert_eq!(found["comparison"]["model_versions"]["differs"], 1, "{found}");
    assert_eq!(found["comparison"]["model_versions"]["missing"], 1, "{found}");
    assert_eq!(found["comparison"]["registered_models"]["differs"], 1, "{found}");

    // With a rename there is no conflict, and a copy of the model refers to the new name. The whole name must match:
    // "churned" is a different model.
    for name in ["a copy", "churned"] {
        post(source.url(), "registered-models/create", json!({ "name": name })).await;
        version(source.url(), name, "models:/churn/2").await;
    }
    let names = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(names.path(), "churn,\"churn, ours\"\ngreeting,our greeting\n").unwrap();
    let rename = ["--model-rename-file", names.path().to_str().unwrap()];
    let ran = mlferry.run(&[&["import"], &ends[..], &rename[..]].concat()).await.exits(0);
    assert_eq!(ran.outcome()["counts"]["model_versions"]["done"], 4, "{}", ran.stdout);
    for name in ["a copy", "churned"] {
        assert_eq!(versions(target.url(), name).await[0]["source"], "models:/churn, ours/2");
    }
    let found = mlferry.run(&[&["validate"], &ends[..], &rename[..]].concat()).await.outcome();
    assert_eq!(found["comparison"]["model_versions"]["same"], 4, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_model_brings_the_runs_that_its_versions_need_and_nothing_else() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let url = source.url();
    let one = post(url, "experiments/create", json!({ "name": "trained" })).await;
    let mut runs = Vec::new();
    for name in ["registered", "not registered"] {
        let run = json!({ "experiment_id": one["experiment_id"], "run_name": name, "start_time": 1 });
        runs.push(post(url, "runs/create", run).await["run"]["info"].clone());
    }
    for name in ["wanted", "unwanted"] {
        post(url, "registered-models/create", json!({ "name": name })).await;
    }
    let source_uri = format!("{}/model", runs[0]["artifact_uri"].as_str().unwrap());
    let body = json!({ "name": "wanted", "source": source_uri, "run_id": runs[0]["run_id"] });
    post(url, "model-versions/create", body).await;
    let mlferry = Mlferry::new();

    let planned = mlferry.run(&["plan", "--source", url, "--models", "wanted"]).await.exits(0);
    assert!(planned.stdout.contains("needed by wanted/1"), "{}", planned.stdout);
    let import = ["import", "--source", url, "--target", target.url(), "--models", "wanted", "--json"];
    let outcome = mlferry.run(&import).await.exits(0).outcome();
    let counts = &outcome["counts"];
    let done =
        ["experiments", "runs", "registered_models", "model_versions"].map(|kind| &counts[kind]["done"]);
    assert_eq!(done, [1, 1, 1, 1], "{outcome}");
    let validate = ["validate", "--source", url, "--target", target.url(), "--models", "wanted"];
    mlferry.run(&validate).await.exits(0);
    let unknown = ["plan", "--source", url, "--models", "gone*"];
    assert!(mlferry.run(&unknown).await.exits(2).stderr.contains("gone*"));
}

/// Creates an experiment with a run. Returns the run's id and the root of its files.
async fn run(url: &str, name: &str) -> (String, String) {
    let one = post(url, "experiments/create", json!({ "name": name })).await;
    let run = json!({ "experiment_id": one["experiment_id"], "run_name": name, "start_time": 1 });
    let info = post(url, "runs/create", run).await["run"]["info"].clone();
    let text = |field: &str| info[field].as_str().unwrap().to_owned();
    (text("run_id"), text("artifact_uri"))
}

pub async fn versions(url: &str, name: &str) -> Vec<Value> {
    let route = format!("{url}/api/2.0/mlflow/model-versions/search");
    let filter = [("filter", format!("name='{name}'"))];
    let answer = reqwest::Client::new().get(route).query(&filter).send().await.unwrap();
    let mut found =
        answer.json::<Value>().await.unwrap()["model_versions"].as_array().cloned().unwrap_or_default();
    found.sort_by_key(|version| version["version"].as_str().unwrap().parse::<u64>().unwrap());
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_newest_release_are_reported_and_affect_only_themselves() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(NEWEST));
    let url = source.url();
    let ((run_a, root), (run_b, _)) = futures::join!(run(url, "a"), run(url, "b"));
    let model = json!({ "experiment_id": "0", "name": "m", "source_run_id": run_a });
    let model = post(url, "logged-models", model).await["model"]["info"]["model_id"].clone();
    let model = model.as_str().unwrap();
    post(url, "registered-models/create", json!({ "name": "forms" })).await;
    let (below_run, below_model) = (format!("runs:/{run_a}/model"), format!("models:/{model}"));
    let below_root = format!("{root}/model");
    let web = "https://models.example.com/clf";
    let forms = [
        (below_root.as_str(), None),
        (&below_run, Some(run_a.as_str())),
        (&below_run, None),
        (&below_root, Some(&run_b)),
        ("s3://somebody-elses-bucket/clf", Some("0123456789abcdef0123456789abcdef")),
        (web, None),
        ("models:/forms/1", None),
        ("models:/forms/5", None),
        (&below_model, None),
    ];
    for (form, run) in forms {
        let body = json!({ "name": "forms", "source": form, "run_id": run });
        post(url, "model-versions/create", body).await;
    }
    let prompt = json!([{ "key": "mlflow.prompt.is_prompt", "value": "true" }]);
    post(url, "registered-models/create", json!({ "name": "greeting", "tags": prompt })).await;
    for form in ["s3://a-bucket/prompt", "prompt-template"] {
        let version = json!({ "name": "greeting", "source": form, "tags": prompt });
        post(url, "model-versions/create", version).await;
    }
    post(url, "registered-models/create", json!({ "name": "team/churn" })).await;
    let mlferry = Mlferry::new();
    let ends = ["--source", url, "--target", target.url(), "--json"];

    let lines = mlferry.run(&[&["check"], &ends[..]].concat()).await.exits(0).lines();
    let warned = |text: &str| lines.iter().any(|line| line["text"].as_str().is_some_and(|said| said == text));
    assert!(
        warned(
            "3 versions have a source on another host or in the files of another run, which the target may refuse: \
             \"forms/4\", \"forms/6\", \"greeting/1\""
        ),
        "{lines:#?}"
    );
    assert!(
        warned(
            "1 registered models or prompts have names with / or :, which the target refuses: \"team/churn\""
        ),
        "{lines:#?}"
    );

    let ran = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(3);
    let outcome = ran.outcome();
    let counts = |kind: &str| [&outcome["counts"][kind]["done"], &outcome["counts"][kind]["failed"]];
    assert_eq!(counts("model_versions"), [7, 2], "{outcome}");
    assert_eq!(counts("prompt_versions"), [1, 1], "{outcome}");
    assert_eq!(counts("registered_models"), [1, 1], "{outcome}");
    let lines = ran.lines();
    let failed =
        |id: &str| lines.iter().find(|line| line["type"] == "item_failed" && line["id"] == id).unwrap();
    for (id, reason, hint) in [
        ("forms/4", "run_id", "register a copy"),
        ("forms/6", "https", "register a copy"),
        ("greeting/1", "placeholder", "register a copy"),
        ("team/churn", "Names cannot contain", "--model-rename-file"),
    ] {
        let line = failed(id);
        assert!(line["reason"].as_str().unwrap().contains(reason), "{line}");
        assert!(line["hint"].as_str().unwrap().contains(hint), "{line}");
    }
    // Their numbers stay unused. A version without a run gets the run that its files belong to.
    let there = versions(target.url(), "forms").await;
    let numbers: Vec<_> = there.iter().map(|version| version["version"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3", "5", "7", "8", "9"]);
    let run_of = |at: usize| there[at]["run_id"].as_str().unwrap_or_default();
    assert!(
        !run_of(0).is_empty() && run_of(0) == run_of(1) && run_of(1) == run_of(2) && run_of(2) == run_of(4)
    );
    assert_eq!(run_of(3), run_of(5), "a copy has the run of its original");

    let validate = [&["validate"], &ends[..]].concat();
    let found = mlferry.run(&validate).await.exits(4);
    let differences = found.lines().into_iter().filter(|line| line["type"] == "difference");
    let differences: Vec<Value> = differences.filter(|line| line["mark"] == "differs").collect();
    let found = found.outcome();
    let versions = json!({ "same": 7, "missing": 2 });
    assert_eq!(found["comparison"]["model_versions"], versions, "{differences:#?}");
    assert_eq!(found["comparison"]["prompt_versions"], json!({ "same": 1, "missing": 1 }), "{found}");
}

/// Creates a run with its own logged model, and registers a version of `churn` from that model.
async fn train(url: &str, experiment: &Value, name: &str) {
    let run = json!({ "experiment_id": experiment, "run_name": name, "start_time": 1 });
    let run = post(url, "runs/create", run).await["run"]["info"]["run_id"].clone();
    let model = json!({ "experiment_id": experiment, "name": name, "source_run_id": run });
    let model = post(url, "logged-models", model).await["model"]["info"]["model_id"].clone();
    let source = format!("models:/{}", model.as_str().unwrap());
    let version = json!({ "name": "churn", "source": source, "run_id": run, "model_id": model });
    post(url, "model-versions/create", version).await;
}

pub async fn churn(url: &str) -> Value {
    let churn = format!("{url}/api/2.0/mlflow/registered-models/get?name=churn");
    reqwest::get(churn).await.unwrap().json::<Value>().await.unwrap()["registered_model"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_version_arrives_alone_with_its_run_and_logged_model() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let url = source.url();
    let experiment =
        post(url, "experiments/create", json!({ "name": "trained" })).await["experiment_id"].clone();
    post(url, "registered-models/create", json!({ "name": "churn" })).await;
    for name in ["first", "second", "third"] {
        train(url, &experiment, name).await;
    }
    alias(url, "churn", "champion", "3").await;
    alias(url, "churn", "retired", "1").await;
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let plan = folder.path().join("plan.toml");
    let plan = plan.to_str().unwrap();

    let planned =
        mlferry.run(&["plan", "--source", url, "--models", "churn/3", "--output", plan]).await.exits(0);
    assert!(planned.stdout.contains("churn, only v3"), "{}", planned.stdout);
    assert!(planned.stdout.contains("1, 2, not selected"), "{}", planned.stdout);
    assert!(std::fs::read_to_string(plan).unwrap().contains("versions = [3]"));
    let chosen = ["--source", url, "--target", target.url(), "--plan", plan, "--json"];
    let outcome = mlferry.run(&[&["import"], &chosen[..]].concat()).await.exits(0).outcome();
    let done = ["runs", "logged_models", "registered_models", "model_versions"]
        .map(|kind| &outcome["counts"][kind]["done"]);
    assert_eq!(done, [1, 1, 1, 1], "{outcome}");
    assert!(outcome["notes"].to_string().contains("1, 2, not selected"), "{outcome}");
    let there = churn(target.url()).await;
    assert_eq!(there["latest_versions"][0]["version"], "3", "it keeps its number: {there}");
    assert_eq!(there["aliases"], json!([{ "alias": "champion", "version": "3" }]), "{there}");
    mlferry.run(&[&["validate"], &chosen[..]].concat()).await.exits(0);
    let whole = ["validate", "--source", url, "--target", target.url(), "--models", "churn", "--json"];
    let found = mlferry.run(&whole).await.exits(4).outcome();
    assert_eq!(found["comparison"]["model_versions"]["missing"], 2, "{found}");

    let gone = ["plan", "--source", url, "--models", "churn/3,churn/9"];
    assert!(mlferry.run(&gone).await.exits(2).stderr.contains("nothing called churn/9"));

    // After two exports, the directory contains both versions.
    let archive = folder.path().join("export");
    let archive = archive.to_str().unwrap();
    for version in ["churn/3", "churn/1"] {
        let export = ["export", "--source", url, "--output-dir", archive, "--models", version];
        mlferry.run(&export).await.exits(0);
    }
    let both = mlferry.run(&["plan", "--source", archive, "--json"]).await.exits(0).lines();
    let model = both.iter().find(|line| line["type"] == "registered_model").unwrap();
    assert_eq!(model["versions"], 2, "{model}");
}

/// The creation time distinguishes two models of one name: the numbers and the sources of prompt versions do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_source_with_the_same_prompt_overwrites_nothing() {
    let (first, second, target) =
        futures::join!(TestServer::start(TARGET), TestServer::start(TARGET), TestServer::start(TARGET));
    for (url, text) in [(first.url(), "of the first"), (second.url(), "of the second")] {
        let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
        let tags = json!([pair("mlflow.prompt.is_prompt", "true"), pair("mlflow.prompt.text", text)]);
        post(url, "registered-models/create", json!({ "name": "welcome", "tags": tags })).await;
        let version = json!({ "name": "welcome", "source": "prompt-template", "tags": tags });
        post(url, "model-versions/create", version).await;
    }
    let mlferry = Mlferry::new();
    let import = async |source: &TestServer| {
        mlferry
            .run(&["import", "--source", source.url(), "--target", target.url(), "--update", "--json"])
            .await
    };
    import(&first).await.exits(0);
    let outcome = import(&second).await.exits(3).outcome();
    assert_eq!(outcome["counts"]["prompt_versions"]["failed"], 1, "{outcome}");
    let validate = ["validate", "--source", first.url(), "--target", target.url()];
    mlferry.run(&validate).await.exits(0);
}
