//! Faults between mlferry and a real server: lost replies, refusals, and a check that nothing is ever written to the
//! source.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Mlferry, TARGET, TestServer, differences};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The fault for the n-th request to a route.
enum Fault {
    /// Process the request, but lose the reply.
    LostReply,
    /// Process the request, but reply as MLflow does when it fails afterwards.
    FailAfter,
    /// Do not process the request.
    Refuse(u16),
}

/// Selects the fault for a request and its number.
type Script = Box<dyn Fn(&Request, usize) -> Option<Fault> + Send + Sync>;

/// A proxy in front of a real server that passes on everything except the faults.
struct Proxy {
    to: String,
    http: ureq::Agent,
    count: AtomicUsize,
    fault: Script,
}

impl Respond for Proxy {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        match (self.fault)(request, n) {
            Some(Fault::Refuse(status)) => ResponseTemplate::new(status).insert_header("retry-after", "0"),
            Some(Fault::LostReply) => {
                self.pass_on(request);
                ResponseTemplate::new(502)
            }
            Some(Fault::FailAfter) => {
                self.pass_on(request);
                let body =
                    serde_json::json!({ "error_code": "INTERNAL_ERROR", "message": "something went wrong" });
                ResponseTemplate::new(500).set_body_json(body)
            }
            None => self.pass_on(request),
        }
    }
}

impl Proxy {
    fn pass_on(&self, request: &Request) -> ResponseTemplate {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut call = ureq::http::Request::builder().method(request.method.as_str()).uri(format!(
            "{}{}{query}",
            self.to,
            request.url.path()
        ));
        if let Some(kind) = request.headers.get("content-type") {
            call = call.header("content-type", kind.to_str().unwrap());
        }
        let mut response = self.http.run(call.body(&request.body[..]).unwrap()).unwrap();
        let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        ResponseTemplate::new(response.status().as_u16()).set_body_bytes(body)
    }
}

async fn in_front_of(
    real: &TestServer,
    fault: impl Fn(&Request, usize) -> Option<Fault> + Send + Sync + 'static,
) -> MockServer {
    let http = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let proxy = Proxy { to: real.url().to_owned(), http, count: AtomicUsize::new(0), fault: Box::new(fault) };
    let server = MockServer::builder().disable_request_recording().start().await;
    Mock::given(any()).respond_with(proxy).mount(&server).await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_replies_and_refusals_double_nothing_and_lose_nothing() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let created = Arc::new(AtomicUsize::new(0));
    let faulty_target = {
        let created = Arc::clone(&created);
        in_front_of(&target, move |request, n| {
            let path = request.url.path();
            if path.ends_with("/create") {
                // Every third creation is processed, but its reply is lost.
                let lost = created.fetch_add(1, Ordering::Relaxed) % 3 == 1;
                return lost.then_some(Fault::LostReply);
            }
            match n % 23 {
                5 => Some(Fault::Refuse(429)),
                11 => Some(Fault::Refuse(503)),
                17 => Some(Fault::LostReply),
                _ => None,
            }
        })
        .await
    };
    let faulty_source = in_front_of(&source, |_, n| (n % 19 == 7).then_some(Fault::Refuse(504))).await;
    let mlferry = Mlferry::new();
    let args = ["import", "--source", &faulty_source.uri(), "--target", &faulty_target.uri(), "--json"];
    let outcome = mlferry.run(&args).await.exits(0).outcome();
    assert!(outcome["retries"].as_u64() > Some(20), "{outcome}");
    assert!(created.load(Ordering::Relaxed) > 20, "creations were seen");
    assert_eq!(differences(&source, &target).await, [""; 0]);
}

/// The path of a route without its ids.
fn route(request: &Request) -> String {
    let is_id = |part: &str| part.len() > 20 || part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = request.url.path().split('/').map(|part| if is_id(part) { "*" } else { part });
    format!("{} {}", request.method, parts.collect::<Vec<_>>().join("/"))
}

/// For all kinds of objects, the second write request of each route is processed, but its reply is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_lost_on_any_route_loses_and_doubles_nothing() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.edge_cases(&["--all"]).await;
    let seen: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let faulty = {
        let seen = Arc::clone(&seen);
        in_front_of(&target, move |request, _| {
            let is_question = request.method.as_str() == "GET" || request.url.path().ends_with("/search");
            if is_question || request.url.path().contains("/mlflow-artifacts/") {
                return None;
            }
            let mut seen = seen.lock().unwrap();
            let count = seen.entry(route(request)).or_default();
            *count += 1;
            // Later requests also lose their reply now and then.
            (*count % 7 == 2).then_some(Fault::LostReply)
        })
        .await
    };
    let mlferry = Mlferry::new();
    let args = ["import", "--source", source.url(), "--target", &faulty.uri(), "--json"];
    mlferry.run(&args).await.exits(0).outcome();
    let lost = seen.lock().unwrap().values().filter(|count| **count >= 2).count();
    assert!(lost >= 12, "replies were lost on {lost} routes only: {seen:?}");
    assert_eq!(differences(&source, &target).await, [""; 0]);
}

/// The second creation of each kind succeeds, but the server reports a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_fails_after_it_was_made_is_not_made_again() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let http = reqwest::Client::new();
    for (route, body) in [
        ("registered-models/create", serde_json::json!({ "name": "late" })),
        ("model-versions/create", serde_json::json!({ "name": "late", "source": "s3://b/1" })),
        ("model-versions/create", serde_json::json!({ "name": "late", "source": "s3://b/2" })),
    ] {
        let url = format!("{}/api/2.0/mlflow/{route}", source.url());
        http.post(url).json(&body).send().await.unwrap().error_for_status().unwrap();
    }
    let seen: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let faulty = {
        let seen = Arc::clone(&seen);
        in_front_of(&target, move |request, _| {
            if !request.url.path().ends_with("/create") {
                return None;
            }
            let mut seen = seen.lock().unwrap();
            let count = seen.entry(route(request)).or_default();
            *count += 1;
            (*count == 2).then_some(Fault::FailAfter)
        })
        .await
    };
    let mlferry = Mlferry::new();
    let args = ["import", "--source", source.url(), "--target", &faulty.uri(), "--json"];
    mlferry.run(&args).await.exits(0);
    let failed = seen.lock().unwrap().values().filter(|count| **count >= 2).count();
    assert!(failed >= 3, "{seen:?}");
    assert_eq!(differences(&source, &target).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_is_never_written_to() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let written = Arc::new(AtomicUsize::new(0));
    let guarded = {
        let written = Arc::clone(&written);
        in_front_of(&source, move |request, _| {
            let reads = request.method.as_str() == "GET" || request.url.path().ends_with("/search");
            if reads {
                return None;
            }
            written.fetch_add(1, Ordering::Relaxed);
            Some(Fault::Refuse(403))
        })
        .await
    };
    let mlferry = Mlferry::new();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mlflow-export");
    let (from, archive) = (guarded.uri(), archive.to_str().unwrap().to_owned());
    mlferry.run(&["check", "--source", &from]).await.exits(0);
    mlferry.run(&["plan", "--source", &from]).await.exits(0);
    mlferry.run(&["export", "--source", &from, "--output-dir", &archive]).await.exits(0);
    mlferry.run(&["run", "--source", &from, "--target", target.url(), "--yes"]).await.exits(0);
    assert_eq!(written.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_the_job_and_a_second_run_finishes_it() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    // After 150 requests the target returns only 503.
    let dying = in_front_of(&target, |_, n| (n > 150).then_some(Fault::Refuse(503))).await;
    let mlferry = Mlferry::new();
    // Not for an hour, which is the default.
    let ran = mlferry
        .run(&["import", "--source", source.url(), "--target", &dying.uri(), "--wait", "2s", "--json"])
        .await
        .exits(5);
    let last = ran.lines().pop().unwrap();
    assert_eq!(last["type"], "error", "{last}");
    assert!(last["hint"].is_string(), "{last}");
    mlferry
        .run(&["import", "--source", source.url(), "--target", target.url(), "--json"])
        .await
        .exits(0)
        .outcome();
    assert_eq!(differences(&source, &target).await, [""; 0]);
}

/// Items that the user may not list still exist: a gateway allows only some routes, or a registry's database is
/// unavailable.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_names_a_refused_list() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let half_open = in_front_of(&source, |request, _| match request.url.path() {
        "/api/2.0/mlflow/registered-models/search" => Some(Fault::Refuse(500)),
        "/api/2.0/mlflow/logged-models/search" => Some(Fault::Refuse(403)),
        path if path.starts_with("/api/3.0/") => Some(Fault::Refuse(403)),
        _ => None,
    })
    .await;
    let kinds = ["registered_model", "prompt", "logged_model", "evaluation_dataset", "trace", "scorer"];
    let mlferry = Mlferry::new();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mlflow-export");
    let (from, archive) = (half_open.uri(), archive.to_str().unwrap().to_owned());

    let checked = mlferry.run(&["check", "--source", &from, "--json"]).await.exits(3);
    let said: Vec<String> = checked.lines().iter().map(|line| line["text"].to_string()).collect();
    for kind in ["registered model", "prompt", "logged model", "evaluation dataset", "trace", "scorer"] {
        let is_named = |text: &&String| text.starts_with(&format!("\"{kind} ")) && text.contains("cannot be");
        assert!(said.iter().any(|text| is_named(&text)), "{kind}: {said:#?}");
    }
    let planned = mlferry.run(&["plan", "--source", &from, "--json"]).await.exits(3).lines();
    for kind in kinds {
        let is_named = |line: &&serde_json::Value| line["type"] == "unreadable" && line["kind"] == kind;
        assert!(planned.iter().any(|line| is_named(&line)), "{kind}: {planned:#?}");
    }
    let steps: [&[&str]; 2] = [
        &["export", "--source", &from, "--output-dir", &archive, "--json"],
        &["import", "--source", &from, "--target", target.url(), "--json"],
    ];
    for step in steps {
        let lines = mlferry.run(step).await.exits(3).lines();
        for kind in kinds {
            let is_named = |line: &&serde_json::Value| line["type"] == "item_failed" && line["kind"] == kind;
            assert!(lines.iter().any(|line| is_named(&line)), "{step:?} {kind}: {lines:#?}");
        }
        let outcome = lines.last().unwrap();
        assert_eq!(outcome["counts"]["runs"]["done"], outcome["counts"]["runs"]["planned"], "{outcome}");
    }
    let validate = ["validate", "--source", &from, "--target", target.url(), "--json"];
    let found = mlferry.run(&validate).await.exits(4).lines();
    for kind in kinds {
        let is_named = |line: &&serde_json::Value| {
            line["type"] == "difference" && line["mark"] == "unreadable" && line["kind"] == kind
        };
        assert!(found.iter().any(|line| is_named(&line)), "{kind}: {found:#?}");
    }
}

/// A list is paged by offset while another client deletes items that were listed.
#[tokio::test(flavor = "multi_thread")]
async fn deletions_during_a_listing_lose_no_other_object() {
    const TRACES: usize = 620;
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    let http = reqwest::Client::new();
    let url = source.url().to_owned();
    for n in 0..TRACES {
        let info = serde_json::json!({
            "trace_id": format!("tr-{n:032x}"),
            "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } },
            "request_time": format!("2024-01-01T00:{:02}:{:02}Z", n / 60, n % 60),
            "execution_duration": "1s", "state": "OK", "trace_metadata": { "mlflow.trace_schema.version": "3" },
        });
        let body = serde_json::json!({ "trace": { "trace_info": info } });
        let made = http.post(format!("{url}/api/3.0/mlflow/traces")).json(&body).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
    }
    let listed = Arc::new(AtomicUsize::new(0));
    let living = {
        let (listed, url) = (Arc::clone(&listed), url.clone());
        in_front_of(&source, move |request, _| {
            let is_page = request.url.path().ends_with("/traces/search")
                && String::from_utf8_lossy(&request.body).contains("\"max_results\":500");
            // The oldest 100 are deleted between the first page and the second.
            if is_page && listed.fetch_add(1, Ordering::Relaxed) == 1 {
                let oldest = serde_json::json!({
                    "experiment_id": "0", "max_timestamp_millis": 1_704_067_200_000_i64 + 99_500, "max_traces": 100,
                });
                let delete = format!("{url}/api/2.0/mlflow/traces/delete-traces");
                let gone = ureq::post(&delete).header("content-type", "application/json");
                let gone = gone.send(oldest.to_string().as_bytes());
                assert!(gone.is_ok(), "{gone:?}");
            }
            None
        })
        .await
    };
    let mlferry = Mlferry::new();
    let args = ["import", "--source", &living.uri(), "--target", target.url(), "--json"];
    let lines = mlferry.run(&args).await.lines();
    assert!(listed.load(Ordering::Relaxed) >= 3, "a list of two pages is looked through again");
    // Items without spans are reported as failed.
    let is_end =
        |line: &&serde_json::Value| matches!(line["type"].as_str(), Some("item_done" | "item_failed"));
    let done: std::collections::BTreeSet<&str> = lines
        .iter()
        .filter(|line| is_end(line) && line["kind"] == "trace")
        .map(|line| line["id"].as_str().unwrap())
        .collect();
    let lost: Vec<String> =
        (100..TRACES).map(|n| format!("tr-{n:032x}")).filter(|id| !done.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
