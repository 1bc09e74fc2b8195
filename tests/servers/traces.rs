//! Traces on real servers: the destination of their spans, the effect of a broken file, and the data that is never
//! changed.

use crate::support::{Mlferry, TARGET, TestServer};
use serde_json::{Value, json};

/// The experiments that get traces from the seeds.
const TRACED: [&str; 2] = ["--experiments", "*trace*"];

async fn header(url: &str, trace: &str) -> Value {
    let answer = reqwest::get(format!("{url}/api/3.0/mlflow/traces/{trace}")).await.unwrap();
    assert!(answer.status().is_success(), "{trace}: {}", answer.text().await.unwrap());
    answer.json::<Value>().await.unwrap()["trace"]["trace_info"].take()
}

/// A trace without spans, as a crashed client leaves it.
async fn start(url: &str, trace: &str, more: Value) {
    let mut info = json!({
        "trace_id": trace,
        "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } },
        "request_time": "2021-02-03T04:05:06.789Z",
        "state": "IN_PROGRESS",
    });
    info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = json!({ "trace": { "trace_info": info } });
    let answer =
        reqwest::Client::new().post(format!("{url}/api/3.0/mlflow/traces")).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_go_into_a_file_where_no_database_takes_them() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start("3.4.0"));
    source.edge_cases(&["--traces"]).await;
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];
    let ran = mlferry.run(&[&["import"], &ends[..], &TRACED].concat()).await.exits(0);
    let counts = ran.outcome()["counts"]["traces"].clone();
    assert!(counts["done"].as_u64().unwrap() > 15 && counts["done"] == counts["planned"], "{counts}");
    let done =
        ran.lines().into_iter().find(|l| l["type"] == "item_done" && l["name"] == "everything at once");
    let info = header(target.url(), done.unwrap()["id"].as_str().unwrap()).await;
    assert!(info["tags"]["mlflow.trace.spansLocation"].is_null(), "{info}");
    assert!(info["tags"]["mlferry.source.trace"].is_string(), "{info}");

    let again = mlferry.run(&[&["import"], &ends[..], &TRACED].concat()).await.exits(0).outcome();
    assert_eq!(again["counts"]["traces"]["skipped"], counts["planned"], "{again}");
    let same = mlferry.run(&[&["validate"], &ends[..], &TRACED].concat()).await.exits(0).outcome();
    assert!(same["comparison"]["traces"]["same"].as_u64() >= counts["planned"].as_u64(), "{same}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_trace_loses_only_its_spans() {
    let (source, target) = futures::join!(TestServer::start("2.16.2"), TestServer::start(TARGET));
    source.edge_cases(&["--traces", "--unreadable"]).await;
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];
    let traced = [&TRACED[..], &ends[..]].concat();
    for _ in 0..2 {
        let ran = mlferry.run(&[&["import"], &traced[..]].concat()).await.exits(3);
        assert_eq!(ran.outcome()["counts"]["traces"]["failed"], 2, "{}", ran.stdout);
        let lost: Vec<_> = ran.lines().into_iter().filter(|line| line["type"] == "item_failed").collect();
        assert_eq!(lost.len(), 2);
        for trace in lost {
            assert!(trace["reason"].as_str().unwrap().contains("its spans"), "{trace}");
            let info = header(target.url(), trace["id"].as_str().unwrap()).await;
            assert_eq!(info["state"], "OK", "what could be read of it has arrived: {info}");
        }
    }
    let found = mlferry.run(&[&["validate"], &traced[..]].concat()).await.exits(4).outcome();
    assert_eq!(found["comparison"]["traces"]["unreadable"], 2, "{found}");
    assert_eq!(found["comparison"]["traces"]["differs"].as_u64().unwrap_or(0), 0, "{found}");

    // Traces can be excluded.
    let plan = [&["plan", "--source", source.url(), "--traces", "none", "--json"][..], &TRACED].concat();
    let lines = mlferry.run(&plan).await.exits(0).lines();
    assert!(lines.iter().filter(|line| line["type"] == "experiment").all(|line| line["traces"] == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_never_pulled_out_of_another_experiment_and_follows_its_source() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let id = "tr-0123456789abcdef0123456789abcdef";
    start(source.url(), id, json!({ "tags": { "mlflow.traceName": "one" } })).await;
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];
    mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(0);

    // With a new name, the import still uses the experiment of the first import: no trace is taken out of it.
    let names = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(names.path(), "Default,elsewhere\n").unwrap();
    let rename = ["--experiment-rename-file", names.path().to_str().unwrap()];
    let ran = mlferry.run(&[&["import"], &ends[..], &rename].concat()).await.exits(0);
    let note = ran.lines().into_iter().find(|line| line["type"] == "note").unwrap();
    assert!(note["text"].as_str().unwrap().contains("was migrated before"), "{note}");
    let info = header(target.url(), id).await;
    assert_eq!(info["trace_location"]["mlflow_experiment"]["experiment_id"], "0", "{info}");

    // The trace has continued at the source, and the target now has its own assessment.
    let own = json!({ "assessment": {
        "assessment_name": "own", "source": { "source_type": "HUMAN", "source_id": "ann" },
        "feedback": { "value": "yes" }, "create_time": "2021-02-03T04:05:06Z", "last_update_time": "2021-02-03T04:05:06Z",
    }});
    let route = format!("{}/api/3.0/mlflow/traces/{id}/assessments", target.url());
    assert!(reqwest::Client::new().post(route).json(&own).send().await.unwrap().status().is_success());
    start(source.url(), id, json!({ "state": "OK", "tags": { "mlflow.traceName": "two" } })).await;
    mlferry.run(&[&["import"], &ends[..], &["--traces", "none"]].concat()).await.exits(0);
    assert_eq!(header(target.url(), id).await["state"], "IN_PROGRESS", "it was left out");
    // The trace has ended but has no spans: this loss must be reported.
    let ran = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(3);
    assert_eq!(ran.outcome()["counts"]["traces"]["failed"], 1, "{}", ran.stdout);
    let info = header(target.url(), id).await;
    assert_eq!((&info["state"], &info["tags"]["mlflow.traceName"]), (&json!("OK"), &json!("two")), "{info}");
    assert_eq!(info["assessments"][0]["assessment_name"], "own", "{info}");
}

async fn create(url: &str, route: &str, body: Value) -> Value {
    let answer = reqwest::Client::new().post(format!("{url}/api/{route}")).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{route}: {}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_of_one_experiment_stay_behind_and_those_of_another_arrive() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let url = source.url();
    let ids = ["kept", "moved"].map(|name| (name, format!("tr-{:0>32}", name.len())));
    for (name, id) in &ids {
        let made = create(url, "2.0/mlflow/experiments/create", json!({ "name": name })).await;
        let experiment = &made["experiment_id"];
        let place =
            json!({ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": experiment } });
        start(url, id, json!({ "trace_location": place })).await;
        let dataset = json!({ "name": format!("of {name}"), "experiment_ids": [experiment] });
        create(url, "3.0/mlflow/datasets/create", dataset).await;
    }
    let plan = tempfile::NamedTempFile::new().unwrap();
    let text = r#"
        except_datasets = ["of moved"]
        [[experiments]]
        name = "kept"
        traces = "none"
        [[experiments]]
        name = "moved"
    "#;
    std::fs::write(plan.path(), text).unwrap();
    let plan = ["--plan", plan.path().to_str().unwrap()];
    let mlferry = Mlferry::new();

    let planned = mlferry.run(&[&["plan", "--source", url, "--json"][..], &plan].concat()).await.exits(0);
    let planned = planned.lines().pop().unwrap();
    assert_eq!((&planned["traces"], &planned["evaluation_datasets"]), (&json!(1), &json!(1)), "{planned}");
    let ends = ["--source", url, "--target", target.url(), "--json"];
    let outcome = mlferry.run(&[&["import"], &ends[..], &plan].concat()).await.exits(0).outcome();
    let done = ["experiments", "traces", "evaluation_datasets"].map(|kind| &outcome["counts"][kind]["done"]);
    assert_eq!(done, [2, 1, 1], "{outcome}");
    header(target.url(), &ids[1].1).await;
    let left = reqwest::get(format!("{}/api/3.0/mlflow/traces/{}", target.url(), ids[0].1)).await.unwrap();
    assert_eq!(left.status(), 404);
    mlferry.run(&[&["validate"], &ends[..], &plan].concat()).await.exits(0);
    let found = mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(4).outcome();
    let missing = ["traces", "evaluation_datasets"].map(|kind| &found["comparison"][kind]["missing"]);
    assert_eq!(missing, [1, 1], "{found}");
}
