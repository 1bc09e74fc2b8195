use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Serialize;

use super::failure::{Failure, Worth};
use super::idempotency::Idempotency;
use crate::error::Result;
use crate::limits;

/// One call of a route. It can be sent any number of times.
#[derive(Clone)]
pub struct Call {
    pub(in crate::rest) method: Method,
    pub(in crate::rest) route: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    pub(in crate::rest) headers: Vec<(&'static str, String)>,
    pub(in crate::rest) body: Option<Bytes>,
    pub(in crate::rest) repeat: Idempotency,
    pub(in crate::rest) retry_policy: RetryPolicy,
}

/// How often to repeat a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryPolicy {
    Work,
    /// The user waits for the answer: an unreachable server is reported at once.
    Question,
}

impl RetryPolicy {
    /// The most retries after any failure.
    pub const MAX_RETRIES: usize = 9;

    fn retries(self, failure: &Failure) -> usize {
        match self {
            _ if failure.worth == Worth::Few => 2,
            // With the longer delays, four to five minutes.
            Self::Work if failure.throttled => Self::MAX_RETRIES,
            Self::Work => 5,
            Self::Question => 2,
        }
    }

    /// How long to wait before the next try, given the planned delay.
    pub fn delay(self, failure: &Failure, planned: Duration) -> Duration {
        let delay = failure.delay(planned);
        match self {
            Self::Work => delay,
            Self::Question => delay.min(limits::MAX_INTERACTIVE_RETRY_AFTER),
        }
    }

    /// True when a failure justifies another try after this many retries.
    pub fn allows_retry(self, failure: &Failure, retries: usize) -> bool {
        let worth = self == Self::Work || failure.reached;
        (failure.is_transient() || matches!(failure.worth, Worth::Few | Worth::NotReached))
            && !failure.given_up
            && worth
            && retries < self.retries(failure)
    }
}

impl Call {
    pub fn get(route: &'static str) -> Self {
        Self::new(Method::GET, route)
    }

    pub fn post(route: &'static str, body: &impl Serialize) -> Result<Self> {
        Self::with_body(Method::POST, route, body)
    }

    pub fn with_body(method: Method, route: &'static str, body: &impl Serialize) -> Result<Self> {
        Ok(Self::with_bytes(method, route, "application/json", serde_json::to_vec(body)?))
    }

    pub fn with_bytes(method: Method, route: &'static str, content_type: &str, body: Vec<u8>) -> Self {
        let call = Self { body: Some(body.into()), ..Self::new(method, route) };
        call.header("content-type", content_type)
    }

    pub fn post_bytes(route: &'static str, content_type: &str, body: Vec<u8>) -> Self {
        Self::with_bytes(Method::POST, route, content_type, body)
    }

    pub(in crate::rest) fn new(method: Method, route: &'static str) -> Self {
        let path = route.to_owned();
        Self {
            method,
            route,
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            repeat: Idempotency::Safe,
            retry_policy: RetryPolicy::Work,
        }
    }

    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Adds an encoded path after the route.
    #[must_use]
    pub fn below(mut self, path: &str) -> Self {
        self.path = format!("{}/{path}", self.route);
        self
    }

    #[must_use]
    pub fn only_unsent(mut self) -> Self {
        self.repeat = Idempotency::OnlyUnsent;
        self
    }

    /// Marks an interactive request, for which the user waits.
    #[must_use]
    pub fn question(mut self) -> Self {
        self.retry_policy = RetryPolicy::Question;
        self
    }

    /// Path and query as they are sent and signed. A space is `%20`, because a server and a signature interpret a `+`
    /// differently.
    pub(in crate::rest) fn target(&self) -> String {
        let pairs = self.query.iter().map(|(name, value)| format!("{name}={}", encoded(value, PLAIN)));
        let query = pairs.collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}", self.path)
    }

    pub(in crate::rest) fn path(&self) -> &str {
        &self.path
    }
}

/// The characters that AWS does not encode in a canonical request (RFC 3986, unreserved).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(text: &str, all_but: &'static AsciiSet) -> String {
    utf8_percent_encode(text, all_but).to_string()
}

/// Encodes a path for a URL, except its slashes.
pub fn encode_path(path: &str) -> String {
    const KEPT: &AsciiSet = &PLAIN.remove(b'/');
    encoded(path, KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_as_it_is_signed() {
        let call = Call::get("/api").below("a/b").query("name", "exp a+b/c %20 é").query("n", 1);
        assert_eq!(call.target(), "/api/a/b?name=exp%20a%2Bb%2Fc%20%2520%20%C3%A9&n=1");
        assert_eq!(Call::get("/version").target(), "/version");
        assert_eq!(encode_path("a b/ü~%"), "a%20b/%C3%BC~%25");
    }
}
