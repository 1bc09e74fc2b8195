use std::process::Stdio;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::Value;
use tokio::process::Command;

use crate::error::{Class, Error, Result};

/// The limit is long, because the user may have to answer a browser window that the command opens.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);
/// A longer token does not fit into the headers that servers accept.
const MAX_TOKEN_LENGTH: usize = 64 << 10;

/// A command that prints a token, such as `gcloud auth print-identity-token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCommand {
    line: String,
    variable: String,
}

/// Not `Debug`: the token is a secret.
pub struct Token {
    pub text: SecretString,
    /// When the token expires. `None` if this is unknown.
    pub ends: Option<SystemTime>,
}

impl TokenCommand {
    /// `line` is for the shell; `variable` is the name of the variable that contains it.
    pub fn new(line: String, variable: String) -> Self {
        Self { line, variable }
    }

    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// # Errors
    /// [`Class::Auth`] when it fails, prints no token, or does not end in three minutes.
    pub async fn run(&self) -> Result<Token> {
        let trouble = |what: String| {
            Error::new(Class::Auth, format!("{} {what}", self.variable)).hint(
                "the shell runs it; it must print a token, or JSON with a token in token, access_token, accessToken or id_token",
            )
        };
        let running = shell(&self.line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(COMMAND_TIMEOUT, running)
            .await
            .map_err(|_| trouble(format!("has not ended after {} s", COMMAND_TIMEOUT.as_secs())))?
            .map_err(|e| trouble(format!("cannot be run: {e}")))?;
        if !output.status.success() {
            let messages = String::from_utf8_lossy(&output.stderr);
            let last = messages.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            let last: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(trouble(format!("has failed ({}): {last}", output.status)));
        }
        let text = String::from_utf8(output.stdout).map_err(|_| trouble("does not print text".to_owned()))?;
        parse(&text).ok_or_else(|| trouble("prints no token".to_owned()))
    }
}

fn shell(line: &str) -> Command {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(shell);
    command.arg(flag).arg(line);
    command
}

/// Reads the output of a command: one line that is the token, or JSON from OAuth, `az account get-access-token`,
/// `databricks auth token`, or Kubernetes' exec plugins (`status.token`).
pub fn parse(text: &str) -> Option<Token> {
    let text = text.trim();
    if !text.starts_with('{') {
        let is_token =
            !text.is_empty() && text.len() <= MAX_TOKEN_LENGTH && text.chars().all(|c| c.is_ascii_graphic());
        return is_token.then(|| Token { text: text.into(), ends: end_of_jwt(text) });
    }
    let answer: Value = serde_json::from_str(text).ok()?;
    let fields = answer.get("status").filter(|status| status.is_object()).unwrap_or(&answer);
    let token = ["token", "access_token", "accessToken", "id_token", "idToken"];
    let token =
        token.iter().find_map(|name| fields.get(*name)?.as_str()).filter(|token| !token.is_empty())?;
    let lasts = fields.get("expires_in").and_then(Value::as_u64);
    let lasts = lasts.and_then(|seconds| SystemTime::now().checked_add(Duration::from_secs(seconds)));
    let at = ["expires_on", "expiry", "expiration", "expirationTimestamp", "expiresAt", "expires_at"];
    let at = at.iter().find_map(|name| parse_time(fields.get(*name)?));
    Some(Token { text: token.into(), ends: lasts.or(at).or_else(|| end_of_jwt(token)) })
}

/// Reads seconds since 1970, as a number or a text, or RFC 3339.
fn parse_time(value: &Value) -> Option<SystemTime> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    match seconds {
        Some(seconds) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
        None => value.as_str()?.parse::<jiff::Timestamp>().ok().map(SystemTime::from),
    }
}

/// The `exp` of a JSON web token. Only the server checks its signature.
fn end_of_jwt(token: &str) -> Option<SystemTime> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    // The value may have a fraction (RFC 7519, NumericDate).
    let seconds = claims.get("exp")?.as_f64().filter(|seconds| *seconds >= 0.0)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}
