//! Tests the writer with recorded answers that a healthy server never gives.

use std::sync::Arc;

use serde_json::{Value, json};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::RestWriter;
use super::files::RestFiles;
use crate::artifacts::{ArtifactStores, Digest};
use crate::entities::{FileEntry, RunId, Spans, Trace, trace_key};
use crate::rest::{Access, Address, Capabilities, Client};
use crate::writers::{FileWriter, IdMap, MemoryIdMap, TargetExperiment, TraceWriter, Writer};

const TRACE: &str = "tr-0123456789abcdef0123456789abcdef";
const FILES: &str = "^/api/2.0/mlflow-artifacts/artifacts/";

async fn writer(server: &MockServer, id_map: Arc<MemoryIdMap>) -> RestWriter {
    let (address, _) = Address::parse(&server.uri()).unwrap();
    let client = Arc::new(Client::new(address, Access::default()).unwrap());
    let stores = Arc::new(ArtifactStores::new(Arc::clone(client.meter()), None));
    let can = Capabilities { traces_v3: true, stored_spans: true, ..Capabilities::default() };
    RestWriter::new(client, stores, can, id_map, true)
}

async fn answers(server: &MockServer, verb: &str, at: &str, answer: ResponseTemplate) {
    Mock::given(method(verb)).and(path_regex(at)).respond_with(answer).mount(server).await;
}

/// Answers with the trace that was sent, and its artifact location.
fn started(request: &Request) -> ResponseTemplate {
    let mut body: Value = request.body_json().unwrap();
    body["trace"]["trace_info"]["tags"][trace_key::ARTIFACT_LOCATION] = json!("mlflow-artifacts:/1/traces/t");
    ResponseTemplate::new(200).set_body_json(body)
}

/// Returns whether the spans of a trace were uploaded as a file. `spans_answer` is the target's answer when its spans
/// are read.
async fn sends_file(spans_answer: ResponseTemplate) -> bool {
    let server = MockServer::start().await;
    let ok = || ResponseTemplate::new(200).set_body_json(json!({}));
    answers(&server, "POST", "^/api/2.0/mlflow/experiments/search$", ok()).await;
    answers(&server, "GET", "^/api/2.0/mlflow/experiments/search$", ok()).await;
    answers(&server, "POST", "^/api/3.0/mlflow/traces/search$", ok()).await;
    answers(&server, "POST", "^/v1/traces$", ResponseTemplate::new(200)).await;
    answers(&server, "GET", "^/ajax-api/2.0/mlflow/get-trace-artifact$", spans_answer).await;
    answers(&server, "PUT", FILES, ok()).await;
    Mock::given(method("POST"))
        .and(path("/api/3.0/mlflow/traces"))
        .respond_with(started)
        .mount(&server)
        .await;
    let writer = writer(&server, Arc::default()).await;
    let tags = [(trace_key::SPANS_LOCATION.to_owned(), trace_key::IN_DATABASE.to_owned())].into();
    let trace =
        Trace { id: TRACE.into(), experiment_id: "1".into(), state: "OK".into(), tags, ..Trace::default() };
    let place = TargetExperiment { id: "1".into(), to_be_deleted: false };
    let opened = writer.open_traces(&place, &[trace]).await.unwrap().pop().unwrap().unwrap();
    let mut opened: Box<dyn TraceWriter> = opened.writer;
    opened.begin(&Ok(Some(Spans(spans().into())))).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().any(|request| request.url.path() == "/v1/traces"), "spans were sent first");
    requests.iter().any(|request| request.method.as_str() == "PUT")
}

/// A `traces.json` with one span.
fn spans() -> String {
    let span = json!({
        "trace_id": "ASNFZ4mrze8BI0VniavN7w==", "span_id": "AAAAAAAAAAE=", "parent_span_id": null, "name": "root",
        "start_time_unix_nano": 1, "end_time_unix_nano": 2, "events": [], "status": { "code": "STATUS_CODE_OK", "message": "" },
        "attributes": { "mlflow.traceRequestId": format!("\"{TRACE}\"") },
    });
    json!({ "spans": [span] }).to_string()
}

#[tokio::test]
async fn spans_are_sent_as_a_file_if_the_target_does_not_return_them() {
    let missing = json!({ "error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such trace" });
    assert!(sends_file(ResponseTemplate::new(404).set_body_json(missing)).await);
    assert!(sends_file(ResponseTemplate::new(200).set_body_string(r#"{"spans": []}"#)).await);
    assert!(!sends_file(ResponseTemplate::new(200).set_body_string(spans())).await);
}

#[tokio::test]
async fn an_mlmodel_that_names_an_old_run_is_written_again() {
    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "ffffffffffffffffffffffffffffffff";
    let server = MockServer::start().await;
    let text = format!("run_id: {OLD}\n");
    let listed = json!({ "files": [{ "path": "MLmodel", "is_dir": false, "file_size": text.len() }] });
    answers(
        &server,
        "GET",
        "^/api/2.0/mlflow-artifacts/artifacts$",
        ResponseTemplate::new(200).set_body_json(listed),
    )
    .await;
    answers(&server, "GET", FILES, ResponseTemplate::new(200).set_body_string(text.clone())).await;
    let id_map = Arc::new(MemoryIdMap::default());
    let uploader = writer(&server, Arc::clone(&id_map)).await.uploader;
    let roots = ("mlflow-artifacts:/1/a".to_owned(), "mlflow-artifacts:/2/b".to_owned());
    let file = FileEntry::new("MLmodel", Some(text.len() as u64));
    let digest = Digest { bytes: text.len() as u64, sha256: None };
    let has = async |looks| {
        let files = RestFiles::new(Arc::clone(&uploader), roots.clone());
        files.has(&file, &digest, looks).await.unwrap()
    };
    assert!(has(true).await, "the run is not known");
    id_map.opened(&RunId::from(OLD), &RunId::from(NEW)).unwrap();
    assert!(has(false).await, "the target is not asked");
    assert!(!has(true).await);
}
