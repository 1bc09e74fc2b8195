//! One request and its answer: signed in, or signed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, RequestBuilder, Response, StatusCode};
use url::Url;

use super::failure::{self, Failure, Unhappy};
use super::{Call, Client, redirect};
use crate::aws::{Refusal, Signature, Signer, Unsigned};
use crate::error::{Error, Result};

/// How often one request signs in anew: the second time for what was renewed just before it.
const MOST_RENEWALS: usize = 3;
/// API Gateway's quota of a payload.
const MOST_BYTES: usize = 10 << 20;

/// The bytes of a file on their way to the server's artifact proxy.
pub struct Upload {
    pub body: reqwest::Body,
    /// How many they are, where that is known.
    pub size: Option<u64>,
}

impl Client {
    pub(super) async fn send(&self, call: &Call, upload: Option<Upload>) -> Result<Response, Failure> {
        let started = Instant::now();
        let result = match self.signer() {
            None => self.exchange(call, upload).await,
            Some(signer) => self.signed_exchange(call, upload, signer).await,
        };
        result.inspect_err(|failure| self.pace.learn(call.route, started.elapsed(), failure.load))
    }

    /// Signs in anew what was refused, where the sign-in can change. A file is opened anew by the caller for that.
    async fn exchange(&self, call: &Call, upload: Option<Upload>) -> Result<Response, Failure> {
        let is_upload = upload.is_some();
        let http = if is_upload { &self.uploads } else { &self.http };
        let (mut upload, mut renewals) = (upload, 0);
        loop {
            let (request, used) = self.signed_in(call, upload.take()).await?;
            let (url, unhappy) = match self.followed(call, http, request).await? {
                Ok(response) => {
                    self.sign_in.works();
                    return Ok(response);
                }
                Err(refused) => refused,
            };
            let may_change = renewals < MOST_RENEWALS && redirect::wants_sign_in(&url, &unhappy);
            if !may_change || !self.sign_in.renew(used).await {
                return Err(self.failure(call, &url, &unhappy));
            }
            if is_upload {
                let why = Error::transient(format!("{} wanted another sign-in", self.address));
                return Err(Failure { reached: true, retry_after: Some(Duration::ZERO), ..why.into() });
            }
            self.meter.retry();
            renewals += 1;
        }
    }

    /// A request with the headers that sign in, and when those were put together.
    pub(super) async fn signed_in(&self, call: &Call, upload: Option<Upload>) -> Result<(Request, Instant)> {
        let mut request = self.request(call);
        if let Some(Upload { body, size }) = upload {
            request = request.header("content-type", "application/octet-stream").body(body);
            if let Some(size) = size {
                request = request.header("content-length", size);
            }
        }
        let (headers, used) = self.sign_in.headers().await?;
        Ok((request.headers(headers).build().map_err(unsendable)?, used))
    }

    /// Sends a request, and again where the same server leads it to another of its routes. Says what was asked last.
    pub(super) async fn followed(
        &self,
        call: &Call,
        http: &reqwest::Client,
        mut request: Request,
    ) -> Result<Result<Response, (Url, Unhappy)>, Failure> {
        let mut led = 0;
        loop {
            // None for a file, which can be read once.
            let again = request.try_clone();
            let (url, method) = (request.url().clone(), request.method().clone());
            let unhappy = match self.execute(call, http, request).await? {
                Ok(response) => return Ok(Ok(response)),
                Err(unhappy) => unhappy,
            };
            match (redirect::within(&url, &method, &unhappy), again) {
                (Some(next), Some(mut again)) if led < redirect::MOST => {
                    *again.url_mut() = next;
                    request = again;
                    led += 1;
                }
                _ => return Ok(Err((url, unhappy))),
            }
        }
    }

    /// Signs anew what was refused for a reason that could be mended, once: each try has a signature of its own.
    async fn signed_exchange(
        &self,
        call: &Call,
        upload: Option<Upload>,
        signer: &Signer,
    ) -> Result<Response, Failure> {
        let file = match upload {
            Some(_) if signer.arn().is_some() => {
                let why =
                    Error::permanent(format!("{} takes no files: they go to its S3 store", self.address));
                return Err(why.into());
            }
            Some(upload) => Some(small(upload).await?),
            None => None,
        };
        let (request, signature) = self.signed(call, file.clone(), signer).await?;
        let url = request.url().clone();
        let unhappy = match self.execute(call, &self.http, request).await? {
            Ok(response) => return Ok(response),
            Err(unhappy) => unhappy,
        };
        let body = String::from_utf8_lossy(&unhappy.body);
        let date = unhappy.headers.get(DATE).and_then(|date| date.to_str().ok());
        if !is_about_signing(unhappy.status)
            || !signer.mends(&Refusal { body: &body, date }, &signature).await
        {
            return Err(self.failure(call, &url, &unhappy));
        }
        self.meter.retry();
        let (request, _) = self.signed(call, file, signer).await?;
        self.execute(call, &self.http, request).await?.map_err(|unhappy| self.failure(call, &url, &unhappy))
    }

    pub(super) fn request(&self, call: &Call) -> RequestBuilder {
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
        // The workspaces themselves are in none (MLflow 3.10, `utils/rest_utils.py`).
        if let Some(workspace) =
            self.access.workspace.clone().filter(|_| !call.path().contains("/mlflow/workspaces"))
        {
            headers.push(("x-mlflow-workspace", workspace));
        }
        headers
    }

    /// What is signed is what is sent: the URL is taken from the request, after the URL parser has had its say.
    pub(super) async fn signed(
        &self,
        call: &Call,
        file: Option<Bytes>,
        signer: &Signer,
    ) -> Result<(Request, Signature)> {
        let mut request = self.request(call);
        let mut headers = self.headers(call);
        if let Some(file) = &file {
            headers.push(("content-type", "application/octet-stream".to_owned()));
            request = request.header("content-type", "application/octet-stream").body(file.clone());
        }
        let mut request = request.build().map_err(unsendable)?;
        let unsigned = Unsigned {
            method: request.method().as_str(),
            url: request.url().as_str(),
            headers: &headers,
            body: file.as_ref().or(call.body.as_ref()).map(AsRef::as_ref).unwrap_or_default(),
        };
        let signature = signer.sign(&unsigned).await?;
        // API keys of a gateway, which are no part of the signature.
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

    /// The response, or what an unhappy one says.
    pub(super) async fn execute(
        &self,
        call: &Call,
        http: &reqwest::Client,
        request: Request,
    ) -> Result<Result<Response, Unhappy>, Failure> {
        self.meter.request();
        let response = http.execute(request).await;
        let response = response.map_err(|e| failure::transport(&self.address, &e, call.repeat))?;
        if response.status().is_success() {
            return Ok(Ok(response));
        }
        let (status, headers): (StatusCode, HeaderMap) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_default();
        Ok(Err(Unhappy { status, headers, body }))
    }

    fn failure(&self, call: &Call, url: &Url, unhappy: &Unhappy) -> Failure {
        if let Some(error) = redirect::error(&self.address, url, unhappy) {
            return Failure { reached: true, ..error.into() };
        }
        failure::status(&self.address, call.path(), unhappy, call.repeat)
    }
}

/// All of a file that is signed, as API Gateway wants it.
async fn small(upload: Upload) -> Result<Bytes> {
    let read = Limited::new(upload.body, MOST_BYTES).collect().await;
    let bytes = read.map_err(|e| {
        Error::permanent(format!("a file cannot be signed: {e}")).hint(
            "API Gateway takes no requests of more than 10 MB: let files go to the artifact store itself",
        )
    })?;
    Ok(bytes.to_bytes())
}

/// AWS refuses signatures and credentials with these.
fn is_about_signing(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

pub(super) fn unsendable(error: reqwest::Error) -> Error {
    Error::permanent(format!("the request cannot be sent: {}", error.without_url()))
}
