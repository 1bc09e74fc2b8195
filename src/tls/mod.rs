//! The certificates that a connection trusts: those of the system, and those that a variable names, as in MLflow's own
//! client (requests over OpenSSL).

mod bundle;
mod database;
#[cfg(test)]
mod tests;
mod trust;
mod verifier;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use self::verifier::Verifier;
use crate::error::{Error, Result};

pub use self::database::{Check, DatabaseTls, DatabaseTlsStream, install_provider};
pub use self::trust::Trust;
pub use rustls::ClientConfig;

/// The TLS configuration of a client.
///
/// `insecure` accepts every certificate. `identity` is a PEM file with the client certificate and its key.
///
/// # Errors
/// [`Class::Usage`](crate::error::Class::Usage) when a named file cannot be read or holds no certificate.
pub fn client_config(trust: &Trust, insecure: bool, identity: Option<&Path>) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = match insecure {
        true => Verifier::accepting_all(Arc::clone(&provider)),
        false => Verifier::new(trust.certificates()?, Arc::clone(&provider))?,
    };
    config(provider, verifier, identity)
}

/// The reason why a certificate was not accepted, if this caused the connection error.
pub fn trouble(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    // `source` of an I/O error does not return the error that it wraps.
    causes.find_map(|cause| {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref()).or_else(|| cause.downcast_ref());
        match tls? {
            rustls::Error::InvalidCertificate(reason) => Some(verifier::describe(reason)),
            _ => None,
        }
    })
}

fn config(
    provider: Arc<CryptoProvider>,
    verifier: Verifier,
    identity: Option<&Path>,
) -> Result<ClientConfig> {
    let cannot = |e: rustls::Error| Error::permanent(format!("TLS cannot start: {e}"));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(cannot)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let (chain, key) = read_identity(path)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| Error::usage(format!("{}: {e}", path.display())))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read_identity(path: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let bad = |e: &dyn std::fmt::Display| {
        Error::usage(format!("{}: {e}", path.display())).hint(
            "…_CLIENT_CERT_PATH names one PEM file with the certificate and its key, which is not encrypted",
        )
    };
    let text = std::fs::read(path).map_err(|e| bad(&e))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|e| bad(&e))?;
    match chain.map_err(|e| bad(&e))? {
        chain if chain.is_empty() => Err(bad(&"it holds no certificate")),
        chain => Ok((chain, key)),
    }
}
