use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{self, Failure};
use super::pace::{Load, Pace};
use super::{Access, Address, Meter};
use crate::entities::{S3Object, quote_bare_numbers};
use crate::error::{Class, Error, Result};

/// May a request be sent again when it is unknown whether the server carried it out?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    Safe,
    /// No: the caller looks up what became of it. Refused connections and 429 are still repeated.
    OnlyUnsent,
}

/// One call of a route, ready to be sent any number of times.
pub struct Call {
    method: Method,
    route: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Bytes>,
    repeat: Repeat,
    patience: Patience,
}

/// How long a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Work,
    /// Somebody waits for the answer: a server that cannot be reached at all is said at once.
    Question,
}

impl Patience {
    fn retries(self) -> usize {
        match self {
            Self::Work => 5,
            Self::Question => 2,
        }
    }

    fn bears(self, failure: &Failure) -> bool {
        failure.is_transient() && (self == Self::Work || failure.answered)
    }
}

/// Gives the same bytes from the start at every try.
#[async_trait]
pub trait Opener: Send + Sync {
    async fn open(&self) -> Result<BoxStream<'static, Result<Bytes>>>;

    /// The object in S3 that holds these bytes, where there is one that this machine reaches: S3 can then copy it by
    /// itself.
    async fn in_s3(&self) -> Option<S3Object> {
        None
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

    fn new(method: Method, route: &'static str) -> Self {
        let path = route.to_owned();
        Self {
            method,
            route,
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            repeat: Repeat::Safe,
            patience: Patience::Work,
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

    /// Adds an encoded path behind the route.
    #[must_use]
    pub fn below(mut self, path: &str) -> Self {
        self.path = format!("{}/{path}", self.route);
        self
    }

    #[must_use]
    pub fn only_unsent(mut self) -> Self {
        self.repeat = Repeat::OnlyUnsent;
        self
    }

    /// For questions that a person waits for.
    #[must_use]
    pub fn question(mut self) -> Self {
        self.patience = Patience::Question;
        self
    }
}

/// A server that says nothing for so long is taken for gone.
const SILENCE: Duration = Duration::from_secs(90);

/// One server: every request to it goes through here.
pub struct Client {
    http: reqwest::Client,
    uploads: reqwest::Client,
    address: Address,
    access: Access,
    meter: Arc<Meter>,
    pace: Pace,
}

impl Client {
    pub fn new(address: Address, access: Access) -> Result<Self> {
        let meter = Arc::new(Meter::default());
        let (http, uploads) = (access.http_client(Some(SILENCE))?, access.http_client(None)?);
        Ok(Self { http, uploads, address, access, pace: Pace::new(Arc::clone(&meter)), meter })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Sends a call and reads its JSON answer.
    pub async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let body = self.bytes(call).await?;
        serde_json::from_slice(&quote_bare_numbers(&body)).map_err(|e| {
            Error::permanent(format!("{}{} did not answer as MLflow does: {e}", self.address, call.route))
                .hint("check that the address is a tracking server's, with its path prefix if it has one")
        })
    }

    /// Sends a call and reads its whole answer.
    pub async fn bytes(&self, call: &Call) -> Result<Bytes> {
        self.repeated(call, || async {
            let _slot = self.pace.enter().await;
            let started = Instant::now();
            let response = self.send(call, None).await?;
            let body =
                response.bytes().await.map_err(|e| failure::transport(&self.address, &e, call.repeat))?;
            self.pace.learn(call.route, started.elapsed(), Load::Fine);
            Ok(body)
        })
        .await
    }

    /// Sends a call and hands its answer on as it arrives. The server's slot is held until the stream is dropped.
    pub async fn stream(&self, call: &Call) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.repeated(call, || async {
            let slot = self.pace.enter().await;
            let response = self.send(call, None).await?;
            let (meter, address) = (Arc::clone(&self.meter), self.address.clone());
            let chunks = response.bytes_stream().map(move |chunk| {
                let _held = &slot;
                let chunk = chunk.map_err(|e| failure::transport(&address, &e, Repeat::Safe).error)?;
                meter.moved(chunk.len());
                Ok(chunk)
            });
            Ok(chunks.boxed())
        })
        .await
    }

    /// Sends a file, opened anew for each try. `size` is the number of bytes to come, where it is known.
    pub async fn upload(
        &self,
        route: &'static str,
        path: &str,
        size: Option<u64>,
        opener: &dyn Opener,
    ) -> Result<()> {
        let call = Call::new(Method::PUT, route).below(path);
        self.repeated(&call, || async {
            let _slot = self.pace.enter().await;
            let meter = Arc::clone(&self.meter);
            let chunks = opener.open().await?.inspect(move |chunk| {
                chunk.iter().for_each(|bytes| meter.moved(bytes.len()));
            });
            let response = self.send(&call, Some((reqwest::Body::wrap_stream(chunks), size))).await?;
            response.bytes().await.map_err(|e| failure::transport(&self.address, &e, call.repeat))?;
            Ok(())
        })
        .await
    }

    /// The one place where requests are repeated: exponential back-off with jitter, the server's Retry-After wins.
    pub(super) async fn repeated<T, F, Fut>(&self, call: &Call, once: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(20))
            .with_jitter()
            .with_max_times(call.patience.retries());
        once.retry(backoff)
            .when(|failure| call.patience.bears(failure))
            .adjust(|failure, planned| planned.map(|delay| failure.retry_after.unwrap_or(delay)))
            .notify(|failure, delay| {
                self.meter.retry();
                tracing::warn!("{}; again in {:.1} s", failure.error, delay.as_secs_f64());
            })
            .await
            .map_err(|failure| failure.error)
    }

    /// An upload to another place than the server, which gets no credentials of the server's.
    pub(super) fn plain_upload(&self, url: &str) -> reqwest::RequestBuilder {
        self.uploads.put(url)
    }

    pub(super) async fn send(
        &self,
        call: &Call,
        upload: Option<(reqwest::Body, Option<u64>)>,
    ) -> Result<Response, Failure> {
        let started = Instant::now();
        let result = self.send_once(call, upload).await;
        if let Err(failure) = &result {
            self.pace.learn(call.route, started.elapsed(), failure.load);
        }
        result
    }

    async fn send_once(
        &self,
        call: &Call,
        upload: Option<(reqwest::Body, Option<u64>)>,
    ) -> Result<Response, Failure> {
        self.meter.request();
        let http = if upload.is_some() { &self.uploads } else { &self.http };
        let mut request = http.request(call.method.clone(), self.address.join(&call.path)).query(&call.query);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        if let Some((body, size)) = upload {
            request = request.header("content-type", "application/octet-stream").body(body);
            if let Some(size) = size {
                request = request.header("content-length", size);
            }
        }
        let response = self.access.sign(request).send().await;
        let response = response.map_err(|e| failure::transport(&self.address, &e, call.repeat))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_default();
        Err(failure::status(&self.address, &call.path, status, &headers, &body, call.repeat))
    }
}

/// True for the answer of a server that has no such route, or not for this object.
pub(super) fn is_missing(error: &Error) -> bool {
    error.class() == Class::NotFound || error.to_string().contains("405 Method Not Allowed")
}

/// Encodes a path for a URL, its slashes kept.
pub fn encode_path(path: &str) -> String {
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(path, KEPT).to_string()
}
