//! The pre-flight on real servers: which items exist, which of them arrive, and that checking writes nothing.

use crate::support::{Mlferry, NEWEST, TARGET, TestServer};
use serde_json::{Value, json};

async fn post(url: &str, route: &str, body: Value) -> Value {
    let response = reqwest::Client::new().post(format!("{url}{route}")).json(&body).send().await.unwrap();
    assert!(response.status().is_success(), "{route}: {}", response.text().await.unwrap());
    response.json().await.unwrap()
}

/// An IP address, because MLflow refuses host names that it cannot resolve. No secret, because only the worker that
/// encrypted it can list it again, unless all workers have the same key (MLflow 3.10 to 3.18).
async fn webhook(url: &str) {
    let event = json!({ "entity": "REGISTERED_MODEL", "action": "CREATED" });
    let body = json!({ "name": "hook", "url": "https://1.1.1.1/x", "events": [event] });
    post(url, "/api/2.0/mlflow/webhooks", body).await;
}

async fn secret(url: &str) {
    let value = json!({ "api_key": "sk-geheim" });
    let body = json!({ "secret_name": "key", "secret_value": value, "provider": "openai" });
    post(url, "/api/3.0/mlflow/gateway/secrets/create", body).await;
}

fn line<'a>(lines: &'a [Value], kind: &str, field: &str, value: &str) -> &'a Value {
    let found = lines.iter().find(|line| line["type"] == kind && line[field] == value);
    found.unwrap_or_else(|| panic!("no {kind} {value} in {lines:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn check_plan_and_import_count_the_same_unsupported_objects() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    webhook(source.url()).await;
    secret(source.url()).await;
    for name in ["churn", "team/churn"] {
        post(source.url(), "/api/2.0/mlflow/registered-models/create", json!({ "name": name })).await;
    }
    let long = json!({ "experiment_id": "0", "start_time": 1, "tags": [{ "key": "t", "value": "x".repeat(8_001) }] });
    post(source.url(), "/api/2.0/mlflow/runs/create", long).await;
    let code =
        json!({ "name": "own", "call_source": "return True", "call_signature": "(outputs)" }).to_string();
    let scorer = json!({ "experiment_id": "0", "name": "own", "serialized_scorer": code });
    post(source.url(), "/api/3.0/mlflow/scorers/register", scorer).await;
    let logged = json!({ "experiment_id": "0", "start_time": 2, "tags": [{
        "key": "mlflow.log-model.history", "value": r#"[{"artifact_path": "model", "run_id": "1"}]"# }] });
    post(source.url(), "/api/2.0/mlflow/runs/create", logged).await;
    let mlferry = Mlferry::new();

    let lines = mlferry.run(&["check", "--source", source.url(), "--json"]).await.exits(0).lines();
    let count = |kind: &str| line(&lines, "check_kind", "kind", kind)["count"].clone();
    assert_eq!((count("experiment"), count("run")), (json!(6), json!(31)));
    assert_eq!((count("registered_model"), count("model_version")), (json!(2), json!(0)));
    assert_eq!(line(&lines, "check_other", "title", "webhooks")["count"], 1);
    assert_eq!(line(&lines, "check_other", "title", "gateway secrets")["count"], 1);
    assert_eq!(line(&lines, "check_other", "title", "gateway endpoints")["count"], 0);
    assert!(!lines.iter().any(|line| line["title"] == "issues"), "MLflow 3.10.1 has none: {lines:#?}");
    let warnings: Vec<&str> = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    assert!(
        warnings.iter().any(|text| text.starts_with("1 tags of runs are longer than 8000")),
        "{warnings:?}"
    );
    assert!(
        warnings.iter().any(|text| text.contains("MLflow 3.11 or newer refuses: \"team/churn\"")),
        "{warnings:?}"
    );
    assert!(
        warnings.iter().any(|text| text.starts_with("1 versions of scorers contain code (@scorer)")),
        "{warnings:?}"
    );
    let empty = "whose tags name a logged model, and whose artifacts are listed as empty: 1 (";
    assert!(warnings.iter().any(|text| text.contains(empty)), "{warnings:?}");
    // This target accepts the name and the scorer.
    let both = ["check", "--source", source.url(), "--target", target.url()];
    let checked = mlferry.run(&both).await.exits(0).stdout;
    assert!(!checked.contains("team/churn") && !checked.contains("hold code"), "{checked}");

    let said = "webhooks: 1 cannot be moved: their secret is never shown";
    let table = mlferry.run(&["check", "--source", source.url()]).await.exits(0).stdout;
    let row = table.lines().find(|line| line.trim_start().starts_with("webhooks")).unwrap();
    assert!(row.ends_with("1  their secret is never shown"), "{table}");
    assert!(mlferry.run(&["plan", "--source", source.url()]).await.exits(0).stdout.contains(said));
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let outcome = mlferry.run(&import).await.exits(0).outcome();
    let said_so = |note: &&Value| note.as_str() == Some(said);
    assert_eq!(outcome["notes"].as_array().unwrap().iter().filter(said_so).count(), 1, "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_the_newest_server_counts_much_and_writes_nothing() {
    let source = TestServer::start(NEWEST).await;
    let url = source.url();
    webhook(url).await;
    let issue = json!({ "experiment_id": "0", "name": "slow", "description": "too slow" });
    post(url, "/api/3.0/mlflow/issues", issue).await;
    let queue = json!({ "experiment_id": "0", "name": "q", "queue_type": "CUSTOM", "users": ["ann"] });
    post(url, "/api/3.0/mlflow/review-queues/create", queue).await;
    post(url, "/api/3.0/mlflow/mcp-servers", json!({ "name": "com.example/mcp" })).await;
    post(url, "/api/3.0/mlflow/skills", json!({ "name": "sums", "description": "adds" })).await;
    let lines = Mlferry::new().run(&["check", "--source", url, "--json"]).await.exits(0).lines();
    for title in ["webhooks", "issues", "review queues", "MCP servers", "skills"] {
        assert_eq!(line(&lines, "check_other", "title", title)["count"], 1, "{title}");
    }
    let unasked = line(&lines, "check_other", "title", "label schemas");
    assert!(unasked["count"].is_null() && unasked["unknown"].is_string(), "{unasked}");
    // A request for the label schemas would have created one.
    let count = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from label_schemas').fetchone()[0])";
    let output =
        source.venv.command().args(["-c", count]).arg(source.server.database()).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0", "{output:?}");
}
