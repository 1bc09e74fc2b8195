use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderValue};
use secrecy::SecretString;

use super::sign_in::{Header, TokenCommand, parse_headers};
use crate::aws::Signer;
use crate::error::{Error, Result};
use crate::limits;
use crate::tls::{Trust, client_config};

/// The role of a server in a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// How to sign in to a server, and which certificates to trust. Credentials come from the environment, the URI or a
/// prompt, never from a file of this program. They are sent only to the end that they were given for.
#[derive(Clone, Default)]
pub struct Access {
    pub username: Option<String>,
    pub password: Option<SecretString>,
    pub token: Option<SecretString>,
    /// A command that prints tokens; it takes precedence over `token`.
    pub token_command: Option<TokenCommand>,
    /// Headers for a proxy in front of the server.
    pub headers: Vec<Header>,
    pub insecure_tls: bool,
    /// Certificates that are trusted in addition to the system's.
    pub trust: Trust,
    /// One PEM file that holds certificate and key.
    pub client_certificate: Option<PathBuf>,
    /// The workspace for all reads and writes (MLflow 3.10); without it, the server's default.
    pub workspace: Option<String>,
    /// Sign requests for API Gateway in front of the server.
    pub aws_sigv4: bool,
    /// It signs every request: to managed MLflow, which has no passwords, or to API Gateway.
    pub signer: Option<Arc<Signer>>,
    /// How long a job waits for a server that cannot be reached. Zero means no wait.
    pub wait: Duration,
    /// Where the artifacts of a store without a server are.
    pub artifact_roots: ArtifactRoots,
}

/// Where this machine finds the artifacts of a store, if they are not where the store says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactRoots {
    /// Beginnings of locations, and what replaces them.
    pub moved: Vec<(String, String)>,
    /// The `--artifacts-destination` of the server that wrote the store: no store names it.
    pub destination: Option<String>,
}

impl Access {
    /// Reads `MLFERRY_SOURCE_*` or `MLFERRY_TARGET_*`, and MLflow's own `MLFLOW_TRACKING_*` when `shared`. If both ends
    /// are servers, MLflow's own variables belong to the source, so that its password never reaches the target.
    /// `variable` reads the environment, or replaces it in tests. `headers` come from the command line.
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) for a header that cannot be read.
    pub fn of(
        end: Side,
        shared: bool,
        headers: &[String],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let name_of = |name: &str| format!("MLFERRY_{}_{name}", end.name().to_uppercase());
        let is_filled = |value: &String| !value.is_empty();
        let own = |name: &str| variable(&name_of(name)).filter(is_filled);
        let general = |name: &str| {
            shared.then(|| variable(&format!("MLFLOW_TRACKING_{name}"))).flatten().filter(is_filled)
        };
        let get = |name: &str| own(name).or_else(|| general(name));
        // A user from one set of variables and a token from the other would overwrite each other.
        let token_command =
            own("TOKEN_COMMAND").map(|line| TokenCommand::new(line, name_of("TOKEN_COMMAND")));
        let (own_user, own_token) = (own("USERNAME"), own("TOKEN"));
        let has_token = token_command.is_some() || own_token.is_some();
        let has_user = own_user.is_some();
        let is_true = |value: String| matches!(value.to_ascii_lowercase().as_str(), "true" | "1");
        // The only MLflow variable without `TRACKING` in its name.
        let workspace =
            || own("WORKSPACE").or_else(|| shared.then(|| variable("MLFLOW_WORKSPACE")).flatten());
        // A setting for MLflow alone takes precedence, as in MLflow's own client (`utils/rest_utils.py`, `verify`).
        let trust = get("SERVER_CERT_PATH").map(|path| Trust::named("…_SERVER_CERT_PATH", path.into()));
        let mut all = match own("HEADERS") {
            Some(text) => parse_headers(&text, &variable).map_err(|e| e.at(name_of("HEADERS")))?,
            None => Vec::new(),
        };
        for line in headers {
            let header =
                Header::parse(line, &variable).map_err(|e| e.at(format!("--{}-header", end.name())))?;
            all.retain(|known| known.name() != header.name());
            all.push(header);
        }
        Ok(Self {
            username: own_user.or_else(|| general("USERNAME").filter(|_| !has_token)),
            password: get("PASSWORD").map(SecretString::from),
            token: own_token.or_else(|| general("TOKEN").filter(|_| !has_user)).map(SecretString::from),
            token_command,
            headers: all,
            insecure_tls: get("INSECURE_TLS").is_some_and(is_true),
            trust: trust.unwrap_or_else(|| Trust::of_environment(&[], &variable)),
            client_certificate: get("CLIENT_CERT_PATH").map(PathBuf::from),
            workspace: workspace().filter(is_filled),
            aws_sigv4: get("AWS_SIGV4").is_some_and(is_true),
            signer: None,
            wait: limits::DEFAULT_OUTAGE_WAIT,
            artifact_roots: ArtifactRoots::default(),
        })
    }

    /// A user and password in the URI take precedence over the environment.
    #[must_use]
    pub fn with_login(mut self, login: Option<(String, SecretString)>) -> Self {
        if let Some((user, password)) = login {
            self.username = Some(user);
            self.password = Some(password);
            self.token = None;
        }
        self
    }

    /// Uses a signature instead of a password: with both, one would overwrite the other. Settings for a self-hosted
    /// server do not apply to AWS.
    #[must_use]
    pub fn with_signer(self, signer: Signer) -> Self {
        let headers = if signer.arn().is_some() { Vec::new() } else { self.headers };
        Self {
            username: None,
            password: None,
            token: None,
            token_command: None,
            headers,
            trust: self.trust.for_aws(|name| std::env::var(name).ok()),
            signer: Some(Arc::new(signer)),
            ..self
        }
    }

    /// The HTTP client. It has a time limit only for connecting: [`Client`](crate::rest::Client) sets the limits of
    /// each request.
    pub(in crate::rest) fn http_client(&self) -> Result<reqwest::Client> {
        let tls = client_config(&self.trust, self.insecure_tls, self.client_certificate.as_deref())?;
        let builder = reqwest::Client::builder()
            .user_agent(concat!("mlferry/", env!("CARGO_PKG_VERSION")))
            // A gateway may still compress answers; the client decodes them, as MLflow's client does. This header
            // avoids it, because only uncompressed files have a known length.
            .default_headers([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))].into_iter().collect())
            .tcp_nodelay(true)
            .pool_max_idle_per_host(64)
            .connect_timeout(limits::CONNECT_TIMEOUT)
            .tcp_keepalive(Duration::from_secs(30))
            // Credentials are not sent to another server: see `redirect.rs`.
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(tls);
        builder.build().map_err(|e| Error::permanent(format!("the HTTP client cannot start: {e}")))
    }
}
