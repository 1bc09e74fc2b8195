//! The HTTP client for AWS's SDK when the user names certificates. The SDK's own client accepts only certificates of
//! authorities. This one also accepts the certificate of a server, which on-premises stores often use.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::error::{Error, Result};
use crate::limits;
use crate::tls::{ClientConfig, Trust, client_config};

/// The client. `None` when no certificates are named: then the SDK uses its own. `variable` reads the environment.
///
/// # Errors
/// [`Class::Usage`](crate::error::Class::Usage) when the named certificates cannot be read.
pub fn client(variable: impl Fn(&str) -> Option<String>) -> Result<Option<SharedHttpClient>> {
    let trust = Trust::default().for_aws(variable);
    if trust.is_of_system_alone() {
        return Ok(None);
    }
    let tls = client_config(&trust, false, None)?;
    // The fallback when a client with a time limit cannot be built. It trusts the same certificates.
    let plain = connector(&tls, Timeouts::default())
        .map_err(|e| Error::permanent(format!("the HTTP client cannot start: {e}")))?;
    let made: Mutex<Vec<(Timeouts, SharedHttpConnector)>> = Mutex::default();
    Ok(Some(http_client_fn(move |settings, _| {
        let wanted = Timeouts::of(settings);
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = made.iter().find(|(timeouts, _)| *timeouts == wanted) {
            return known.clone();
        }
        let client = connector(&tls, wanted).unwrap_or_else(|_| plain.clone());
        let connector = SharedHttpConnector::new(Connector(client));
        made.push((wanted, connector.clone()));
        connector
    })))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Timeouts {
    connect: Option<Duration>,
    read: Option<Duration>,
}

impl Timeouts {
    fn of(settings: &HttpConnectorSettings) -> Self {
        Self { connect: settings.connect_timeout(), read: settings.read_timeout() }
    }
}

fn connector(tls: &ClientConfig, timeouts: Timeouts) -> reqwest::Result<reqwest::Client> {
    // The SDK sets the time limits of a whole call: see `credentials::defaults`.
    let builder = reqwest::Client::builder()
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .tls_backend_preconfigured(tls.clone());
    let builder = timeouts.connect.into_iter().fold(builder, reqwest::ClientBuilder::connect_timeout);
    timeouts.read.into_iter().fold(builder, reqwest::ClientBuilder::read_timeout).build()
}

#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let request = reqwest::Request::try_from(request.map(body));
            let request = request.map_err(|e| ConnectorError::user(e.into()))?;
            let response = client.execute(request).await.map_err(failure)?;
            // Both kinds of body are the same stream of bytes.
            let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
            let response = http::Response::from_parts(parts, SdkBody::from_body_1_x(body));
            HttpResponse::try_from(response).map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}

fn body(body: SdkBody) -> reqwest::Body {
    match body.bytes().map(bytes::Bytes::copy_from_slice) {
        Some(bytes) => bytes.into(),
        None => reqwest::Body::wrap(body),
    }
}

fn failure(error: reqwest::Error) -> ConnectorError {
    match error.is_timeout() {
        true => ConnectorError::timeout(error.without_url().into()),
        false => ConnectorError::io(error.without_url().into()),
    }
}
