use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use crate::error::{Error, Result};

/// The parts of `dialect+driver://user:password@host:port/database?name=value`, as SQLAlchemy splits them
/// (2.0, `engine/url.py`, `_parse_url`).
#[derive(Clone, Debug, Default)]
pub struct ServerUrl {
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub database: Option<String>,
    parameters: Vec<(String, String)>,
}

impl ServerUrl {
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage). The message does not repeat the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let bad = |what: String| {
            Error::usage(format!("{scheme}://…: {what}"))
                .hint(format!("write {scheme}://user@host/database; characters such as @ and / in a user or password are percent-encoded"))
        };
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(|text| text.into_owned()).map_err(|_| bad("it is not UTF-8".to_owned()))
        };
        let filled = |text: &str| if text.is_empty() { Ok(None) } else { decode(text).map(Some) };
        let (login, rest) = split_login(rest);
        let (user, password) = login.split_once(':').map_or((login, None), |(u, p)| (u, Some(p)));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        if place.contains(',') {
            return Err(bad("several hosts are not supported: name one".to_owned()));
        }
        // An IPv6 address is in brackets.
        let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or(port)),
            None => place.split_once(':').unwrap_or((place, "")),
        };
        let port = (!port.is_empty()).then(|| port.parse());
        let port = port.transpose().map_err(|_| bad("the port is not a number".to_owned()))?;
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let parameters = pairs.map(|(name, value)| Ok((decode(name)?.replace('-', "_"), decode(value)?)));
        Ok(Self {
            user: filled(user)?,
            password: password.map(&decode).transpose()?.map(SecretString::from),
            host: filled(host)?,
            port,
            database: filled(database)?,
            parameters: parameters.collect::<Result<_>>()?,
        })
    }

    /// The first of these parameters that is set. In names, `-` and `_` are the same.
    pub fn parameter(&self, names: &[&str]) -> Option<&str> {
        let found = |name: &&str| self.parameters.iter().find(|(known, _)| known == name);
        names.iter().find_map(found).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Splits `user:password@` off. A password may contain `/` and `?`, and an `@` if no other one follows before the path.
fn split_login(text: &str) -> (&str, &str) {
    let Some(first) = text.find('@') else { return ("", text) };
    let name_ends = text.find(':').unwrap_or(first).min(first);
    if text[..name_ends].contains(['/', '?']) {
        return ("", text);
    }
    let place_ends = text[first..].find(['/', '?']).map_or(text.len(), |at| first + at);
    let at = text[..place_ends].rfind('@').unwrap_or(first);
    (&text[..at], &text[at + 1..])
}

/// A user and a password that are not in an address.
#[derive(Clone, Debug, Default)]
pub struct Login {
    pub user: Option<String>,
    pub password: Option<SecretString>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Tcp {
        host: String,
        port: u16,
    },
    /// A socket of Unix.
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn all_parts_are_found() {
        let url =
            ServerUrl::parse("postgresql+psycopg2://a%40b:p%2F:w@Host:5433/ml%20flow?ssl-mode=require&x")
                .unwrap();
        assert_eq!((url.user.as_deref(), url.host.as_deref()), (Some("a@b"), Some("Host")));
        assert_eq!(url.password.as_ref().unwrap().expose_secret(), "p/:w");
        assert_eq!((url.port, url.database.as_deref()), (Some(5433), Some("ml flow")));
        assert_eq!((url.parameter(&["y", "ssl_mode"]), url.parameter(&["x"])), (Some("require"), None));
        let url = ServerUrl::parse("mysql://u:p/w?d@[::1]/db").unwrap();
        assert_eq!((url.host.as_deref(), url.port, url.user.as_deref()), (Some("::1"), None, Some("u")));
        assert_eq!(url.password.unwrap().expose_secret(), "p/w?d");
        let url = ServerUrl::parse("postgresql:///mlflow?host=/run/a@b").unwrap();
        assert_eq!((&url.user, &url.host, url.parameter(&["host"])), (&None, &None, Some("/run/a@b")));
        assert_eq!(ServerUrl::parse("mysql://u:a@b@h").unwrap().password.unwrap().expose_secret(), "a@b");
    }

    #[test]
    fn a_bad_address_is_not_repeated() {
        for bad in
            ["postgresql://u:secret@h:port/d", "postgresql://u:secret@a,b/d", "mysql://u:secret%ff@h/d"]
        {
            let error = ServerUrl::parse(bad).unwrap_err();
            assert!(!format!("{error} {:?}", error.get_hint()).contains("secret"), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
