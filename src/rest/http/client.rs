use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::call::RetryPolicy;
use super::concurrency::{ConcurrencyLimit, Load, Slot};
use super::failure::{self, Failure, Worth};
use super::sign_in::SignIn;
use crate::aws::Signer;
use crate::entities::quote_bare_numbers;
use crate::error::{Cause, Class, Error, Result};
use crate::io::CredentialWait;
use crate::io::Outage;
use crate::io::OwnTask;
use crate::io::{Absence, Meter};
use crate::limits;
use crate::rest::{Access, Address, Call, Idempotency};

/// How many outages of the server one request may go through before the request itself counts as the cause.
const MAX_OUTAGES: u32 = 5;

/// The time limits of one server: those of [`crate::limits`], and shorter ones in tests.
#[derive(Clone, Copy)]
pub(in crate::rest) struct Times {
    pub work: Duration,
    pub question: Duration,
    pub call: Duration,
    pub upload_stall: Duration,
    pub upload_answer: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            work: limits::READ_TIMEOUT,
            question: limits::INTERACTIVE_READ_TIMEOUT,
            call: limits::CALL_TIMEOUT,
            upload_stall: limits::UPLOAD_WRITE_TIMEOUT,
            upload_answer: limits::UPLOAD_READ_TIMEOUT,
        }
    }
}

impl Times {
    /// How long the server may be silent.
    pub fn silence(&self, retry_policy: RetryPolicy) -> Duration {
        match retry_policy {
            RetryPolicy::Work => self.work,
            RetryPolicy::Question => self.question,
        }
    }
}

/// The client of one server: every request to it goes through here, in its own task. Clones share the same state.
#[derive(Clone)]
pub struct Client {
    pub(in crate::rest) http: reqwest::Client,
    pub(in crate::rest) address: Arc<Address>,
    pub(in crate::rest) access: Arc<Access>,
    pub(in crate::rest) sign_in: Arc<SignIn>,
    pub(in crate::rest) meter: Arc<Meter>,
    pub(in crate::rest) pace: ConcurrencyLimit,
    pub(in crate::rest) outage: Outage,
    pub(in crate::rest) times: Times,
}

impl Client {
    pub fn new(address: Address, access: Access) -> Result<Self> {
        let meter = Arc::new(Meter::default());
        let pace = ConcurrencyLimit::new(Arc::clone(&meter));
        let http = access.http_client()?;
        let sign_in = Arc::new(SignIn::new(&access)?);
        let outage =
            Outage::new(address.to_string(), access.wait, CredentialWait::default(), Arc::clone(&meter));
        let (address, access) = (Arc::new(address), Arc::new(access));
        Ok(Self { http, address, access, sign_in, meter, pace, outage, times: Times::default() })
    }

    /// The same client with another limit of concurrent requests, for tests.
    #[cfg(test)]
    pub(crate) fn with_limit(mut self, limit: usize) -> Self {
        self.pace = ConcurrencyLimit::with_limit(limit, Arc::clone(&self.meter));
        self
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The waits for expired credentials, of AWS or of the server's own sign-in, and for a server that cannot be
    /// reached. They last only while a job uses the client.
    pub fn credential_waits(&self) -> impl Iterator<Item = &CredentialWait> {
        let of_aws = self.signer().map(|signer| signer.session().credential_wait());
        of_aws.into_iter().chain([self.sign_in.credential_wait(), self.outage.credential_wait()])
    }

    /// The signer of the requests to managed MLflow or to API Gateway.
    pub(in crate::rest) fn signer(&self) -> Option<&Signer> {
        self.access.signer.as_deref()
    }

    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Sends a call and reads its JSON answer.
    pub async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let body = self.bytes(call).await?;
        // An unrepeatable request may have been carried out.
        let class = if call.repeat == Idempotency::OnlyUnsent { Class::Ambiguous } else { Class::Permanent };
        let place = self.address.place(call.route);
        // Some gateways answer 200 to every request.
        if let Some(hidden) = failure::hidden_error(&body) {
            return Err(Error::new(class, format!("{place} answered 200 OK, but {hidden}")));
        }
        serde_json::from_slice(&quote_bare_numbers(&body)).map_err(|e| {
            Error::new(class, format!("{place} did not answer as MLflow does: {e}"))
                .hint("check that the address is a tracking server's, with its path prefix if it has one")
        })
    }

    /// Sends a call and reads its whole answer.
    pub async fn bytes(&self, call: &Call) -> Result<Bytes> {
        let (client, call) = (self.clone(), call.clone());
        OwnTask::spawn(async move { client.repeated(&call, || client.bytes_once(&call)).await }).await?
    }

    /// Returns a free slot for a request when the server is available. A job that finds the server unavailable waits
    /// without a slot.
    ///
    /// # Errors
    /// When the server is not available again in time.
    pub(in crate::rest) async fn acquire(&self, call: &Call) -> Result<Slot, Failure> {
        loop {
            let slot = self.pace.acquire().await;
            if call.retry_policy == RetryPolicy::Question || self.outage.is_over() {
                return Ok(slot);
            }
            drop(slot);
            self.outage.wait().await.map_err(Failure::given_up)?;
        }
    }

    pub(in crate::rest) async fn bytes_once(&self, call: &Call) -> Result<Bytes, Failure> {
        let _slot = self.acquire(call).await?;
        let started = Instant::now();
        // Other limits apply until the answer begins; a sign-in may take as long as it needs.
        let reply = self.send(call).await?;
        let (limit, most) = match call.retry_policy {
            RetryPolicy::Work => (self.times.call, limits::MAX_ANSWER_BYTES),
            RetryPolicy::Question => (limits::INTERACTIVE_TIMEOUT, limits::MAX_INTERACTIVE_BYTES),
        };
        let body = match tokio::time::timeout(limit, reply.whole(most)).await {
            Ok(body) => body?,
            Err(_) => return Err(self.silent(call, limit)),
        };
        self.pace.record(call.route, started.elapsed(), Load::Fine);
        Ok(body)
    }

    /// The one place that repeats requests: exponential back-off with jitter; the server's Retry-After takes
    /// precedence. While the server is unreachable, jobs wait for it and interactive requests fail.
    pub(in crate::rest) async fn repeated<T, F, Fut>(&self, call: &Call, mut once: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(20))
            .with_jitter()
            .with_max_times(RetryPolicy::MAX_RETRIES)
            .build();
        let (mut retries, mut outages) = (0, 0);
        loop {
            let failure = match once().await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let is_clear = failure.error.class() != Class::Ambiguous;
            let may_wait = call.retry_policy == RetryPolicy::Work && is_clear && outages < MAX_OUTAGES;
            if may_wait && failure.may_be_gone && self.rides_out(&failure).await? {
                outages += 1;
                self.meter.retry();
                continue;
            }
            if failure.worth == Worth::Free {
                self.meter.retry();
                continue;
            }
            let planned = delays.next().filter(|_| call.retry_policy.allows_retry(&failure, retries));
            let Some(delay) = planned.map(|planned| call.retry_policy.delay(&failure, planned)) else {
                return Err(failure.error);
            };
            retries += 1;
            self.meter.retry();
            tracing::warn!("{}; again in {:.1} s", failure.error, delay.as_secs_f64());
            tokio::time::sleep(delay).await;
        }
    }
}

impl Client {
    /// How long a job waits for this server when it cannot be reached.
    pub fn wait(&self) -> Duration {
        self.access.wait
    }

    async fn rides_out(&self, failure: &Failure) -> Result<bool> {
        let (server, why) = (Arc::new(self.clone()), Absence::of(&failure.error));
        self.outage.rides_out(server, &failure.error, why, failure.retry_after).await
    }
}

/// True when the server does not have this route, or does not have it for this object.
pub(in crate::rest) fn is_missing(error: &Error) -> bool {
    error.class() == Class::NotFound || error.cause() == Some(Cause::NoRoute) || error.status() == Some(405)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
