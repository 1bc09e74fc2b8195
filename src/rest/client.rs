use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Method;
use serde::de::DeserializeOwned;

use super::call::Patience;
use super::exchange::Upload;
use super::failure::{self, Failure};
use super::pace::{Load, Pace};
use super::sign_in::SignIn;
use super::{Access, Address, Call, Meter, Repeat};
use crate::aws::{Signer, Vigil};
use crate::entities::{S3Object, quote_bare_numbers};
use crate::error::{Class, Error, Result};

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

/// A server that says nothing for so long is taken for gone.
const SILENCE: Duration = Duration::from_secs(90);

/// One server: every request to it goes through here.
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) uploads: reqwest::Client,
    pub(super) address: Address,
    pub(super) access: Access,
    pub(super) sign_in: SignIn,
    pub(super) meter: Arc<Meter>,
    pub(super) pace: Pace,
}

impl Client {
    pub fn new(address: Address, access: Access) -> Result<Self> {
        let meter = Arc::new(Meter::default());
        let (http, uploads) = access.http_clients(SILENCE)?;
        let sign_in = SignIn::new(&access)?;
        Ok(Self { http, uploads, address, sign_in, access, pace: Pace::new(Arc::clone(&meter)), meter })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Who waits when the credentials for it end: those of AWS, or the server's own sign-in.
    pub fn vigils(&self) -> impl Iterator<Item = &Vigil> {
        let of_aws = self.signer().map(|signer| signer.session().vigil());
        of_aws.into_iter().chain([self.sign_in.vigil()])
    }

    /// Who signs the requests, to managed MLflow or to API Gateway.
    pub(super) fn signer(&self) -> Option<&Signer> {
        self.access.signer.as_deref()
    }

    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Sends a call and reads its JSON answer.
    pub async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let body = self.bytes(call).await?;
        serde_json::from_slice(&quote_bare_numbers(&body)).map_err(|e| {
            Error::permanent(format!("{} did not answer as MLflow does: {e}", self.address.place(call.route)))
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
            let file = Upload { body: reqwest::Body::wrap_stream(chunks), size };
            let response = self.send(&call, Some(file)).await?;
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
            .with_max_times(Patience::MOST);
        let retries = AtomicUsize::new(0);
        once.retry(backoff)
            .when(|failure| call.patience.bears(failure, retries.load(Relaxed)))
            .adjust(|failure, planned| planned.map(|delay| failure.delay(delay)))
            .notify(|failure, delay| {
                retries.fetch_add(1, Relaxed);
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
}

/// True for the answer of a server that has no such route, or not for this object.
pub(super) fn is_missing(error: &Error) -> bool {
    error.class() == Class::NotFound || error.status() == Some(405)
}
