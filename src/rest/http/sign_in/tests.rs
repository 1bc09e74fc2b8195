use std::time::{Duration, SystemTime};

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::json;
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::command::parse;
use super::*;
use crate::io::ByteSource;
use crate::rest::{Address, Call, Client, Side};

const SEARCH: &str = "/api/2.0/mlflow/experiments/search";

fn access(variables: &[(&str, &str)], headers: &[&str]) -> Result<Access> {
    let headers: Vec<String> = headers.iter().map(|line| (*line).to_owned()).collect();
    let get =
        |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Access::of(Side::Source, true, &headers, get)
}

fn client(server: &MockServer, variables: &[(&str, &str)], headers: &[&str]) -> Client {
    let (address, _) = Address::parse(&server.uri()).unwrap();
    Client::new(address, access(variables, headers).unwrap()).unwrap()
}

async fn sent(access: Access) -> Vec<(String, String)> {
    let (headers, _) = SignIn::new(&access).unwrap().headers().await.unwrap();
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        assert!(value.is_sensitive());
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    headers.iter().map(text).collect()
}

async fn ask(client: &Client) -> Result<serde_json::Value> {
    client.json(&Call::post(SEARCH, &json!({ "max_results": 1 }))?).await
}

/// A command that prints `token1`, then `token2`, and so on.
fn counting(folder: &tempfile::TempDir) -> String {
    let count = folder.path().join("count");
    format!("echo x >> '{0}'; echo token$(wc -l < '{0}' | tr -d ' ')", count.display())
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "experiments": [] }))
}

#[tokio::test]
async fn headers_come_from_the_environment_the_command_line_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cookie");
    std::fs::write(&file, "AWSELB=abc; b=c\n").unwrap();
    let from_file = format!("Cookie: @{}", file.display());
    let variables = [
        ("MLFERRY_SOURCE_HEADERS", "CF-Access-Client-Id: id\n\nX-Key: a: b\n"),
        ("SECRET", "hush"),
        ("MLFERRY_SOURCE_USERNAME", "ann"),
        ("MLFERRY_SOURCE_PASSWORD", "pw"),
    ];
    let headers = sent(access(&variables, &[&from_file, "X-Key: $SECRET"]).unwrap()).await;
    for (name, value) in [
        ("cf-access-client-id", "id"),
        ("cookie", "AWSELB=abc; b=c"),
        ("x-key", "hush"),
        ("authorization", "Basic YW5uOnB3"),
    ] {
        assert!(headers.contains(&(name.to_owned(), value.to_owned())), "{name}: {headers:?}");
    }
    assert_eq!(headers.len(), 4, "the command line replaces what the environment gives: {headers:?}");
    let json = [("MLFERRY_SOURCE_HEADERS", r#"{"X-A": "1", "X-B": "2"}"#)];
    assert_eq!(sent(access(&json, &[]).unwrap()).await.len(), 2);
}

#[tokio::test]
async fn a_token_goes_where_it_is_wanted() {
    let command = ("MLFERRY_SOURCE_TOKEN_COMMAND", "printf 'abc\\n'");
    let bearer = sent(access(&[command], &[]).unwrap()).await;
    assert_eq!(bearer, [("authorization".to_owned(), "Bearer abc".to_owned())]);
    // Both at the same time, as Identity-Aware Proxy in front of a server with passwords requires.
    let variables = [command, ("MLFERRY_SOURCE_USERNAME", "ann"), ("MLFERRY_SOURCE_PASSWORD", "pw")];
    let both = sent(access(&variables, &["Proxy-Authorization: Bearer {token}"]).unwrap()).await;
    assert!(both.contains(&("proxy-authorization".to_owned(), "Bearer abc".to_owned())), "{both:?}");
    assert!(both.contains(&("authorization".to_owned(), "Basic YW5uOnB3".to_owned())), "{both:?}");
    let clash = SignIn::new(&access(&variables, &[]).unwrap()).err().unwrap();
    assert!(clash.get_hint().unwrap().contains("{token}"), "{clash}");
    // MLflow's own user belongs to MLflow's own password.
    let variables = [command, ("MLFLOW_TRACKING_USERNAME", "ann"), ("MLFLOW_TRACKING_PASSWORD", "pw")];
    assert_eq!(sent(access(&variables, &[]).unwrap()).await, bearer);
}

#[test]
fn the_error_for_a_header_does_not_show_its_value() {
    for line in [
        "hush",
        "bad name: hush",
        "X-A:",
        "Host: hush",
        "Content-Length: 4",
        "X-A: hush\u{7}",
        "X-A: $NOT_SET",
        ": hush",
    ] {
        let error = access(&[], &[line]).err().unwrap_or_else(|| panic!("{line}"));
        assert_eq!(error.exit_code(), 2);
        assert!(!error.to_string().contains("hush"), "{error}");
        assert!(error.to_string().starts_with("--source-header: "), "{error}");
    }
    for text in [r#"{"X-A": 1}"#, r#"{"X-A": "hush""#, "X-A hush"] {
        let error = access(&[("MLFERRY_SOURCE_HEADERS", text)], &[]).err().unwrap();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[test]
fn a_token_is_read_as_the_usual_commands_print_it() {
    let ends = |text: &str| parse(text).map(|token| (token.text.expose_secret().to_owned(), token.ends));
    assert_eq!(ends(" abc\n"), Some(("abc".to_owned(), None)));
    let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    // {"exp":1700000000}
    let jwt = "e30.eyJleHAiOjE3MDAwMDAwMDB9.x";
    assert_eq!(ends(jwt), Some((jwt.to_owned(), at(1_700_000_000))));
    let table = [
        (r#"{"accessToken": "a", "expires_on": 1700000000, "expiresOn": "2023"}"#, at(1_700_000_000)),
        (r#"{"access_token": "a", "expiry": "2023-11-14T22:13:20Z"}"#, at(1_700_000_000)),
        (r#"{"status": {"token": "a", "expirationTimestamp": "2023-11-14T22:13:20Z"}}"#, at(1_700_000_000)),
        (r#"{"id_token": "a"}"#, None),
    ];
    for (text, end) in table {
        assert_eq!(ends(text), Some(("a".to_owned(), end)), "{text}");
    }
    let lasts = parse(r#"{"token": "a", "expires_in": 3600}"#).unwrap().ends.unwrap();
    assert!(lasts > SystemTime::now() + Duration::from_secs(3_500));
    for bad in ["", "two words", "a\nb", "{}", r#"{"token": ""}"#, r#"{"token": 1}"#, "{", "ü"] {
        assert!(parse(bad).is_none(), "{bad}");
    }
    let far = format!(r#"{{"token": "a", "expires_in": {0}, "expires_on": {0}}}"#, u64::MAX);
    assert_eq!(parse(&far).unwrap().ends, None);
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_continues() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let with =
        |token: &str| Mock::given(path(SEARCH)).and(header("authorization", format!("Bearer {token}")));
    with("token1").respond_with(ok()).up_to_n_times(1).mount(&server).await;
    with("token1").respond_with(ResponseTemplate::new(401)).mount(&server).await;
    with("token2").respond_with(ok()).up_to_n_times(1).mount(&server).await;
    let to_login =
        ResponseTemplate::new(302).insert_header("location", "https://login.example/authorize?state=x");
    with("token2").respond_with(to_login).mount(&server).await;
    with("token3").respond_with(ok()).mount(&server).await;
    let client = client(&server, &[("MLFERRY_SOURCE_TOKEN_COMMAND", &counting(&folder))], &[]);
    for _ in 0..3 {
        ask(&client).await.unwrap();
    }
    assert_eq!(client.meter().read().retries, 2);
}

#[tokio::test]
async fn a_token_that_ends_soon_is_replaced_before_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let line = format!(
        r#"echo x >> '{0}'; echo "{{\"token\":\"t$(wc -l < '{0}' | tr -d ' ')\",\"expires_in\":$1}}""#,
        count.display()
    );
    let of = |seconds: u64| {
        let line = format!("set -- {seconds}; {line}");
        SignIn::new(&access(&[("MLFERRY_SOURCE_TOKEN_COMMAND", &line)], &[]).unwrap()).unwrap()
    };
    let lasting = of(3_600);
    assert_eq!(lasting.headers().await.unwrap().0[AUTHORIZATION], "Bearer t1");
    assert_eq!(lasting.headers().await.unwrap().0[AUTHORIZATION], "Bearer t1");
    let ended = of(0);
    assert_eq!(ended.headers().await.unwrap().0[AUTHORIZATION], "Bearer t2");
    assert_eq!(ended.headers().await.unwrap().0[AUTHORIZATION], "Bearer t3");
}

#[tokio::test]
async fn a_command_without_a_token_is_named_and_not_quoted() {
    for (line, message) in [
        ("echo hush; exit 3", "has failed (exit status: 3)"),
        ("echo please sign in >&2; exit 1", "please sign in"),
        ("echo", "prints no token"),
        ("echo two hush", "prints no token"),
    ] {
        let access = access(&[("MLFERRY_SOURCE_TOKEN_COMMAND", line)], &[]).unwrap();
        let error = SignIn::new(&access).unwrap().headers().await.unwrap_err();
        assert_eq!(error.class(), Class::Auth);
        let text = error.to_string();
        assert!(text.starts_with("MLFERRY_SOURCE_TOKEN_COMMAND ") && text.contains(message), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_sign_in_is_reported_and_an_expired_one_is_waited_for() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("cookie");
    std::fs::write(&file, "old").unwrap();
    let with = |value: &str| Mock::given(path(SEARCH)).and(header("cookie", value));
    with("old").respond_with(ok()).up_to_n_times(1).mount(&server).await;
    with("old").respond_with(ResponseTemplate::new(401)).mount(&server).await;
    with("new").respond_with(ok()).mount(&server).await;
    let line = format!("Cookie: @{}", file.display());
    let client = client(&server, &[], &[&line]);
    ask(&client).await.unwrap();
    // An interactive request fails with an error.
    let error = ask(&client).await.unwrap_err();
    assert_eq!(error.class(), Class::Auth, "{error}");
    assert!(error.get_hint().unwrap().contains("cookie"), "{error}");
    // A job waits until the file contains another value.
    let _work = client.sign_in.credential_wait().work();
    let mut news = client.sign_in.credential_wait().waiting();
    let change = async {
        news.wait_for(Option::is_some).await.unwrap();
        std::fs::write(&file, "new").unwrap();
    };
    let (answer, ()) = tokio::join!(ask(&client), change);
    answer.unwrap();

    let refusing = MockServer::start().await;
    Mock::given(path(SEARCH)).respond_with(ResponseTemplate::new(401)).mount(&refusing).await;
    let (address, _) = Address::parse(&refusing.uri()).unwrap();
    let client = Client::new(address, access(&[], &[&line]).unwrap()).unwrap();
    let _work = client.sign_in.credential_wait().work();
    assert_eq!(ask(&client).await.unwrap_err().class(), Class::Auth);
}

#[tokio::test]
async fn a_password_that_is_refused_for_a_while_fails_no_work() {
    let server = MockServer::start().await;
    let put = |status: u16| Mock::given(method("PUT")).respond_with(ResponseTemplate::new(status));
    Mock::given(path(SEARCH)).respond_with(ok()).up_to_n_times(1).mount(&server).await;
    Mock::given(path(SEARCH)).respond_with(ResponseTemplate::new(401)).up_to_n_times(2).mount(&server).await;
    Mock::given(path(SEARCH)).respond_with(ok()).mount(&server).await;
    put(401).up_to_n_times(1).mount(&server).await;
    put(200).expect(1).mount(&server).await;
    let client = client(&server, &[("MLFERRY_SOURCE_USERNAME", "a"), ("MLFERRY_SOURCE_PASSWORD", "b")], &[]);
    ask(&client).await.unwrap();
    assert_eq!(ask(&client).await.unwrap_err().class(), Class::Auth, "an interactive request fails");
    let _work = client.sign_in.credential_wait().work();
    let mut news = client.sign_in.credential_wait().waiting();
    let message = async { news.wait_for(Option::is_some).await.unwrap().clone().unwrap() };
    let (answer, message) = tokio::join!(ask(&client), message);
    answer.unwrap();
    assert!(message.contains("run the same command again"), "{message}");
    client.upload("/api/2.0/mlflow-artifacts/artifacts", "a.txt", Some(3), &Twice(b"abc")).await.unwrap();
}

struct Twice(&'static [u8]);

#[async_trait::async_trait]
impl ByteSource for Twice {
    async fn open(&self) -> Result<BoxStream<'static, Result<bytes::Bytes>>> {
        let bytes = bytes::Bytes::from_static(self.0);
        Ok(futures::stream::once(async move { Ok(bytes) }).boxed())
    }
}

#[tokio::test]
async fn a_file_is_sent_again_with_the_new_token() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let put =
        |token: &str| Mock::given(method("PUT")).and(header("authorization", format!("Bearer {token}")));
    put("token1").respond_with(ResponseTemplate::new(401)).mount(&server).await;
    put("token2").respond_with(ResponseTemplate::new(200)).expect(1).mount(&server).await;
    let client = client(&server, &[("MLFERRY_SOURCE_TOKEN_COMMAND", &counting(&folder))], &[]);
    client.upload("/api/2.0/mlflow-artifacts/artifacts", "a.txt", Some(3), &Twice(b"abc")).await.unwrap();
}

#[tokio::test]
async fn no_credential_goes_to_another_server() {
    let (server, other) = (MockServer::start().await, MockServer::start().await);
    let to = ResponseTemplate::new(307).insert_header("location", format!("{}{SEARCH}", other.uri()));
    Mock::given(path(SEARCH)).respond_with(to).mount(&server).await;
    Mock::given(path(SEARCH)).respond_with(ok()).expect(0).mount(&other).await;
    let variables = [("MLFERRY_SOURCE_TOKEN", "hush"), ("MLFERRY_SOURCE_HEADERS", "X-Key: hush")];
    let error = ask(&client(&server, &variables, &[])).await.unwrap_err();
    assert!(error.to_string().ends_with(&format!("redirects to another server, {}", other.uri())), "{error}");
}

#[tokio::test]
async fn a_redirect_within_one_server_keeps_the_body() {
    let server = MockServer::start().await;
    let to = ResponseTemplate::new(308).insert_header("location", "/new");
    Mock::given(path(SEARCH)).respond_with(to).mount(&server).await;
    let body = body_json(json!({ "max_results": 1 }));
    let new = Mock::given(path("/new")).and(method("POST")).and(header("x-key", "k")).and(body);
    new.respond_with(ok()).expect(1).mount(&server).await;
    let client = client(&server, &[("MLFERRY_SOURCE_HEADERS", "X-Key: k")], &[]);
    ask(&client).await.unwrap();
    // A circle of redirects.
    let circle = MockServer::start().await;
    let to = ResponseTemplate::new(307).insert_header("location", "/round");
    Mock::given(method("GET")).respond_with(to).expect(6).mount(&circle).await;
    let (address, _) = Address::parse(&circle.uri()).unwrap();
    let client = Client::new(address, Access::default()).unwrap();
    let call = Call::new(Method::GET, "/version");
    assert!(client.bytes(&call).await.unwrap_err().to_string().contains("redirects to"));
}

#[test]
fn certificates_of_one_server_come_before_those_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    let missing = missing.to_str().unwrap();
    for (name, message) in [
        ("MLFERRY_SOURCE_SERVER_CERT_PATH", "…_SERVER_CERT_PATH: "),
        ("MLFLOW_TRACKING_SERVER_CERT_PATH", "…_SERVER_CERT_PATH: "),
        ("REQUESTS_CA_BUNDLE", "REQUESTS_CA_BUNDLE: "),
    ] {
        let variables = [(name, missing), ("CURL_CA_BUNDLE", "/other")];
        let (address, _) = Address::parse("https://h").unwrap();
        let error = Client::new(address, access(&variables, &[]).unwrap()).err().unwrap();
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_header_and_no_token_makes_it_panic(text in proptest::prelude::any::<String>(), value in "[ -~]{8,20}") {
        let _ = access(&[("MLFERRY_SOURCE_HEADERS", &text)], &[&text]);
        parse(&text);
        // The error does not show a refused value.
        if let Err(error) = access(&[], &[&format!("X-Key: {value}\u{7}")]) {
            proptest::prop_assert!(!error.to_string().contains(&value), "{}", error);
        }
    }
}
