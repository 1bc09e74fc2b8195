use std::fmt;

use secrecy::SecretString;
use url::Url;

use crate::aws::{Arn, CUSTOM_ENDPOINT};
use crate::error::{Error, Result};

/// Where a tracking server is, free of credentials, so that it can be shown, logged and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: Url,
    /// What the server is called instead: the host of managed MLflow is its whole region's.
    arn: Option<Arn>,
}

impl Address {
    /// Reads `http(s)://[user:password@]host[:port][/prefix]` and parts it from its credentials.
    pub fn parse(text: &str) -> Result<(Self, Option<(String, SecretString)>)> {
        let bad = |why: String| {
            Error::usage(format!("{}: {why}", redact(text)))
                .hint("a tracking server looks like http://host:5000 or https://host/prefix")
        };
        let mut url = Url::parse(text.trim()).map_err(|e| bad(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(format!("{:?} is not a kind of address that can be read yet", url.scheme())));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad("the host is missing".into()));
        }
        let user = percent_encoding::percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
        let password =
            url.password().map(|p| percent_encoding::percent_decode_str(p).decode_utf8_lossy().into_owned());
        let cannot = |()| bad("credentials do not fit this address".into());
        url.set_username("").map_err(cannot)?;
        url.set_password(None).map_err(cannot)?;
        url.set_query(None);
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let login = (!user.is_empty()).then(|| (user, SecretString::from(password.unwrap_or_default())));
        Ok((Self { url, arn: None }, login))
    }

    /// The endpoint of managed MLflow.
    pub fn of(arn: Arn) -> Result<Self> {
        let (address, _) = Self::parse(&arn.called_endpoint()).map_err(|e| e.at(CUSTOM_ENDPOINT))?;
        Ok(Self { arn: Some(arn), ..address })
    }

    /// The prefix that all routes are below; empty where there is none.
    pub(super) fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub(super) fn arn(&self) -> Option<&Arn> {
        self.arn.as_ref()
    }

    /// Where requests go, where the address does not say it.
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.arn.as_ref().map(|_| self.url.as_str().trim_end_matches('/'))
    }

    /// True when the environment leads requests for managed MLflow elsewhere than to AWS.
    pub(super) fn is_led_elsewhere(&self) -> bool {
        self.arn.as_ref().is_some_and(|arn| self.endpoint() != Some(&arn.endpoint()))
    }

    /// A route of the server, for people.
    pub fn place(&self, route: &str) -> String {
        match &self.arn {
            None => self.join(route),
            Some(arn) => format!("{arn} {route}"),
        }
    }

    /// The URL of a route; `path` starts with a slash and is already encoded.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.url.as_str().trim_end_matches('/'))
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

/// Hides what stands before an `@`: a text that could not be parsed may still hold a password.
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
    fn a_bad_address_is_named_without_its_password() {
        for bad in ["ftp://ann:secret@host/x", "http://ann:secret@", "ann:secret@host", "", "http://"] {
            let error = Address::parse(bad).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.exit_code(), 2);
            assert!(error.get_hint().is_some());
        }
    }
}
