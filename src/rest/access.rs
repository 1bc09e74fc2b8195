use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::aws::Signer;
use crate::error::{Error, Result};

/// Which end of a migration a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Source,
    Target,
}

impl End {
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// How to sign in, and whom to trust. Credentials come from the environment, the URI or a prompt, never from a file
/// of ours, and are sent to the end they were given for only.
#[derive(Clone, Default)]
pub struct Access {
    pub username: Option<String>,
    pub password: Option<SecretString>,
    pub token: Option<SecretString>,
    pub insecure_tls: bool,
    pub server_certificate: Option<PathBuf>,
    /// One PEM file that holds certificate and key.
    pub client_certificate: Option<PathBuf>,
    /// The workspace that everything is read from or written to (MLflow 3.10); the server's default without.
    pub workspace: Option<String>,
    /// Signs every request: managed MLflow knows no passwords.
    pub signer: Option<Arc<Signer>>,
}

impl Access {
    /// From `MLFERRY_SOURCE_*` or `MLFERRY_TARGET_*`, and MLflow's own `MLFLOW_TRACKING_*` when `shared`: with a
    /// server on both ends those are the source's, so that its password never reaches the target. `variable` reads the
    /// environment, or stands in for it.
    pub fn of(end: End, shared: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let own = |name: &str| variable(&format!("MLFERRY_{}_{name}", end.name().to_uppercase()));
        let general = |name: &str| shared.then(|| variable(&format!("MLFLOW_TRACKING_{name}"))).flatten();
        let get = |name: &str| own(name).or_else(|| general(name)).filter(|value| !value.is_empty());
        // The one variable of MLflow's that is not called after tracking.
        let workspace =
            || own("WORKSPACE").or_else(|| shared.then(|| variable("MLFLOW_WORKSPACE")).flatten());
        Self {
            username: get("USERNAME"),
            password: get("PASSWORD").map(SecretString::from),
            token: get("TOKEN").map(SecretString::from),
            insecure_tls: get("INSECURE_TLS").is_some_and(|value| matches!(value.as_str(), "true" | "1")),
            server_certificate: get("SERVER_CERT_PATH").map(PathBuf::from),
            client_certificate: get("CLIENT_CERT_PATH").map(PathBuf::from),
            workspace: workspace().filter(|name| !name.is_empty()),
            signer: None,
        }
    }

    /// A user and password within the URI win over the environment.
    #[must_use]
    pub fn with_login(mut self, login: Option<(String, SecretString)>) -> Self {
        if let Some((user, password)) = login {
            self.username = Some(user);
            self.password = Some(password);
            self.token = None;
        }
        self
    }

    /// A signature instead of a password: with both, the one would overwrite the other.
    #[must_use]
    pub fn with_signer(self, signer: Signer) -> Self {
        Self { username: None, password: None, token: None, signer: Some(Arc::new(signer)), ..self }
    }

    pub(super) fn sign_in(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match (&self.token, &self.username) {
            (_, Some(user)) => {
                request.basic_auth(user, self.password.as_ref().map(ExposeSecret::expose_secret))
            }
            (Some(token), None) => request.bearer_auth(token.expose_secret()),
            (None, None) => request,
        }
    }

    /// `patience`: how long an answer may stay silent. Uploads have none, because reqwest counts the time that the
    /// request's own body takes.
    pub(super) fn http_client(&self, patience: Option<Duration>) -> Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("mlferry/", env!("CARGO_PKG_VERSION")))
            // A gateway that packs answers all the same is understood, as MLflow's client understands it; but files have
            // their length with them when nobody packs them.
            .default_headers([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))].into_iter().collect())
            .tcp_nodelay(true)
            .pool_max_idle_per_host(64)
            .connect_timeout(Duration::from_secs(10))
            .tcp_keepalive(Duration::from_secs(30))
            .tls_danger_accept_invalid_certs(self.insecure_tls);
        if self.signer.is_some() {
            // A signature is for one URL.
            builder = builder.redirect(reqwest::redirect::Policy::none());
        }
        if let Some(patience) = patience {
            builder = builder.read_timeout(patience);
        }
        if let Some(path) = &self.server_certificate {
            let authorities = reqwest::Certificate::from_pem_bundle(&read(path, "SERVER_CERT_PATH")?)
                .map_err(|e| Error::usage(format!("{}: {e}", path.display())))?;
            builder = builder.tls_certs_merge(authorities);
        }
        if let Some(path) = &self.client_certificate {
            let identity = reqwest::Identity::from_pem(&read(path, "CLIENT_CERT_PATH")?)
                .map_err(|e| Error::usage(format!("{}: {e}", path.display())))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|e| Error::permanent(format!("the HTTP client cannot start: {e}")))
    }
}

fn read(path: &PathBuf, variable: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| {
        Error::usage(format!("{}: {e}", path.display())).hint(format!("…_{variable} names a PEM file"))
    })
}
