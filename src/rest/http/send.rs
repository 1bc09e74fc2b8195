//! One request and its answer: with a sign-in or a signature, and always with a time limit.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, RequestBuilder, Response, StatusCode};
use url::Url;

use super::failure;
use super::failure::{ErrorResponse, Failure};
use super::redirect;
use crate::aws::{Refusal, Signature, Signer, Unsigned};
use crate::error::{Error, Result};
use crate::io::OpenRequest;
use crate::limits;
use crate::rest::{Call, Client, Idempotency};

/// The content type of a file.
pub(in crate::rest) const OCTETS: &str = "application/octet-stream";
/// The most sign-in renewals for one request. The second one covers a sign-in that was renewed just before the request.
const MAX_RENEWALS: usize = 3;

/// An answer whose body has not arrived yet.
pub struct Reply {
    pub response: Response,
    open_request: OpenRequest,
    client: Client,
    repeat: Idempotency,
    /// How long the server may be silent.
    silence: Duration,
}

impl Reply {
    /// The next piece of the body. `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let address = &self.client.address;
        let chunk = match tokio::time::timeout(self.silence, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(|e| failure::transport(address, &e, self.repeat))?,
            Err(_) => return Err(failure::silent(address, self.silence, self.repeat)),
        };
        self.open_request.record_activity();
        Ok(chunk)
    }

    /// Sets whether the server must act next.
    pub fn set_server_acts(&self, server_acts: bool) {
        self.open_request.set_server_acts(server_acts);
    }

    /// The whole body, which may have at most this many bytes.
    pub async fn whole(mut self, most: usize) -> Result<Bytes, Failure> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > most {
                return Err(self.too_long(most));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// The failure for a longer body. No list of MLflow is that long, but a small compressed answer may expand without
    /// end.
    fn too_long(&self, most: usize) -> Failure {
        let most = most >> 20;
        Error::permanent(format!("{}: an answer of more than {most} MiB was not read", self.client.address))
            .hint("check that the address is a tracking server's")
            .into()
    }
}

impl Client {
    pub(in crate::rest) async fn send(&self, call: &Call) -> Result<Reply, Failure> {
        let started = Instant::now();
        let result = match self.signer() {
            None => self.exchange(call).await,
            Some(signer) => self.signed_exchange(call, None, signer).await,
        };
        result.inspect_err(|failure| self.pace.record(call.route, started.elapsed(), failure.load))
    }

    /// Sends a call with the sign-in. If the server refuses the sign-in, a new one is obtained; a sign-in that cannot
    /// change but has worked before is tried again after a wait.
    async fn exchange(&self, call: &Call) -> Result<Reply, Failure> {
        let (mut renewals, first) = (0, Instant::now());
        loop {
            let (headers, used) = self.sign_in.headers().await?;
            let request = self.request(call).headers(headers).build().map_err(unsendable)?;
            let (url, refusal) = match self.followed(call, request).await? {
                Ok(reply) => {
                    self.sign_in.works();
                    return Ok(reply);
                }
                Err(refused) => refused,
            };
            let may_change = redirect::wants_sign_in(&url, &refusal)
                && (renewals < MAX_RENEWALS || !self.sign_in.can_change());
            if !may_change || !self.sign_in.renew(used, first).await {
                return Err(self.failure(call, &url, &refusal));
            }
            self.meter.retry();
            renewals += 1;
        }
    }

    /// Sends a request, and sends it again if the same server redirects it to another of its routes. A failure includes
    /// the last URL.
    pub(in crate::rest) async fn followed(
        &self,
        call: &Call,
        mut request: Request,
    ) -> Result<Result<Reply, (Url, ErrorResponse)>, Failure> {
        let mut redirects = 0;
        loop {
            let again = request.try_clone();
            let (url, method) = (request.url().clone(), request.method().clone());
            let refusal = match self.execute(call, request).await? {
                Ok(reply) => return Ok(Ok(reply)),
                Err(refusal) => refusal,
            };
            match (redirect::within(&url, &method, &refusal), again) {
                (Some(next), Some(mut again)) if redirects < redirect::MAX_REDIRECTS => {
                    *again.url_mut() = next;
                    request = again;
                    redirects += 1;
                }
                _ => return Ok(Err((url, refusal))),
            }
        }
    }

    /// Sends a signed call. If the reason of a refusal could be fixed, the call is sent a second time with a new
    /// signature: each try has its own. `file` is the body of an upload, for API Gateway in front of a server.
    pub(in crate::rest) async fn signed_exchange(
        &self,
        call: &Call,
        file: Option<Bytes>,
        signer: &Signer,
    ) -> Result<Reply, Failure> {
        let (request, signature) = self.signed(call, file.clone(), signer).await?;
        let url = request.url().clone();
        let refusal = match self.execute(call, request).await? {
            Ok(reply) => return Ok(reply),
            Err(refusal) => refusal,
        };
        let body = String::from_utf8_lossy(&refusal.body);
        let date = refusal.headers.get(DATE).and_then(|date| date.to_str().ok());
        if !is_about_signing(refusal.status)
            || !signer.repair(&Refusal { body: &body, date }, &signature).await
        {
            return Err(self.failure(call, &url, &refusal));
        }
        self.meter.retry();
        let (request, _) = self.signed(call, file, signer).await?;
        self.execute(call, request).await?.map_err(|refusal| self.failure(call, &url, &refusal))
    }

    pub(in crate::rest) fn request(&self, call: &Call) -> RequestBuilder {
        let mut request = self.http.request(call.method.clone(), self.address.join(&call.target()));
        for (name, value) in self.headers(call) {
            request = request.header(name, value);
        }
        match &call.body {
            Some(body) => request.body(body.clone()),
            None => request,
        }
    }

    fn headers(&self, call: &Call) -> Vec<(&'static str, String)> {
        let mut headers = call.headers.clone();
        // Requests about workspaces name no workspace (MLflow 3.10, `utils/rest_utils.py`).
        if let Some(workspace) =
            self.access.workspace.clone().filter(|_| !call.path().contains("/mlflow/workspaces"))
        {
            headers.push(("x-mlflow-workspace", workspace));
        }
        headers
    }

    /// Signs a request. The signed URL is the sent URL: it is read from the request, after the URL parser has
    /// normalized it.
    pub(in crate::rest) async fn signed(
        &self,
        call: &Call,
        file: Option<Bytes>,
        signer: &Signer,
    ) -> Result<(Request, Signature)> {
        let mut request = self.request(call);
        let mut headers = self.headers(call);
        if let Some(file) = &file {
            headers.push(("content-type", OCTETS.to_owned()));
            request = request.header("content-type", OCTETS).body(file.clone());
        }
        let mut request = request.build().map_err(unsendable)?;
        let unsigned = Unsigned {
            method: request.method().as_str(),
            url: request.url().as_str(),
            headers: &headers,
            body: file.as_ref().or(call.body.as_ref()).map(AsRef::as_ref).unwrap_or_default(),
        };
        let signature = signer.sign(&unsigned).await?;
        // API keys of a gateway are not part of the signature.
        request.headers_mut().extend(self.sign_in.headers().await?.0);
        for (name, value) in &signature.headers {
            let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value));
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(Error::permanent("the signature does not fit into a header"));
            };
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok((request, signature))
    }

    /// Sends a request. Returns the reply, or the response to a refused request.
    pub(in crate::rest) async fn execute(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Result<Reply, ErrorResponse>, Failure> {
        let open_request = self.meter.send();
        let limit = self.times.silence(call.retry_policy);
        let response = match tokio::time::timeout(limit, self.http.execute(request)).await {
            Ok(response) => response.map_err(|e| failure::transport(&self.address, &e, call.repeat))?,
            Err(_) => return Err(self.silent(call, limit)),
        };
        drop(open_request);
        Ok(self.sorted(call, response).await)
    }

    /// Separates success from failure. The body of a failed answer is read as far as it arrives.
    pub(in crate::rest) async fn sorted(
        &self,
        call: &Call,
        response: Response,
    ) -> Result<Reply, ErrorResponse> {
        let open_request = self.meter.answered();
        let (status, headers): (StatusCode, HeaderMap) = (response.status(), response.headers().clone());
        let (client, repeat, silence) = (self.clone(), call.repeat, self.times.silence(call.retry_policy));
        let reply = Reply { response, open_request, client, repeat, silence };
        if status.is_success() {
            return Ok(reply);
        }
        let body =
            tokio::time::timeout(limits::INTERACTIVE_READ_TIMEOUT, reply.whole(limits::MAX_ERROR_BYTES))
                .await;
        let body = body.map(Result::unwrap_or_default).unwrap_or_default();
        Err(ErrorResponse { status, headers, body })
    }

    pub(in crate::rest) fn failure(&self, call: &Call, url: &Url, refusal: &ErrorResponse) -> Failure {
        if let Some(error) = redirect::error(&self.address, url, refusal) {
            return Failure { reached: true, ..error.into() };
        }
        failure::status(&self.address, call.path(), refusal, call.repeat, self.sign_in.identity())
    }

    pub(in crate::rest) fn silent(&self, call: &Call, limit: Duration) -> Failure {
        failure::silent(&self.address, limit, call.repeat)
    }
}

/// True for the status codes with which AWS refuses signatures and credentials.
fn is_about_signing(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

pub(in crate::rest) fn unsendable(error: reqwest::Error) -> Error {
    Error::permanent(format!("the request cannot be sent: {}", error.without_url()))
}
