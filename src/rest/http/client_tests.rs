//! Servers that are slow, silent or unreachable, and readers that stop reading: none of them may block the client.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use wiremock::matchers::{any, method, path, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use futures::stream::BoxStream;

use super::*;
use crate::io::ByteSource;
use crate::io::Health;

const SEARCH: &str = "/api/2.0/mlflow/experiments/search";

/// Sends JSON answers after a pseudo-random delay.
struct Jitter(AtomicUsize);

impl Respond for Jitter {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let n = self.0.fetch_add(1, Relaxed);
        let delay = Duration::from_millis((n * 7 % 13) as u64);
        ResponseTemplate::new(200).set_body_json(json!({ "n": n })).set_delay(delay)
    }
}

fn client(uri: &str, wait: Duration) -> Client {
    let (address, _) = Address::parse(uri).unwrap();
    let client = Client::new(address, Access { wait, ..Access::default() }).unwrap();
    // A job uses the client until the end of the test.
    client.credential_waits().for_each(|credential_wait| std::mem::forget(credential_wait.work()));
    client
}

async fn ask(client: &Client) -> Result<Value> {
    client.json(&Call::get("/ask")).await
}

async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.expect("no progress")
}

#[tokio::test]
async fn a_request_that_is_not_polled_holds_no_slot() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(Jitter(AtomicUsize::new(0))).mount(&server).await;
    for limit in 1..=6 {
        let client = &client(&server.uri(), Duration::ZERO).with_limit(limit);
        // The first requests are sent ahead; during the second requests, nothing polls them.
        let answers = stream::iter(0..30)
            .map(|_| ask(client))
            .buffered(6)
            .flat_map(|_| stream::iter(0..3).then(|_| ask(client)).boxed())
            .try_collect::<Vec<Value>>();
        assert_eq!(within(30, answers).await.unwrap().len(), 90, "limit {limit}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_read_holds_no_slot_and_arrives_whole() {
    const SIZE: usize = 32 << 20;
    let server = MockServer::start().await;
    let file = ResponseTemplate::new(200).set_body_bytes(vec![7; SIZE]);
    Mock::given(path("/file")).respond_with(file).mount(&server).await;
    Mock::given(path("/ask")).respond_with(Jitter(AtomicUsize::new(0))).mount(&server).await;
    let client = client(&server.uri(), Duration::ZERO).with_limit(1);
    let work = async {
        let mut files = Vec::new();
        for _ in 0..3 {
            files.push(client.stream(&Call::get("/file")).await.unwrap());
            ask(&client).await.unwrap();
        }
        for file in files {
            let size = file.try_fold(0, |sum, bytes| async move { Ok(sum + bytes.len()) }).await.unwrap();
            assert_eq!(size, SIZE);
        }
    };
    within(60, work).await;
}

#[tokio::test]
async fn a_cancelled_request_returns_its_slot() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(path("/slow")).respond_with(slow).mount(&server).await;
    Mock::given(path("/ask")).respond_with(Jitter(AtomicUsize::new(0))).mount(&server).await;
    let client = client(&server.uri(), Duration::ZERO).with_limit(1);
    let slow = Call::get("/slow");
    let given_up = tokio::time::timeout(Duration::from_millis(100), client.bytes(&slow)).await;
    assert!(given_up.is_err());
    within(5, ask(&client)).await.unwrap();
}

/// Accepts connections and requests, sends `answer`, and then stays silent.
fn silent_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept() {
            let _ = socket.read(&mut [0; 8_192]);
            let _ = socket.write_all(answer.as_bytes());
            held.push(socket);
        }
    });
    uri
}

struct Small;

#[async_trait]
impl ByteSource for Small {
    async fn open(&self) -> Result<BoxStream<'static, Result<Bytes>>> {
        Ok(stream::once(async { Ok(Bytes::from_static(b"four")) }).boxed())
    }
}

/// A client that accepts a silence of half a second.
fn impatient(uri: &str) -> Client {
    let half = Duration::from_millis(500);
    let times =
        Times { work: half, question: half / 2, upload_stall: half, upload_answer: half, ..Times::default() };
    Client { times, ..client(uri, Duration::ZERO) }
}

/// Runs until the first failure: with all its pauses, the call would take a minute.
async fn once<T>(client: &Client, work: impl Future<Output = Result<T>>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    tokio::select! {
        done = work => assert_eq!(done.err().map(|e| e.class()), Some(Class::Transient)),
        () = async {
            while client.meter().read().retries == 0 {
                assert!(Instant::now() < deadline, "there was no retry");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        } => {}
    }
}

#[tokio::test]
async fn every_kind_of_request_gives_up_a_silent_server() {
    let uri = silent_server("");
    let (call, file, upload) = (impatient(&uri), impatient(&uri), impatient(&uri));
    let route = Call::get("/file");
    futures::join!(
        once(&call, ask(&call)),
        once(&file, file.stream(&route)),
        once(&upload, upload.upload("/put", "a", Some(4), &Small)),
    );
    let question = within(5, call.bytes(&Call::get("/ask").question())).await.unwrap_err();
    assert!(question.to_string().contains("did not answer within 0.25 s"), "{question}");
    assert_eq!((question.class(), question.exit_code()), (Class::Transient, 5));
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_given_up() {
    let half = silent_server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it");
    let client = impatient(&half);
    let file = client.stream(&Call::get("/file")).await.unwrap();
    let error = within(5, file.try_collect::<Vec<_>>()).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "half a file is not a file: {error}");
    assert!(error.to_string().contains("did not answer within 0.5 s"), "{error}");
    once(&client, ask(&client)).await;
}

/// A free port: nothing listens on it until a test does.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn one_probe_at_a_time_waits_for_an_unreachable_server() {
    let port = free_port();
    let client = client(&format!("http://127.0.0.1:{port}"), Duration::from_secs(60));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert!(client.meter().read().health.is_gone(), "{:?}", client.meter().read());
    // An interactive request fails quickly.
    let question = within(2, client.bytes(&Call::get("/ask").question())).await;
    assert_eq!(question.unwrap_err().class(), Class::Transient);
    let before = client.meter().read().requests;
    assert!(before < 25, "only some requests and a few probes, not {before}");
    let server =
        MockServer::builder().listener(TcpListener::bind(("127.0.0.1", port)).unwrap()).start().await;
    Mock::given(path(SEARCH)).respond_with(Jitter(AtomicUsize::new(0))).mount(&server).await;
    Mock::given(path("/ask")).respond_with(Jitter(AtomicUsize::new(0))).mount(&server).await;
    for one in waiting {
        within(20, one).await.unwrap().unwrap();
    }
    assert_eq!(client.meter().read().health, Health::Fine);
}

/// Answers as a gateway does while its server restarts.
struct Restarts {
    over: Instant,
    status: u16,
}

impl Respond for Restarts {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        match Instant::now() < self.over {
            true => ResponseTemplate::new(self.status).set_body_string("<html>nginx</html>"),
            false => ResponseTemplate::new(200).set_body_json(json!({})),
        }
    }
}

#[tokio::test]
async fn no_request_fails_while_a_server_behind_a_gateway_restarts() {
    for status in [502, 503, 504, 404] {
        let server = MockServer::start().await;
        let over = Instant::now() + Duration::from_millis(900);
        Mock::given(any()).respond_with(Restarts { over, status }).mount(&server).await;
        let client = client(&server.uri(), Duration::from_secs(60));
        // An upload and a download also wait.
        within(20, async {
            ask(&client).await.unwrap();
            client.upload("/put", "a", Some(4), &Small).await.unwrap();
        })
        .await;
        assert!(Instant::now() > over, "{status}");
    }
}

#[tokio::test]
async fn one_failing_route_is_not_an_outage() {
    let server = MockServer::start().await;
    let failing = ResponseTemplate::new(504).insert_header("retry-after", "0");
    Mock::given(path_regex("/ask|/put.*")).respond_with(failing).mount(&server).await;
    Mock::given(method("POST")).respond_with(Jitter(AtomicUsize::new(0))).mount(&server).await;
    let client = client(&server.uri(), Duration::from_secs(3_600));
    let error = within(20, ask(&client)).await.unwrap_err();
    assert_eq!((error.class(), error.status()), (Class::Transient, Some(504)));
    within(20, client.upload("/put", "a", Some(4), &Small)).await.unwrap_err();
}

#[tokio::test]
async fn no_request_waits_longer_than_the_limit() {
    let client = client(&format!("http://127.0.0.1:{}", free_port()), Duration::from_millis(900));
    let both = within(20, async { futures::join!(ask(&client), ask(&client)) }).await;
    for error in [both.0.unwrap_err(), both.1.unwrap_err()] {
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("in vain"), "{error}");
        assert!(error.get_hint().unwrap().contains("--wait"), "{error:?}");
    }
    let started = Instant::now();
    ask(&client).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(500), "the next request does not wait again");
}

#[tokio::test]
async fn a_retry_after_date_is_obeyed() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429)
        .insert_header("date", "Thu, 26 Nov 2026 14:00:00 GMT")
        .insert_header("retry-after", "Thu, 26 Nov 2026 14:00:01 GMT");
    Mock::given(path("/ask")).respond_with(busy).up_to_n_times(1).mount(&server).await;
    Mock::given(path("/ask")).respond_with(Jitter(AtomicUsize::new(0))).mount(&server).await;
    let started = Instant::now();
    within(20, ask(&client(&server.uri(), Duration::ZERO))).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}
