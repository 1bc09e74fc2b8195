//! One request and its answer: signed in, or signed.

use std::time::Instant;

use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, RequestBuilder, Response, StatusCode};

use super::failure::{self, Failure, Unhappy};
use super::{Call, Client};
use crate::aws::{Refusal, Signature, Signer, Unsigned};
use crate::error::{Error, Result};

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

    async fn exchange(&self, call: &Call, upload: Option<Upload>) -> Result<Response, Failure> {
        let http = if upload.is_some() { &self.uploads } else { &self.http };
        let mut request = self.access.sign_in(self.request(call));
        if let Some(Upload { body, size }) = upload {
            request = request.header("content-type", "application/octet-stream").body(body);
            if let Some(size) = size {
                request = request.header("content-length", size);
            }
        }
        let request = request.build().map_err(unsendable)?;
        self.execute(call, http, request).await?.map_err(|unhappy| self.failure(call, &unhappy))
    }

    /// Signs anew what was refused for a reason that could be mended, once: each try has a signature of its own.
    async fn signed_exchange(
        &self,
        call: &Call,
        upload: Option<Upload>,
        signer: &Signer,
    ) -> Result<Response, Failure> {
        if upload.is_some() {
            let why = Error::permanent(format!("{} takes no files: they go to its S3 store", self.address));
            return Err(why.into());
        }
        let (request, signature) = self.signed(call, signer).await?;
        let unhappy = match self.execute(call, &self.http, request).await? {
            Ok(response) => return Ok(response),
            Err(unhappy) => unhappy,
        };
        let body = String::from_utf8_lossy(&unhappy.body);
        let date = unhappy.headers.get(DATE).and_then(|date| date.to_str().ok());
        if !is_about_signing(unhappy.status)
            || !signer.mends(&Refusal { body: &body, date }, &signature).await
        {
            return Err(self.failure(call, &unhappy));
        }
        self.meter.retry();
        let (request, _) = self.signed(call, signer).await?;
        self.execute(call, &self.http, request).await?.map_err(|unhappy| self.failure(call, &unhappy))
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
    pub(super) async fn signed(&self, call: &Call, signer: &Signer) -> Result<(Request, Signature)> {
        let mut request = self.request(call).build().map_err(unsendable)?;
        let headers = self.headers(call);
        let unsigned = Unsigned {
            method: request.method().as_str(),
            url: request.url().as_str(),
            headers: &headers,
            body: call.body.as_deref().unwrap_or_default(),
        };
        let signature = signer.sign(&unsigned).await?;
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

    fn failure(&self, call: &Call, unhappy: &Unhappy) -> Failure {
        failure::status(&self.address, call.path(), unhappy, call.repeat)
    }
}

/// AWS refuses signatures and credentials with these.
fn is_about_signing(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

pub(super) fn unsendable(error: reqwest::Error) -> Error {
    Error::permanent(format!("the request cannot be sent: {}", error.without_url()))
}
