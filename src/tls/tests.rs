//! Handshakes with a real TLS server, for each kind of certificate that a server may present and the user may name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Check, DatabaseTls, Trust, client_config};

/// A certificate and its key.
struct Shown {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn params(is_authority: bool, has_expired: bool) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = if has_expired { date_time_ymd(2021, 1, 1) } else { date_time_ymd(2060, 1, 1) };
    params
}

fn self_signed(params: &CertificateParams) -> Shown {
    let key = KeyPair::generate().unwrap();
    Shown { certificate: params.self_signed(&key).unwrap(), key }
}

/// A certificate and the authority that signed it.
fn signed(leaf: &CertificateParams) -> (Shown, Shown) {
    let mut of_authority = params(true, false);
    of_authority.distinguished_name.push(rcgen::DnType::CommonName, "the authority");
    let authority = self_signed(&of_authority);
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &Issuer::from_params(&of_authority, &authority.key)).unwrap();
    (Shown { certificate, key }, authority)
}

/// A server that presents a certificate once.
async fn serve(shown: &Shown) -> std::net::SocketAddr {
    let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![shown.certificate.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // The client refuses the connection in half of the cases.
        let _ = TlsAcceptor::from(Arc::new(server)).accept(stream).await;
    });
    address
}

/// Connects under a host name to a server that presents `shown`, while `named` is the trusted certificate.
async fn connect(shown: &Shown, named: Option<&Path>, host: &str, insecure: bool) -> Result<(), String> {
    let address = serve(shown).await;
    let trust = named.map(|path| Trust::named("CERT", path.to_owned())).unwrap_or_default();
    let config = client_config(&trust, insecure, None).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let host = ServerName::try_from(host.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(host, stream).await.map(drop).map_err(|e| e.to_string())
}

/// The same as a client of a database does it.
async fn connect_database(shown: &Shown, check: Check, named: &Path, host: &str) -> Result<(), String> {
    let stream = TcpStream::connect(serve(shown).await).await.unwrap();
    let tls = DatabaseTls::new(check, Some(named)).unwrap();
    tls.connect(host.to_owned(), stream).await.map(drop).map_err(|e| e.to_string())
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

#[tokio::test]
async fn a_server_may_present_the_named_certificate() {
    let folder = Folder::new();
    // `openssl req -x509` creates the certificate of an authority.
    for is_authority in [true, false] {
        let shown = self_signed(&params(is_authority, false));
        let other = self_signed(&params(is_authority, false));
        let named = folder.write("it.pem", &shown.certificate.pem());
        let another = folder.write("another.pem", &other.certificate.pem());
        connect(&shown, Some(&named), "localhost", false).await.unwrap();
        let refused = connect(&shown, Some(&named), "elsewhere.example", false).await.unwrap_err();
        assert!(refused.contains("not valid for name"), "{refused}");
        assert!(connect(&shown, Some(&another), "localhost", false).await.is_err());
        assert!(connect(&shown, None, "localhost", false).await.is_err());
        connect(&shown, None, "elsewhere.example", true).await.unwrap();
    }
}

#[tokio::test]
async fn servers_of_a_named_authority_are_trusted() {
    let folder = Folder::new();
    let (shown, authority) = signed(&params(false, false));
    let named = folder.write("ca.pem", &authority.certificate.pem());
    connect(&shown, Some(&named), "localhost", false).await.unwrap();
    assert!(connect(&shown, Some(&named), "elsewhere.example", false).await.is_err());
    assert!(connect(&shown, None, "localhost", false).await.is_err());
    // Trust the certificate alone, without the authority that signed it.
    let leaf = folder.write("leaf.pem", &shown.certificate.pem());
    connect(&shown, Some(&leaf), "localhost", false).await.unwrap();
    assert!(connect(&shown, Some(&leaf), "elsewhere.example", false).await.is_err());
}

#[tokio::test]
async fn a_database_is_checked_as_its_address_says() {
    let folder = Folder::new();
    let (shown, authority) = signed(&params(false, false));
    let (own, other) = (self_signed(&params(true, false)), self_signed(&params(true, false)));
    let authority = folder.write("ca.pem", &authority.certificate.pem());
    let itself = folder.write("itself.pem", &own.certificate.pem());
    let another = folder.write("other.pem", &other.certificate.pem());
    for (shown, named) in [(&shown, &authority), (&own, &itself)] {
        for check in [Check::Nothing, Check::Authority, Check::Host] {
            connect_database(shown, check, named, "localhost").await.unwrap();
            let elsewhere = connect_database(shown, check, named, "elsewhere.example").await;
            assert_eq!(elsewhere.is_ok(), check != Check::Host, "{elsewhere:?}");
            let untrusted = connect_database(shown, check, &another, "localhost").await;
            assert_eq!(untrusted.is_ok(), check == Check::Nothing, "{untrusted:?}");
        }
    }
    let (expired, authority) = signed(&params(false, true));
    let authority = folder.write("ca.pem", &authority.certificate.pem());
    let refused = connect_database(&expired, Check::Authority, &authority, "elsewhere.example").await;
    assert!(refused.unwrap_err().contains("expired"));
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused_however_it_is_trusted() {
    let folder = Folder::new();
    let (leaf, authority) = signed(&params(false, true));
    let of_authority = folder.write("ca.pem", &authority.certificate.pem());
    let refused = connect(&leaf, Some(&of_authority), "localhost", false).await.unwrap_err();
    assert!(refused.contains("expired"), "{refused}");
    for shown in [leaf, self_signed(&params(true, true)), self_signed(&params(false, true))] {
        let named = folder.write("it.pem", &shown.certificate.pem());
        let refused = connect(&shown, Some(&named), "localhost", false).await.unwrap_err();
        assert!(refused.contains("expired"), "{refused}");
    }
}

#[tokio::test]
async fn all_certificates_of_a_folder_and_of_a_file_are_read() {
    let folder = Folder::new();
    let (first, second) = (self_signed(&params(true, false)), self_signed(&params(true, false)));
    let both = format!("a comment\n{}\n{}", first.certificate.pem(), second.certificate.pem());
    let file = folder.write("both.pem", &both);
    connect(&second, Some(&file), "localhost", false).await.unwrap();
    let hashed = Folder::new();
    hashed.write("README", "no certificate");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&file, hashed.0.path().join("9d66eef0.0")).unwrap();
    #[cfg(not(unix))]
    hashed.write("9d66eef0.0", &both);
    connect(&second, Some(hashed.0.path()), "localhost", false).await.unwrap();
    let empty = Folder::new();
    let error = client_config(&Trust::named("CERT", empty.0.path().to_owned()), false, None).unwrap_err();
    assert!(error.to_string().ends_with("it holds no certificate"), "{error}");
}

#[test]
fn the_certificate_to_show_is_read_with_its_key() {
    let folder = Folder::new();
    let own = self_signed(&params(false, false));
    let both = folder.write("me.pem", &format!("{}{}", own.certificate.pem(), own.key.serialize_pem()));
    client_config(&Trust::default(), false, Some(&both)).unwrap();
    for (name, text) in [("key.pem", own.key.serialize_pem()), ("it.pem", own.certificate.pem())] {
        let error = client_config(&Trust::default(), false, Some(&folder.write(name, &text))).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.get_hint().unwrap().contains("CLIENT_CERT_PATH"));
    }
}
