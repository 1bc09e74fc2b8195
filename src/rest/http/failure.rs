//! The meaning of a failed answer: the one place that turns transport errors and HTTP status into an [`Error`].

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::concurrency::Load;
use super::managed;
use super::refusal_words::{DEFAULT_POOL, cause, is_of_mlflow, pool_size};
use crate::error::{Answered, Cause, Class, Code, Error};
use crate::io::Slowdown;
use crate::limits;
use crate::rest::{Address, Idempotency};

/// An error, with the facts that the retry loop and the concurrency limit need.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    pub load: Load,
    pub retry_after: Option<Duration>,
    /// The server was reached: it gave an unexpected answer, or the connection broke before the answer.
    pub reached: bool,
    /// The server may be unreachable at the moment: a cheap request shows whether it is.
    pub may_be_gone: bool,
    /// The server is unreachable, and the wait for it has already failed.
    pub given_up: bool,
    /// The server works, but throttles: retries may take some minutes.
    pub throttled: bool,
    pub worth: Worth,
}

/// How many more tries a failure justifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// As many tries as the failure's class allows.
    Usual,
    /// The server's own code failed on a request that may be repeated. MLflow over SQLite sometimes fails this way when
    /// it is busy, and always when a file is torn: one or two more tries.
    Few,
    /// A gateway answered instead of the server, so nothing was done: retried like a temporary failure.
    NotReached,
    /// One more try that is not counted: the wait has already happened.
    Free,
}

/// An answer that is not a success.
pub struct ErrorResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The factor for the delays when a server throttles, so that they start at 1 s; and the longest delay (AWS: error
/// retries).
const THROTTLED_DELAY_FACTOR: u32 = 5;
const MAX_DELAY: Duration = Duration::from_secs(60);

impl Failure {
    pub fn is_transient(&self) -> bool {
        self.error.class() == Class::Transient
    }

    pub fn given_up(error: Error) -> Self {
        Self { given_up: true, ..Self::from(error) }
    }

    /// How long to wait, given the planned delay.
    pub fn delay(&self, planned: Duration) -> Duration {
        match self.retry_after {
            Some(asked) => asked,
            None if self.throttled => (planned * THROTTLED_DELAY_FACTOR).min(MAX_DELAY),
            None => planned,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            load: Load::Unknown,
            retry_after: None,
            reached: false,
            may_be_gone: false,
            given_up: false,
            throttled: false,
            worth: Worth::Usual,
        }
    }
}

#[derive(Default, Deserialize)]
struct Body {
    /// A code of MLflow, or of AWS in front of it.
    #[serde(default, alias = "__type", alias = "code")]
    error_code: String,
    #[serde(default, alias = "Message")]
    message: String,
}

/// The largest answer, in bytes, that is checked for an error of MLflow.
const MAX_ERROR_LENGTH: usize = 64 << 10;
const CERTIFICATES: &str = "give the server's or its authority's certificate with MLFERRY_SOURCE_SERVER_CERT_PATH or \
    MLFERRY_TARGET_SERVER_CERT_PATH (or MLFLOW_TRACKING_SERVER_CERT_PATH), or accept any with …_INSECURE_TLS=true; for a \
    server without TLS use http://";

/// The failure of a request that got no answer.
pub fn transport(address: &Address, error: &reqwest::Error, repeat: Idempotency) -> Failure {
    if let Some(own) = own_error(error) {
        return Failure::from(own);
    }
    if let Some(trouble) = crate::tls::trouble(error) {
        return Failure::from(Error::permanent(format!("{address}: TLS: {trouble}")).hint(CERTIFICATES));
    }
    let reason = innermost(error);
    let lower = reason.to_lowercase();
    if ["certificate", "tls", "invalid peer", "corrupt message"].iter().any(|mark| lower.contains(mark)) {
        return Failure::from(Error::permanent(format!("{address}: TLS: {reason}")).hint(CERTIFICATES));
    }
    let host = address.endpoint().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
    let what = match error {
        e if e.is_connect() => format!("{address} cannot be reached{host}: {reason}"),
        e if e.is_timeout() => format!("{address} did not answer in time"),
        _ => format!("{address}: the connection broke: {reason}"),
    };
    let class =
        if error.is_connect() || repeat == Idempotency::Safe { Class::Transient } else { Class::Ambiguous };
    let load = if error.is_timeout() { Load::Overloaded(Slowdown::Overloaded) } else { Load::Unknown };
    let reached = !error.is_connect() && !error.is_timeout();
    let error = Error::new(class, what).hint(unreachable_hint(address)).code(Code::Io(io_kind(error)));
    Failure { load, reached, may_be_gone: true, ..Failure::from(error) }
}

/// The failure of a request when the server was silent for longer than the limit.
pub fn silent(address: &Address, limit: Duration, repeat: Idempotency) -> Failure {
    let class = if repeat == Idempotency::Safe { Class::Transient } else { Class::Ambiguous };
    let what = format!("{address} did not answer within {} s", limit.as_secs_f64());
    let error =
        Error::new(class, what).hint(unreachable_hint(address)).code(Code::Io(std::io::ErrorKind::TimedOut));
    let load = Load::Overloaded(Slowdown::Overloaded);
    Failure { load, may_be_gone: true, ..Failure::from(error) }
}

fn unreachable_hint(address: &Address) -> String {
    match address.arn() {
        None => "check the address, that the server runs, and the network (VPN, tunnel, proxy)".to_owned(),
        Some(arn) if address.has_custom_endpoint() => managed::custom_endpoint_hint(arn),
        Some(arn) => managed::no_route(arn),
    }
}

/// The error of the file that was being sent, if it caused this error.
fn own_error(error: &reqwest::Error) -> Option<Error> {
    let mut chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.find_map(|error| error.downcast_ref::<Error>()).cloned()
}

/// The failure for an answer that is not a success. `identity` is the signed-in user, if any.
pub fn status(
    address: &Address,
    route: &str,
    refusal: &ErrorResponse,
    repeat: Idempotency,
    identity: Option<String>,
) -> Failure {
    let ErrorResponse { status, headers, body } = refusal;
    let status = *status;
    let mut parsed: Body = serde_json::from_slice(body).unwrap_or_default();
    if parsed.error_code.is_empty() {
        parsed.error_code = header(headers, "x-amzn-errortype").unwrap_or_default().to_owned();
    }
    let (code, reason) = (parsed.error_code.as_str(), summary(&parsed, body) + &request_id(headers));
    let place = address.place(route);
    let cause = cause(body, &reason)
        .or((status == StatusCode::NOT_FOUND && code.is_empty()).then_some(Cause::NoRoute));
    let code_of = || Code::Http(Answered { status: status.as_u16(), error_code: code.to_owned(), cause });
    let plain = |class| Error::new(class, format!("{place} answered {status}{reason}"));
    let throttled = status == StatusCode::TOO_MANY_REQUESTS || managed::is_throttling(code);
    let managed = address.arn().and_then(|arn| managed::refusal(arn, route, status, &reason));
    let broke_down = status == StatusCode::INTERNAL_SERVER_ERROR
        && cause == Some(Cause::Unhandled)
        && repeat == Idempotency::Safe;
    let is_dry = cause == Some(Cause::PoolExhausted);
    let is_overload = is_dry || cause == Some(Cause::DatabaseBusy);
    // Flask's own page comes from MLflow. Any other 404 may come from an ingress that has lost its service.
    let is_foreign = cause == Some(Cause::NoRoute) && !is_of_mlflow(body);
    let error = match status {
        _ if managed.is_some() => managed.unwrap_or_else(|| plain(Class::Permanent)),
        _ if throttled => plain(Class::Transient).hint("the server is busy: try again in a minute"),
        StatusCode::UNAUTHORIZED if let Some(identity) = identity => {
            Error::new(Class::Auth, format!("{address} refuses {identity} ({status}{reason})"))
                .hint("check the user, the password or the token: MLFLOW_TRACKING_… or MLFERRY_SOURCE_… for the source, MLFERRY_TARGET_… for the target")
        }
        StatusCode::UNAUTHORIZED => Error::new(Class::Auth, format!("{address} requires a sign-in ({status}{reason})"))
            .hint("set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN (MLFERRY_TARGET_… for the target); \
                   behind a sign-in page MLFERRY_SOURCE_TOKEN_COMMAND or MLFERRY_SOURCE_HEADERS (MLFERRY_TARGET_…)"),
        StatusCode::FORBIDDEN => Error::new(Class::Forbidden, format!("{place} is forbidden to these credentials ({status}{reason})"))
            .hint("use an account that may read everything on the source and write on the target; \
                   'Invalid Host header' means that the server's --allowed-hosts lacks this name"),
        StatusCode::NOT_FOUND if cause == Some(Cause::NoRoute) => plain(Class::Permanent),
        // 501: the store behind the server does not support it.
        StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED => plain(Class::NotFound),
        _ if matches!(cause, Some(Cause::PointExists | Cause::SwitchedOff)) => plain(Class::Permanent),
        _ if is_overload || cause == Some(Cause::InsertRace) => plain(Class::Transient),
        StatusCode::REQUEST_TIMEOUT => plain(Class::Transient),
        StatusCode::PAYLOAD_TOO_LARGE => plain(Class::Permanent)
            .hint("a gateway in front of the server refuses requests of this size: raise its limit"),
        // Permanent: over a torn file the same request fails in the same way.
        StatusCode::INTERNAL_SERVER_ERROR if broke_down => {
            plain(Class::Permanent).hint(
                "the server's own log shows why; in a folder of files (mlruns/), one torn meta.yaml or metric is \
                 enough: repair it or move it away",
            )
        }
        // A 5xx of the server itself has an error code. A 5xx of a worker or a gateway does not.
        StatusCode::INTERNAL_SERVER_ERROR if !code.is_empty() && repeat == Idempotency::Safe => {
            plain(Class::Permanent)
        }
        s if s.is_server_error() && repeat == Idempotency::Safe => plain(Class::Transient),
        s if s.is_server_error() => plain(Class::Ambiguous),
        _ => plain(Class::Permanent),
    };
    let worth = match () {
        () if broke_down => Worth::Few,
        () if is_foreign => Worth::NotReached,
        () => Worth::Usual,
    };
    let load = match status {
        _ if is_dry => Load::PoolExhausted { connections: pool_size(&reason).unwrap_or(DEFAULT_POOL) },
        _ if is_overload => Load::Overloaded(Slowdown::DatabaseBusy),
        _ if throttled => Load::Overloaded(Slowdown::TooManyRequests),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Load::Overloaded(Slowdown::Overloaded)
        }
        _ => Load::Unknown,
    };
    let is_gateway = matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    );
    let may_be_gone = (is_gateway && cause != Some(Cause::SwitchedOff)) || is_foreign;
    // A serverless App that was idle also answers this way for a while. And a pool stays exhausted while earlier
    // requests wait in it: half a minute for each part of a request, even if the client of these requests was killed.
    let throttled = throttled || is_dry || (address.arn().is_some() && status.is_server_error());
    let error = error.code(code_of());
    let retry_after = retry_after(headers);
    Failure { load, retry_after, reached: true, may_be_gone, throttled, worth, ..Failure::from(error) }
}

/// True for an answer with an error code of MLflow.
pub fn names_error(body: &[u8]) -> bool {
    serde_json::from_slice::<Body>(body).is_ok_and(|body| !body.error_code.is_empty())
}

/// The error, in MLflow's words, in an answer whose status is success.
pub fn hidden_error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error_code: String,
        #[serde(default)]
        message: String,
    }
    // An error is short; a large page of objects is not parsed twice.
    if body.len() > MAX_ERROR_LENGTH {
        return None;
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    (!refusal.error_code.is_empty()).then(|| format!("{}: {}", refusal.error_code, refusal.message))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The request id, which AWS support asks for.
fn request_id(headers: &HeaderMap) -> String {
    header(headers, "x-amzn-requestid").map(|id| format!(" (request id {id})")).unwrap_or_default()
}

/// The wait that the server requests: seconds, or a date (RFC 9110, 10.2.3). A date is relative to the server's own
/// clock, if the answer contains it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = header(headers, RETRY_AFTER.as_str())?.trim();
    let wait = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(asked)?;
            let now = header(headers, DATE.as_str()).and_then(http_date).unwrap_or_else(jiff::Timestamp::now);
            Duration::from_secs(u64::try_from(until.as_second() - now.as_second()).unwrap_or(0))
        }
    };
    Some(wait.min(limits::MAX_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<jiff::Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// At most 300 characters of the server's message; its HTML pages contain none.
fn summary(parsed: &Body, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = match (parsed.message.is_empty(), text.trim_start().starts_with('<')) {
        (false, _) => format!("{} {}", parsed.error_code, parsed.message),
        (true, true) => String::new(),
        (true, false) if !parsed.error_code.is_empty() => parsed.error_code.clone(),
        (true, false) => text.into_owned(),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(300) {
        _ if text.is_empty() => text,
        Some((end, _)) => format!(": {}…", &text[..end]),
        None => format!(": {text}"),
    }
}

/// The system's kind of error, if one is below reqwest's error.
fn io_kind(error: &reqwest::Error) -> std::io::ErrorKind {
    let mut chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let known = chain.find_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    match known {
        Some(kind) => kind,
        None if error.is_timeout() => std::io::ErrorKind::TimedOut,
        None => std::io::ErrorKind::Other,
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: u16, body: &str, repeat: Idempotency) -> Failure {
        let (address, _) = Address::parse("http://h").unwrap();
        let body = Bytes::copy_from_slice(body.as_bytes());
        let refusal =
            ErrorResponse { status: StatusCode::from_u16(code).unwrap(), headers: HeaderMap::new(), body };
        super::status(&address, "/r", &refusal, repeat, None)
    }

    fn class(code: u16, body: &str, repeat: Idempotency) -> (Class, Load) {
        let failure = failure(code, body, repeat);
        (failure.error.class(), failure.load)
    }

    #[test]
    fn an_error_with_a_success_status_is_found() {
        let reason = super::hidden_error(br#"{"error_code":"INVALID_STATE","message":"no"}"#);
        assert_eq!(reason.as_deref(), Some("INVALID_STATE: no"));
        for fine in [&b"{}"[..], br#"{"experiments":[],"error_code":""}"#, b"[1]", b"3.10.1"] {
            assert_eq!(super::hidden_error(fine), None);
        }
    }

    #[test]
    fn which_requests_may_be_repeated() {
        use Class::{Ambiguous, Auth, Forbidden, NotFound, Permanent, Transient};
        let bad = |message: &str| format!(r#"{{"error_code":"BAD_REQUEST","message":"{message}"}}"#);
        let table = [
            (400, bad("wrong"), Permanent, Permanent),
            (400, bad("UNIQUE constraint failed: datasets.name"), Transient, Transient),
            (400, bad("UNIQUE constraint failed: logged_model_metrics.model_id"), Permanent, Permanent),
            (400, bad("UNIQUE constraint failed: inputs.source_type"), Permanent, Permanent),
            (400, bad("QueuePool limit of size 5 overflow 10 reached"), Transient, Transient),
            (401, String::new(), Auth, Auth),
            (403, String::new(), Forbidden, Forbidden),
            // The object does not exist; the route does not exist, or an ingress has lost its service.
            (404, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST"}"#.into(), NotFound, NotFound),
            (404, "<html>".into(), Permanent, Permanent),
            (429, String::new(), Transient, Transient),
            (500, r#"{"error_code":"INTERNAL_ERROR"}"#.into(), Permanent, Ambiguous),
            // From a gateway: the server behind it may have carried out the request.
            (500, "<html>".into(), Transient, Ambiguous),
            (
                500,
                "<p>The server encountered an internal error and was unable to complete your".into(),
                Permanent,
                Ambiguous,
            ),
            (502, String::new(), Transient, Ambiguous),
            (503, "disabled by --no-serve-artifacts".into(), Permanent, Permanent),
            (503, String::new(), Transient, Ambiguous),
        ];
        for (code, body, safe, unsafe_) in table {
            assert_eq!(class(code, &body, Idempotency::Safe).0, safe, "{code} {body}");
            assert_eq!(class(code, &body, Idempotency::OnlyUnsent).0, unsafe_, "{code} {body}");
        }
        let load = |code, body: &str| class(code, body, Idempotency::Safe).1;
        let dry = bad("QueuePool limit of size 20 overflow 30 reached, connection timed out");
        assert_eq!(load(400, &dry), Load::PoolExhausted { connections: 50 });
        assert_eq!(load(400, &bad("QueuePool limit")), Load::PoolExhausted { connections: 15 });
        assert_eq!(load(400, &bad("database is locked")), Load::Overloaded(Slowdown::DatabaseBusy));
        assert_eq!(load(429, ""), Load::Overloaded(Slowdown::TooManyRequests));
    }

    #[test]
    fn only_answers_of_a_gateway_count_as_an_outage() {
        let flask =
            "<!doctype html><h1>Not Found</h1><p>The requested URL was not found on the server. If you";
        let table = [
            (404, "default backend - 404", true),
            (404, "", true),
            (404, flask, false),
            (404, r#"{"detail":"Not Found"}"#, false),
            (404, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST"}"#, false),
            (502, "<html>", true),
            (503, r#"{"error_code":"TEMPORARILY_UNAVAILABLE"}"#, true),
            (503, "disabled by --no-serve-artifacts", false),
            (504, "", true),
            (429, "", false),
            (500, "<html>", false),
        ];
        for (code, body, expected) in table {
            assert_eq!(failure(code, body, Idempotency::Safe).may_be_gone, expected, "{code} {body}");
        }
        let [flask, ingress] = [flask, ""].map(|body| failure(404, body, Idempotency::Safe).error);
        assert_eq!([flask.cause(), ingress.cause()], [Some(Cause::NoRoute); 2]);
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let wait = |asked: &'static str, date: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, asked.parse().unwrap());
            headers.insert(DATE, date.parse().unwrap());
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let now = "Thu, 26 Nov 2026 14:00:00 GMT";
        assert_eq!(wait(" 7 ", now), Some(7));
        assert_eq!(wait("99999", now), Some(600), "a day is too long");
        assert_eq!(wait("Thu, 26 Nov 2026 14:01:40 GMT", now), Some(100));
        assert_eq!(wait("Thu, 26 Nov 2026 13:00:00 GMT", now), Some(0), "it is over");
        assert_eq!(wait("soon", now), None);
    }

    #[test]
    fn a_page_is_not_quoted_and_a_long_message_is_cut() {
        let parsed = Body { error_code: "X".into(), message: "ü".repeat(500) };
        assert_eq!(summary(&parsed, b"").chars().count(), 303);
        assert_eq!(summary(&Body::default(), b" <html>secret"), "");
    }
}
