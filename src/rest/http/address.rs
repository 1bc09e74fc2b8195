use std::fmt;

use secrecy::SecretString;
use url::Url;

use crate::aws::{Arn, CUSTOM_ENDPOINT};
use crate::error::{Error, Result};

/// The address of a tracking server, without credentials, so that it can be shown, logged and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: Url,
    /// The name that is shown instead of the URL: all managed MLflow of a region shares one host.
    arn: Option<Arn>,
    /// MLflow itself adds the path, and only to some of its routes: see [`connect`](crate::rest::connect).
    is_static_prefix: bool,
}

impl Address {
    /// Reads `http(s)://[user:password@]host[:port][/prefix]` and separates the credentials from it.
    pub fn parse(text: &str) -> Result<(Self, Option<(String, SecretString)>)> {
        let bad = |why: String| {
            Error::usage(format!("{}: {why}", redact(text)))
                .hint("a tracking server looks like http://host:5000 or https://host/prefix")
        };
        // `localhost:5000` would be parsed as a scheme and a path.
        if !text.contains("://") {
            return Err(bad("the scheme is missing: put http:// or https:// in front".into()));
        }
        let mut url = Url::parse(text.trim()).map_err(|e| bad(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(format!("{:?} is not a scheme of a tracking server's address", url.scheme())));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad("the host is missing".into()));
        }
        let user = percent_encoding::percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
        let password =
            url.password().map(|p| percent_encoding::percent_decode_str(p).decode_utf8_lossy().into_owned());
        let cannot = |()| bad("this address cannot have credentials".into());
        url.set_username("").map_err(cannot)?;
        url.set_password(None).map_err(cannot)?;
        url.set_query(None);
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let login = (!user.is_empty()).then(|| (user, SecretString::from(password.unwrap_or_default())));
        Ok((Self { url, arn: None, is_static_prefix: false }, login))
    }

    /// The endpoint of managed MLflow.
    pub fn of(arn: Arn) -> Result<Self> {
        let (address, _) = Self::parse(&arn.called_endpoint()).map_err(|e| e.at(CUSTOM_ENDPOINT))?;
        Ok(Self { arn: Some(arn), ..address })
    }

    /// The prefix of all routes; empty if there is none.
    pub(in crate::rest) fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub fn arn(&self) -> Option<&Arn> {
        self.arn.as_ref()
    }

    /// The host that receives the requests, if the address does not show it.
    pub(in crate::rest) fn endpoint(&self) -> Option<&str> {
        self.arn.as_ref().map(|_| self.url.as_str().trim_end_matches('/'))
    }

    /// True when the environment redirects requests for managed MLflow to a host other than AWS.
    pub(in crate::rest) fn has_custom_endpoint(&self) -> bool {
        self.arn.as_ref().is_some_and(|arn| self.endpoint() != Some(&arn.endpoint()))
    }

    /// The same address, with its path treated as a `--static-prefix`. `None` if there is no path, or if the path is
    /// already treated so.
    pub(in crate::rest) fn below_prefix(&self) -> Option<Self> {
        let has_path = !matches!(self.url.path(), "" | "/");
        let may_be = has_path && self.arn.is_none() && !self.is_static_prefix;
        may_be.then(|| Self { is_static_prefix: true, ..self.clone() })
    }

    /// The address below a `--static-prefix` that the user left out. `None` if the address has a path.
    pub(in crate::rest) fn with_prefix(&self, prefix: &str) -> Option<Self> {
        let mut below = self.clone();
        let has_none = matches!(self.url.path(), "" | "/") && self.arn.is_none();
        below.url.set_path(prefix);
        has_none.then_some(below)
    }

    /// A route of the server, for messages.
    pub fn place(&self, route: &str) -> String {
        match &self.arn {
            None => self.join(route),
            Some(arn) => format!("{arn} {route}"),
        }
    }

    /// The URL of a route; `path` starts with a slash and is already encoded.
    pub fn join(&self, path: &str) -> String {
        let below = self.url.as_str().trim_end_matches('/');
        if !self.is_static_prefix {
            return format!("{below}{path}");
        }
        // Spans and jobs have no prefix (MLflow 3.10, `server/fastapi_app.py`). From 3.12 on all routes have it, and
        // then the first probe does not treat the path as such a prefix.
        if path.starts_with("/v1/") || path.starts_with("/ajax-api/3.0/jobs/") {
            let prefix = self.url.path().trim_end_matches('/');
            return format!("{}{path}", below.strip_suffix(prefix).unwrap_or(below));
        }
        match path.strip_prefix("/api/") {
            Some(rest) => format!("{below}/ajax-api/{rest}"),
            None => format!("{below}{path}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.arn {
            None => f.write_str(self.url.as_str().trim_end_matches('/')),
            Some(arn) => arn.fmt(f),
        }
    }
}

/// Hides the part before an `@`: a text that could not be parsed may still contain a password.
fn redact(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => format!("{}://…{}", &text[..scheme], &text[at..]),
        (None, Some(at)) => format!("…{}", &text[at..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn credentials_leave_the_address() {
        let (address, login) = Address::parse("https://ann:p%40ss@ml.example:8443/mlflow/?x=1").unwrap();
        assert_eq!(address.to_string(), "https://ml.example:8443/mlflow");
        let (user, password) = login.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("ann", "p@ss"));
        assert_eq!(address.join("/version"), "https://ml.example:8443/mlflow/version");
    }

    #[test]
    fn below_a_static_prefix_each_route_has_its_place() {
        let (address, _) = Address::parse("https://ml.example/a/b").unwrap();
        let below = address.below_prefix().unwrap();
        let table = [
            ("/api/2.0/mlflow/runs/get?run_id=r", "/a/b/ajax-api/2.0/mlflow/runs/get?run_id=r"),
            ("/ajax-api/2.0/mlflow/get-trace-artifact", "/a/b/ajax-api/2.0/mlflow/get-trace-artifact"),
            ("/get-artifact", "/a/b/get-artifact"),
            ("/version", "/a/b/version"),
            ("/v1/traces", "/v1/traces"),
            ("/ajax-api/3.0/jobs/search", "/ajax-api/3.0/jobs/search"),
        ];
        for (route, there) in table {
            assert_eq!(below.join(route), format!("https://ml.example{there}"));
        }
        assert_eq!(below.below_prefix(), None);
        let (bare, _) = Address::parse("https://ml.example").unwrap();
        assert_eq!(bare.below_prefix(), None);
        let below = bare.with_prefix("/mlflow").unwrap();
        assert_eq!(below.join("/api/2.0"), "https://ml.example/mlflow/api/2.0");
        assert_eq!(address.with_prefix("/mlflow"), None);
    }

    #[test]
    fn a_bad_address_is_named_without_its_password() {
        for bad in ["ftp://ann:secret@host/x", "http://ann:secret@", "ann:secret@host", "", "http://"] {
            let error = Address::parse(bad).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.exit_code(), 2);
            assert!(error.get_hint().is_some());
        }
        for bare in ["localhost:5000", "127.0.0.1:5000", "ml.example"] {
            let error = Address::parse(bare).unwrap_err().to_string();
            assert!(error.contains("put http:// or https:// in front"), "{error}");
        }
    }
}
