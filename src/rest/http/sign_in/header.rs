use std::path::{Path, PathBuf};

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};

/// The placeholder for the token in a value.
const TOKEN: &str = "{token}";
/// Headers that belong to the connection and not to the caller.
const RESERVED: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "content-type"];

/// A header of every request to one server, for a proxy in front of it: Cloudflare Access, Identity-Aware Proxy,
/// oauth2-proxy, a load balancer. Not `Debug`: its value is a secret.
#[derive(Clone)]
pub struct Header {
    name: HeaderName,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Text(SecretString),
    /// Read again when the server refuses its content.
    File(PathBuf),
}

impl Header {
    /// Reads `Name: value`, `Name: @FILE` or `Name: $VARIABLE`. In a value, `{token}` stands for the token.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage), without the value.
    pub fn parse(line: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let Some((name, value)) = line.split_once(':') else {
            return Err(bad("a header is 'Name: value'"));
        };
        Self::of(name.trim(), value.trim(), variable)
    }

    fn of(name: &str, value: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let Ok(known) = HeaderName::try_from(name) else {
            return Err(bad("the text before the colon is not the name of a header"));
        };
        if RESERVED.contains(&known.as_str()) {
            return Err(bad(&format!("{known} is a header that the request itself sets")));
        }
        let value = match (value.strip_prefix('@'), value.strip_prefix('$')) {
            (Some(path), _) => Value::File(PathBuf::from(path)),
            (_, Some(name)) => {
                let found = variable(name).filter(|value| !value.is_empty());
                Value::Text(
                    found
                        .ok_or_else(|| bad(&format!("{known}: the variable {name:?} is not set")))?
                        .trim()
                        .to_owned()
                        .into(),
                )
            }
            (None, None) if value.is_empty() => return Err(bad(&format!("{known} has no value"))),
            (None, None) => Value::Text(value.to_owned().into()),
        };
        if let Value::Text(text) = &value {
            secret(&known, text.expose_secret())?;
        }
        Ok(Self { name: known, value })
    }

    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The file that holds the value.
    pub fn file(&self) -> Option<&Path> {
        match &self.value {
            Value::File(path) => Some(path),
            Value::Text(_) => None,
        }
    }

    /// True when the value contains the token.
    pub fn takes_token(&self) -> bool {
        matches!(&self.value, Value::Text(text) if text.expose_secret().contains(TOKEN))
    }

    pub async fn value(&self, token: Option<&SecretString>) -> Result<HeaderValue> {
        let text = match &self.value {
            Value::Text(text) => {
                let token = token.map(ExposeSecret::expose_secret).unwrap_or_default();
                text.expose_secret().replace(TOKEN, token)
            }
            Value::File(path) => tokio::fs::read_to_string(path)
                .await
                .map_err(|e| {
                    Error::usage(format!("the header {}: {}: {e}", self.name, path.display()))
                        .hint("the file must contain only the value of the header")
                })?
                .trim()
                .to_owned(),
        };
        secret(&self.name, &text)
    }
}

/// Reads the headers of a variable: one per line, or a JSON object.
pub fn parse_headers(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Vec<Header>> {
    if !text.trim_start().starts_with('{') {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        return lines.map(|line| Header::parse(line, &variable)).collect();
    }
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|_| bad("it begins like a JSON object, but is not one"))?;
    let header = |(name, value): (String, serde_json::Value)| match value.as_str() {
        Some(value) => Header::of(&name, value, &variable),
        None => Err(bad(&format!("{name:?}: the value must be a string"))),
    };
    object.into_iter().map(header).collect()
}

/// A header value that no log shows.
pub(super) fn secret(name: &HeaderName, value: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        Error::usage(format!("the value of the header {name} contains a character that is not allowed"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn bad(what: &str) -> Error {
    Error::usage(what).hint(
        "a header is 'Name: value', 'Name: @FILE' or 'Name: $VARIABLE'; several in one variable are one per line, or a \
         JSON object",
    )
}
