//! Checks of a typed address before the wizard connects to it.

use secrecy::SecretString;
use url::Url;

use crate::engine::{Arn, Side, familiar};

/// The problem in `text`, if one is visible without a connection. An empty text is not a problem yet.
pub fn trouble(text: &str, end: Side) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if is_arn(text) {
        return Arn::parse(text).err().map(|e| e.to_string());
    }
    if ["http:", "https:"].iter().any(|scheme| text.starts_with(scheme)) && !text.contains("://") {
        return Some("an address looks like http://host:5000".into());
    }
    if !text.contains("://") {
        if let Some(error) = familiar(text) {
            return error.get_hint().map(str::to_owned);
        }
        let looks_like_host = text.contains(':') && !text.starts_with(['/', '.', '~']);
        return match end {
            _ if looks_like_host => Some(format!("the scheme is missing: http://{}", without_login(text))),
            Side::Target => {
                Some("a target is a server (http://host:5000) or the ARN of an MLflow App".into())
            }
            Side::Source => None,
        };
    }
    match Url::parse(text) {
        Err(error) => Some(format!("not an address: {error}")),
        Ok(url) if is_store(url.scheme()) => match end {
            Side::Source => None,
            Side::Target => Some("start an MLflow server over it and give its http address".into()),
        },
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Some(format!("{:?} is not a scheme of a tracking server's address", url.scheme()))
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => Some("the host is missing".into()),
        Ok(_) => None,
    }
}

/// True if the text is meant as the ARN of managed MLflow, which uses AWS credentials to sign in.
pub fn is_arn(text: &str) -> bool {
    text.trim_start().starts_with("arn:")
}

/// A folder, or a database in SQLAlchemy's spelling, perhaps with a driver: `sqlite+pysqlite`.
fn is_store(scheme: &str) -> bool {
    is_of_files(scheme) || is_database_server(scheme)
}

/// A folder or a file of this machine.
fn is_of_files(scheme: &str) -> bool {
    matches!(dialect(scheme), "file" | "sqlite")
}

fn is_database_server(scheme: &str) -> bool {
    matches!(dialect(scheme), "postgresql" | "postgres" | "mysql" | "mariadb")
}

fn dialect(scheme: &str) -> &str {
    scheme.split('+').next().unwrap_or(scheme)
}

/// Splits a text that names a folder or file of this machine into its scheme, which may be empty, and the path:
/// `sqlite:///` and `mlflow.db`.
pub fn path_of(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    match text.split_once("://") {
        Some((scheme, rest)) if is_of_files(scheme) => {
            // The path of a file URI begins with the slash, and that of a database after it.
            let slash = usize::from(scheme != "file");
            let at = scheme.len() + "://".len() + slash;
            (rest.starts_with('/')).then(|| text.split_at(at))
        }
        Some(_) => None,
        None => is_plain_path(text).then_some(("", text)),
    }
}

fn is_plain_path(text: &str) -> bool {
    text.starts_with(['/', '.', '~']) || !text.is_empty() && !text.contains(':')
}

/// Splits `http://user:password@host` into the address and its login.
pub fn part(text: &str) -> (String, Option<(String, SecretString)>) {
    let text = text.trim();
    let has_login = |url: &Url| matches!(url.scheme(), "http" | "https") || is_database_server(url.scheme());
    let url = Url::parse(text).ok().filter(has_login);
    let Some(mut url) = url else {
        // An address that was pasted behind a path is no path.
        let is_path = is_plain_path(text) && !text.contains("://");
        let shown = if is_path { text.to_owned() } else { without_login(text) };
        return (shown, None);
    };
    if url.username().is_empty() && url.password().is_none() {
        return (text.to_owned(), None);
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let login = (decode(url.username()), SecretString::from(decode(url.password().unwrap_or_default())));
    // These calls cannot fail: the address has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (url.as_str().trim_end_matches('/').to_owned(), Some(login))
}

/// The part of an address to which a login belongs: scheme, host and port. The whole text if it is not an address.
pub fn server(text: &str) -> String {
    match Url::parse(text.trim()) {
        Ok(url) if url.has_host() => {
            format!(
                "{}://{}:{:?}",
                url.scheme(),
                url.host_str().unwrap_or_default(),
                url.port_or_known_default()
            )
        }
        _ => text.trim().to_owned(),
    }
}

/// True if both addresses name the same server. The loopback names of the local machine count as equal.
pub fn is_same(a: &str, b: &str) -> bool {
    fn key(text: &str) -> Option<(String, Option<u16>, String)> {
        let url = Url::parse(text).ok()?;
        let host = match url.host_str()? {
            "127.0.0.1" | "[::1]" | "0.0.0.0" => "localhost",
            host => host,
        };
        let path = url.path().trim_end_matches('/').to_owned();
        Some((host.to_owned(), url.port_or_known_default(), path))
    }
    match (key(a), key(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// A text that cannot be parsed may still contain a password.
fn without_login(text: &str) -> String {
    let rest = text.rsplit_once('@').map_or(text, |(_, host)| host);
    match text.split_once("://") {
        Some((scheme, _)) if rest.len() < text.len() => format!("{scheme}://{rest}"),
        _ => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn errors_contain_no_passwords() {
        let source = |text| trouble(text, Side::Source);
        for fine in [
            "",
            "http://host:5000",
            "https://ann:pw@host/prefix",
            "./export",
            "/data/export",
            "file:///data",
            "sqlite:///mlflow.db",
            "postgresql+psycopg2://ann:pw@host/mlflow",
            "sqlite+pysqlite:////data/mlflow.db",
            "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL",
        ] {
            assert_eq!(source(fine), None, "{fine}");
        }
        for bad in [
            "http://",
            "http://host:port",
            "ftp://ann:secret@host",
            "ann:secret@host",
            "localhost:5000",
            "arn:aws:sagemaker:x",
        ] {
            let said = source(bad).unwrap();
            assert!(!said.contains("secret"), "{said}");
        }
        for store in ["./export", "sqlite:///mlflow.db", "file:///data", "mysql://ann:pw@host/mlflow"] {
            assert!(trouble(store, Side::Target).is_some(), "{store}");
        }
    }

    #[test]
    fn paths_are_known_with_and_without_a_scheme() {
        for (text, expected) in [
            ("mlruns", ("", "mlruns")),
            (" ~/ml:runs ", ("", "~/ml:runs")),
            ("sqlite:///ml.db", ("sqlite:///", "ml.db")),
            ("sqlite+pysqlite:////d/ml.db", ("sqlite+pysqlite:///", "/d/ml.db")),
            ("file:///data", ("file://", "/data")),
        ] {
            assert_eq!(path_of(text), Some(expected), "{text}");
        }
        for other in
            ["", "http://h", "mysql://h/d", "localhost:5000", "sqlite://", "file://", "arn:aws:sagemaker:x"]
        {
            assert_eq!(path_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_login_leaves_the_address() {
        let (address, login) = part(" http://ann:p%40ss@host:5000/ ");
        assert_eq!(address, "http://host:5000");
        let (user, password) = login.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("ann", "p@ss"));
        assert_eq!(part("./dir@2").0, "./dir@2");
        assert_eq!(part("/data/mlrunspostgresql://ann:secret@host/db").0, "/data/mlrunspostgresql://host/db");
        assert_eq!(part("ann:secret@host").0, "host");
        assert_eq!(part("http://host:5000").0, "http://host:5000");
        assert_eq!(part("http://ann:secret@host:port").0, "http://host:port");
    }

    #[test]
    fn one_server_under_two_names_is_the_same() {
        assert!(is_same("http://localhost:5000", "http://127.0.0.1:5000/"));
        assert!(is_same("http://h", "http://h:80"));
        assert!(!is_same("http://h:5000", "http://h:5001"));
        assert!(!is_same("http://h/a", "http://h/b"));
    }
}
