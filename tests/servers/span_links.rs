//! Links and kinds of spans: servers of the newest release keep them, and older servers keep them in a file.

use crate::support::{Mlferry, NEWEST, TARGET, TestServer};
use serde_json::{Value, json};

/// The id of the trace that `span_links.py` creates.
const TRACE: &str = "tr-000102030405060708090a0b0c0d0e0f";

async fn spans(server: &TestServer) -> Value {
    let output = server.python("span_links.py", &["read", server.url()]).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The download of a trace: the file, or the server's output from its database.
async fn file(server: &TestServer) -> Value {
    let url = format!("{}/ajax-api/2.0/mlflow/get-trace-artifact?request_id={TRACE}", server.url());
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_kinds_of_spans_arrive() {
    let (source, newest, older) =
        futures::join!(TestServer::start(NEWEST), TestServer::start(NEWEST), TestServer::start(TARGET));
    source.python("span_links.py", &["seed", source.url()]).await;
    let expected = spans(&source).await;
    assert_eq!(expected[2][1], "SPAN_KIND_SERVER", "{expected}");
    assert_eq!(expected[0][2][0]["attributes"]["double_value"], json!(2.0), "{expected}");

    let mlferry = Mlferry::new();
    let to = |target: &TestServer| {
        ["--source", source.url(), "--target", target.url(), "--json"].map(str::to_owned).to_vec()
    };
    for target in [&newest, &older] {
        let ends = to(target);
        let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
        mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(0);
        mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(0);
    }
    assert_eq!(spans(&newest).await, expected, "the newest client reads the same");
    // The database of MLflow 3.10 cannot store links. The file keeps them for releases that can read them.
    let kept = file(&older).await;
    assert_eq!(kept["spans"], file(&source).await["spans"], "{kept}");

    newest.python("span_links.py", &["cut", newest.url()]).await;
    let ends = to(&newest);
    let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
    let ran = mlferry.run(&[&["validate"], &ends[..]].concat()).await.exits(4);
    assert!(ran.stdout.contains("span unspecified: links"), "{}", ran.stdout);
    assert!(ran.stdout.contains("span client: links"), "{}", ran.stdout);
}
