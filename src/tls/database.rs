//! TLS for connections to databases. They start without TLS and change to it later.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
pub use tokio_rustls::client::TlsStream as DatabaseTlsStream;

use super::trust::Trust;
use super::verifier::Verifier;
use super::{bundle, config};
use crate::error::{Error, Result};

/// How much of a server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Nothing,
    /// The authority that signed it.
    Authority,
    /// The authority and the name of the host.
    Host,
}

#[derive(Clone)]
pub struct DatabaseTls(Arc<ClientConfig>);

impl DatabaseTls {
    /// `authorities` is a PEM file; without it, the system's authorities are trusted, and the name is always checked:
    /// they sign certificates for everyone.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) when the file cannot be read.
    pub fn new(check: Check, authorities: Option<&Path>) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match (check, authorities) {
            (Check::Nothing, _) => Verifier::accepting_all(Arc::clone(&provider)),
            (Check::Authority, Some(path)) => {
                let bad = |e: io::Error| {
                    Error::usage(format!("{}: {e}", path.display())).hint("name a PEM file with certificates")
                };
                Verifier::ignoring_names(bundle::read(path).map_err(bad)?, Arc::clone(&provider))?
            }
            (Check::Authority | Check::Host, _) => {
                let named = authorities.map(|path| Trust::named("sslrootcert", path.to_owned()));
                Verifier::new(named.unwrap_or_default().certificates()?, Arc::clone(&provider))?
            }
        };
        let mut config = config(provider, verifier, None)?;
        // Servers of PostgreSQL 17 refuse the protocols of the Web.
        config.alpn_protocols.clear();
        Ok(Self(Arc::new(config)))
    }

    pub async fn connect<S>(self, host: String, stream: S) -> io::Result<DatabaseTlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let host = ServerName::try_from(host).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        TlsConnector::from(self.0).connect(host, stream).await
    }
}

/// Sets the cryptography for libraries that create their own TLS configuration.
pub fn install_provider() {
    // An error means that it is set already.
    let _ = aws_lc_rs::default_provider().install_default();
}
