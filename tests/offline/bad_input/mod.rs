//! Bad input gives one clear message with a hint and the right exit code, and loses no data.

mod configuration;
use crate::support::Mlferry;
use insta::assert_snapshot;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn said(mlferry: &Mlferry, args: &[&str]) -> String {
    mlferry.said(args).await
}

async fn answers(status: u16, body: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status).set_body_string(body)).mount(&server).await;
    server
}

#[tokio::test]
async fn addresses_that_are_none() {
    let mlferry = Mlferry::new();
    assert_snapshot!("not_a_url", said(&mlferry, &["check", "--source", "http://"]).await);
    assert_snapshot!("wrong_scheme", said(&mlferry, &["check", "--source", "ftp://ann:secret@host"]).await);
    assert_snapshot!("no_source", said(&mlferry, &["check"]).await);
    assert_snapshot!("refused", said(&mlferry, &["check", "--source", "http://127.0.0.1:1"]).await);
    assert_snapshot!(
        "an_arn",
        said(&mlferry, &["check", "--source", "arn:aws:sagemaker:eu-west-1:1:mlflow-app/app-A"]).await
    );
    assert_snapshot!("a_database", said(&mlferry, &["check", "--source", "sqlite:///mlflow.db"]).await);
}

#[tokio::test]
async fn servers_that_are_none() {
    let mlferry = Mlferry::new();
    let page = answers(200, "<!doctype html><title>Grafana</title>").await;
    assert_snapshot!("another_program", said(&mlferry, &["check", "--source", &page.uri()]).await);
    let nothing = answers(404, "<!doctype html><title>404 Not Found</title>").await;
    assert_snapshot!("nothing_there", said(&mlferry, &["check", "--source", &nothing.uri()]).await);
    let closed = answers(401, "").await;
    assert_snapshot!("unauthorized", said(&mlferry, &["check", "--source", &closed.uri()]).await);
    let forbidden = answers(403, "Invalid Host header - possible DNS rebinding attack detected").await;
    assert_snapshot!("forbidden", said(&mlferry, &["check", "--source", &forbidden.uri()]).await);
    let tls = page.uri().replace("http://", "https://");
    assert_snapshot!("no_tls", said(&mlferry, &["check", "--source", &tls]).await);
    let old = MockServer::start().await;
    let list = ResponseTemplate::new(200).set_body_string(r#"{"experiments":[]}"#);
    Mock::given(path("/api/2.0/mlflow/experiments/list")).respond_with(list).mount(&old).await;
    assert_snapshot!("older_than_1_30", said(&mlferry, &["check", "--source", &old.uri()]).await);
}

#[tokio::test]
async fn directories_that_are_no_export() {
    let mlferry = Mlferry::new();
    let folder = tempfile::tempdir().unwrap();
    let import = async |path: &std::path::Path| {
        said(
            &mlferry,
            &[
                "validate",
                "--source",
                path.to_str().unwrap(),
                "--target",
                path.parent().unwrap().to_str().unwrap(),
            ],
        )
        .await
    };
    assert_snapshot!("no_directory", import(&folder.path().join("gone")).await);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert_snapshot!("no_export", import(&folder.path().join("empty")).await);
    std::fs::create_dir_all(folder.path().join("half/experiments/1")).unwrap();
    std::fs::write(folder.path().join("half/mlferry.json"), "{}").unwrap();
    assert_snapshot!("half_an_export", import(&folder.path().join("half")).await);
}

#[tokio::test]
async fn options_that_make_no_sense() {
    let mlferry = Mlferry::new();
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, "[[experiments]]\nnome = \"x\"\n").unwrap();
    let plan = plan.to_str().unwrap();
    let from = ["plan", "--source", "http://127.0.0.1:1"];
    assert_snapshot!("bad_plan", said(&mlferry, &[&from[..], &["--plan", plan]].concat()).await);
    assert_snapshot!("no_plan", said(&mlferry, &[&from[..], &["--plan", "gone.toml"]].concat()).await);
    assert_snapshot!("bad_glob", said(&mlferry, &[&from[..], &["--experiments", "a[b"]].concat()).await);
    assert_snapshot!(
        "nothing_to_import",
        said(&mlferry, &["import", "--target", "http://127.0.0.1:1"]).await
    );
    assert_snapshot!("no_terminal", said(&mlferry, &[]).await);
    assert_snapshot!("no_terminal_for_the_demo", said(&mlferry, &["demo"]).await);
}

/// Names and messages are untrusted: the terminal executes none of their control sequences.
#[tokio::test]
async fn server_text_reaches_the_terminal_without_control_characters() {
    let mlferry = Mlferry::new();
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}";
    let body = serde_json::json!({ "error_code": "INVALID_PARAMETER_VALUE", "message": hostile }).to_string();
    for status in [400, 403, 500] {
        let server = answers(status, &body).await;
        for json in [false, true] {
            let mut args = vec!["check", "--verbose", "--source"];
            let uri = server.uri();
            args.push(&uri);
            args.extend(json.then_some("--json"));
            let ran = mlferry.run(&args).await;
            let shown = format!("{}{}", ran.stdout, ran.stderr);
            assert!(shown.contains("owned") || shown.contains("answers"), "{shown}");
            let is_plain = |c: char| c == '\n' || c == '\t' || !c.is_control() && c != '\u{202e}';
            assert!(shown.chars().all(is_plain), "{shown:?}");
        }
    }
}
