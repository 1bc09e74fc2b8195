//! Uploads to a server. Each one runs in its own task.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, TryStreamExt};
use reqwest::{Method, RequestBuilder, Response};
use tokio::time::Instant;

use super::concurrency::Slot;
use super::failure;
use super::failure::{Failure, Worth};
use super::redirect;
use super::send::{OCTETS, Reply, unsendable};
use crate::error::{Error, Result};
use crate::io::OpenRequest;
use crate::io::OwnTask;
use crate::io::{ByteSource, Meter};
use crate::limits;
use crate::rest::{Call, Client};

/// API Gateway's limit for a payload.
const MAX_BYTES: usize = 10 << 20;

/// The side that must act next while a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The source must provide the next piece; it has its own limits.
    Source,
    /// The server must take a piece.
    Server,
    /// The server has the whole file and must answer.
    Answer,
}

/// The progress of an upload, shared by the body and by the task that monitors it.
#[derive(Clone)]
struct Progress(Arc<Shared>);

struct Shared {
    turn: Mutex<(Turn, Instant)>,
    open_request: OpenRequest,
}

impl Progress {
    fn new(open_request: OpenRequest) -> Self {
        Self(Arc::new(Shared { turn: Mutex::new((Turn::Server, Instant::now())), open_request }))
    }

    fn set(&self, turn: Turn) {
        *self.turn() = (turn, Instant::now());
        self.0.open_request.record_activity();
        self.0.open_request.set_server_acts(turn != Turn::Source);
    }

    fn turn(&self) -> MutexGuard<'_, (Turn, Instant)> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the server has been silent for too long, and returns the limit that it exceeded.
    async fn stalled(&self, stall: Duration, answer: Duration) -> Duration {
        const CHECK_INTERVAL: Duration = Duration::from_secs(1);
        loop {
            let (turn, since) = *self.turn();
            let limit = match turn {
                Turn::Source => None,
                Turn::Server => Some(stall),
                Turn::Answer => Some(answer),
            };
            let left = limit.map(|limit| (limit, limit.saturating_sub(since.elapsed())));
            match left {
                Some((limit, Duration::ZERO)) => return limit,
                Some((_, left)) => tokio::time::sleep(left.min(CHECK_INTERVAL)).await,
                None => tokio::time::sleep(CHECK_INTERVAL).await,
            }
        }
    }
}

/// The bytes of a file that is being sent.
struct Body {
    chunks: BoxStream<'static, Result<Bytes>>,
    /// The number of remaining bytes, if known.
    left: Option<u64>,
    progress: Progress,
    meter: Arc<Meter>,
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.chunks.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            self.meter.moved(bytes.len());
            self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
        }
        self.progress.set(match &next {
            Poll::Pending => Turn::Source,
            // If the length was announced, the end is not polled.
            Poll::Ready(Some(_)) if self.left == Some(0) => Turn::Answer,
            Poll::Ready(Some(_)) => Turn::Server,
            Poll::Ready(None) => Turn::Answer,
        });
        next
    }
}

/// How long the server may take to answer after it received a file of this size.
fn answer_limit(least: Duration, size: Option<u64>) -> Duration {
    let stored = Duration::from_secs(size.unwrap_or_default() / limits::UPLOAD_STORE_RATE);
    (least + stored).min(limits::MAX_UPLOAD_READ_TIMEOUT)
}

impl Client {
    /// Sends a file. It is opened again for each try. `size` is the number of bytes, if known.
    pub async fn upload(
        &self,
        route: &'static str,
        path: &str,
        size: Option<u64>,
        opener: &dyn ByteSource,
    ) -> Result<()> {
        if self.address.arn().is_some() {
            return Err(Error::permanent(format!(
                "{} does not accept files: they go to its S3 store",
                self.address
            )));
        }
        let call = Call::new(Method::PUT, route).below(path);
        let first = std::time::Instant::now();
        self.repeated(&call, || async {
            // The source is opened last: a server ends an answer that is not read.
            let slot = self.acquire(&call).await?;
            let chunks = opener.open().await?;
            let (client, call) = (self.clone(), call.clone());
            OwnTask::spawn(async move { client.upload_once(&call, size, chunks, slot, first).await }).await?
        })
        .await
    }

    async fn upload_once(
        &self,
        call: &Call,
        size: Option<u64>,
        chunks: BoxStream<'static, Result<Bytes>>,
        _slot: Slot,
        first: std::time::Instant,
    ) -> Result<(), Failure> {
        let started = std::time::Instant::now();
        let sent = match self.signer() {
            None => self.put_signed_in(call, size, chunks, first).await,
            Some(signer) => {
                let file = small(chunks).await?;
                self.signed_exchange(call, Some(file), signer).await
            }
        };
        let sent = match sent {
            Ok(reply) => reply.whole(limits::MAX_INTERACTIVE_BYTES).await.map(drop),
            Err(failure) => Err(failure),
        };
        sent.inspect_err(|failure| self.pace.record(call.route, started.elapsed(), failure.load))
    }

    /// After a refused sign-in, the caller repeats the upload, because only the caller can open the file again.
    async fn put_signed_in(
        &self,
        call: &Call,
        size: Option<u64>,
        chunks: BoxStream<'static, Result<Bytes>>,
        first: std::time::Instant,
    ) -> Result<Reply, Failure> {
        let (headers, used) = self.sign_in.headers().await?;
        let request = self.request(call).headers(headers).header("content-type", OCTETS);
        let response = self.put(call, request, size, chunks).await?;
        let url = response.url().clone();
        let refusal = match self.sorted(call, response).await {
            Ok(reply) => {
                self.sign_in.works();
                return Ok(reply);
            }
            Err(refusal) => refusal,
        };
        if redirect::wants_sign_in(&url, &refusal) && self.sign_in.renew(used, first).await {
            let why = Error::transient(format!("{} required another sign-in", self.address));
            let worth = if self.sign_in.can_change() { Worth::Usual } else { Worth::Free };
            return Err(Failure { reached: true, retry_after: Some(Duration::ZERO), worth, ..why.into() });
        }
        Err(self.failure(call, &url, &refusal))
    }

    /// Sends a file with a request that is complete except for its body.
    pub(in crate::rest) async fn put(
        &self,
        call: &Call,
        request: RequestBuilder,
        size: Option<u64>,
        chunks: BoxStream<'static, Result<Bytes>>,
    ) -> Result<Response, Failure> {
        let progress = Progress::new(self.meter.send());
        let (left, meter) = (size, Arc::clone(&self.meter));
        let body = Body { chunks, left, progress: progress.clone(), meter };
        let mut request = request.body(reqwest::Body::wrap_stream(body));
        if let Some(size) = size {
            request = request.header("content-length", size);
        }
        let request = request.build().map_err(unsendable)?;
        let answer = answer_limit(self.times.upload_answer, size);
        let answer = tokio::select! {
            answer = self.http.execute(request) => answer,
            limit = progress.stalled(self.times.upload_stall, answer) => return Err(self.silent(call, limit)),
        };
        answer.map_err(|e| failure::transport(&self.address, &e.without_url(), call.repeat))
    }
}

/// Reads a whole small file, because API Gateway requires the content for the signature.
async fn small(mut chunks: BoxStream<'static, Result<Bytes>>) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(chunk) = chunks.try_next().await? {
        all.extend_from_slice(&chunk);
        if all.len() > MAX_BYTES {
            return Err(Error::permanent("a file of this size cannot be signed").hint(
                "API Gateway accepts at most 10 MB per request: let files go to the artifact store itself",
            ));
        }
    }
    Ok(all.freeze())
}
