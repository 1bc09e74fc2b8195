use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, OtherError, RootCertStore, SignatureScheme,
};

use crate::error::{Error, Result};

/// Trusts the system's authorities and some named certificates, both as authorities and as certificates of servers, as
/// OpenSSL does. rustls alone refuses a server that presents the certificate of an authority, and `openssl req -x509`
/// creates such a certificate.
#[derive(Debug)]
pub struct Verifier {
    provider: Arc<CryptoProvider>,
    rule: Rule,
}

type Certificates = Vec<CertificateDer<'static>>;

#[derive(Debug)]
enum Rule {
    All,
    /// Any certificate that these authorities signed, for any host.
    Authorities {
        known: Certificates,
        trusted: Arc<WebPkiServerVerifier>,
    },
    Some {
        /// The named certificates.
        known: Certificates,
        /// Trusts only the named certificates.
        named: Option<Arc<WebPkiServerVerifier>>,
        /// Trusts the named certificates and the system's. `None` on a machine without authorities.
        system: Option<rustls_platform_verifier::Verifier>,
    },
}

impl Verifier {
    pub fn accepting_all(provider: Arc<CryptoProvider>) -> Self {
        Self { provider, rule: Rule::All }
    }

    /// Accepts what these authorities signed, under any name: `verify-ca` of PostgreSQL's clients. Without authorities,
    /// nothing is accepted.
    pub fn ignoring_names(authorities: Certificates, provider: Arc<CryptoProvider>) -> Result<Self> {
        let none = || Error::usage("no authority is named");
        let trusted = trusting(&authorities, &provider)?.ok_or_else(none)?;
        let rule = Rule::Authorities { known: authorities, trusted };
        Ok(Self { provider, rule })
    }

    pub fn new(known: Certificates, provider: Arc<CryptoProvider>) -> Result<Self> {
        let named = trusting(&known, &provider)?;
        let system =
            rustls_platform_verifier::Verifier::new_with_extra_roots(known.clone(), Arc::clone(&provider));
        // This is only a warning: a server without TLS does not need them.
        let system = system.inspect_err(|e| tracing::warn!("the system's authorities: {e}")).ok();
        Ok(Self { provider, rule: Rule::Some { known, named, system } })
    }
}

/// A verifier that trusts only these certificates. `None` if there are none.
fn trusting(
    known: &Certificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>> {
    let mut anchors = RootCertStore::empty();
    for certificate in known {
        let bad = |e| Error::usage(format!("a certificate that was named to be trusted cannot be read: {e}"));
        anchors.add(certificate.clone()).map_err(bad)?;
    }
    if anchors.is_empty() {
        return Ok(None);
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(provider));
    builder.build().map(Some).map_err(|e| Error::permanent(format!("TLS cannot start: {e}")))
}

/// Verifies a named certificate that the server itself presents. It must be valid now and for this host.
fn verify_named(
    named: &WebPkiServerVerifier,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    host: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, TlsError> {
    let result = named.verify_server_cert(end_entity, intermediates, host, &[], now);
    match result {
        // rustls-webpki checks the dates of a certificate before its use and its issuer. So, with these two errors, the
        // certificate is valid now.
        Err(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)) => {}
        Err(TlsError::InvalidCertificate(CertificateError::Other(ref other))) if is_authority(other) => {}
        other => return other,
    }
    verify_server_name(&ParsedCertificate::try_from(end_entity)?, host)?;
    Ok(ServerCertVerified::assertion())
}

fn is_authority(error: &OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// The reason why a certificate is not accepted, for the user.
pub fn describe(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: check this machine's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name"
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is signed by an authority that is not trusted here"
        }
        CertificateError::Other(other) if is_authority(other) => "the server's certificate is self-signed",
        CertificateError::Revoked => "the server's certificate was revoked",
        _ => "the server's certificate is not accepted",
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let (known, named, system) = match &self.rule {
            Rule::All => return Ok(ServerCertVerified::assertion()),
            Rule::Authorities { known, trusted } => {
                let verified = trusted.verify_server_cert(end_entity, intermediates, host, ocsp, now);
                return match verified {
                    // rustls compares the name after everything else.
                    Err(TlsError::InvalidCertificate(
                        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                    )) => Ok(ServerCertVerified::assertion()),
                    // The dates are valid: see `verify_named`.
                    Err(TlsError::InvalidCertificate(CertificateError::Other(ref other)))
                        if is_authority(other) && known.contains(end_entity) =>
                    {
                        Ok(ServerCertVerified::assertion())
                    }
                    verified => verified,
                };
            }
            Rule::Some { known, named, system } => (known, named, system),
        };
        if let Some(named) = named.as_ref().filter(|_| known.contains(end_entity)) {
            return verify_named(named, end_entity, intermediates, host, now);
        }
        match system {
            Some(system) => system.verify_server_cert(end_entity, intermediates, host, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
