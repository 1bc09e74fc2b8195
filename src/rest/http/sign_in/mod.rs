//! The sign-in for the requests to one server: a user, a token, headers for a proxy in front of the server, and a
//! command that prints tokens. The headers are built once and used until they expire or are refused.

mod command;
mod header;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::error::{Class, Error, Result};
use crate::io::CredentialWait;
use crate::rest::Access;

use self::header::secret;
pub use command::TokenCommand;
pub use header::{Header, parse_headers};

/// Tokens that expire within this time are renewed before use: a request may take long to arrive.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);
/// The hint for a sign-in that cannot change while this process runs.
const CANNOT_CHANGE: &str = "the server refuses the sign-in that it accepted before: make it valid there, or stop here, set another \
                     one, and run the same command again: it continues";
/// The shortest time between two runs of a command whose tokens expire immediately.
const RENEWAL_COOLDOWN: Duration = Duration::from_secs(5);

/// The sign-in of one end, shared by all requests to it.
pub struct SignIn {
    login: Option<(String, Option<SecretString>)>,
    token: Option<SecretString>,
    command: Option<TokenCommand>,
    headers: Vec<Header>,
    cached: Mutex<Option<CachedHeaders>>,
    /// How long to retry after a refusal with a sign-in that cannot change.
    wait: Duration,
    /// A request was accepted before: a later refusal means that the sign-in has expired, not that it was wrong from
    /// the start.
    has_worked: AtomicBool,
    credential_wait: CredentialWait,
}

/// The headers that every request carries at the moment.
struct CachedHeaders {
    headers: HeaderMap,
    since: Instant,
    ends: Option<SystemTime>,
    refused: bool,
}

impl CachedHeaders {
    fn is_good(&self, now: SystemTime) -> bool {
        let is_fresh = self.ends.is_none_or(|ends| ends > now + EXPIRY_MARGIN);
        let is_last = self.ends.is_some_and(|ends| ends > now) && self.since.elapsed() < RENEWAL_COOLDOWN;
        !self.refused && (is_fresh || is_last)
    }
}

impl SignIn {
    /// # Errors
    /// [`Class::Usage`] when a user and a token command both need the `Authorization` header.
    pub fn new(access: &Access) -> Result<Self> {
        let login = access.username.clone().map(|user| (user, access.password.clone()));
        let command = access.token_command.clone();
        let is_placed = access.headers.iter().any(Header::takes_token);
        if login.is_some() && command.is_some() && !is_placed {
            return Err(Error::usage("a user and a token command both need the Authorization header").hint(
                "choose a header for the token: MLFERRY_SOURCE_HEADERS='Proxy-Authorization: Bearer {token}'",
            ));
        }
        if is_placed && command.is_none() && access.token.is_none() {
            return Err(Error::usage("a header contains {token}, but no token is set").hint(
                "set MLFERRY_SOURCE_TOKEN_COMMAND or MLFERRY_SOURCE_TOKEN (MLFERRY_TARGET_… for the target)",
            ));
        }
        Ok(Self {
            login,
            token: access.token.clone(),
            command,
            headers: access.headers.clone(),
            cached: Mutex::new(None),
            wait: access.wait,
            has_worked: AtomicBool::new(false),
            credential_wait: CredentialWait::default(),
        })
    }

    /// The signed-in user or token, in words without a secret.
    pub fn identity(&self) -> Option<String> {
        match (&self.login, &self.token, &self.command) {
            (Some((user, None)), ..) => Some(format!("the user {user:?} without a password")),
            (Some((user, _)), ..) => Some(format!("the user {user:?} or the password")),
            (None, Some(_), _) => Some("the token".to_owned()),
            (None, None, Some(_)) => Some("the token that the token command printed".to_owned()),
            (None, None, None) => None,
        }
    }

    /// The wait for a new sign-in after it expired.
    pub fn credential_wait(&self) -> &CredentialWait {
        &self.credential_wait
    }

    /// The headers of a request, and when they were built. If the refused sign-in has worked before and can change,
    /// this waits for a new one while a job runs.
    ///
    /// # Errors
    /// [`Class::Auth`] when the command prints no token, or only the refused one; [`Class::Usage`] for a header that
    /// cannot be sent.
    pub async fn headers(&self) -> Result<(HeaderMap, Instant)> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = cached.as_ref().filter(|cached| cached.is_good(SystemTime::now())) {
            return Ok((cached.headers.clone(), cached.since));
        }
        let mut waiting = None;
        loop {
            let trouble = match self.load().await {
                Ok(fresh)
                    if cached.as_ref().is_some_and(|old| old.refused && old.headers == fresh.headers) =>
                {
                    self.expired()
                }
                Ok(fresh) => {
                    let answer = (fresh.headers.clone(), fresh.since);
                    *cached = Some(fresh);
                    return Ok(answer);
                }
                Err(trouble) => trouble,
            };
            if waiting.is_none() && self.has_worked.load(Relaxed) {
                waiting = self.credential_wait.begin(&self.remedy());
            }
            match &waiting {
                Some(waiting) if waiting.next_try().await => {}
                _ => return Err(trouble),
            }
        }
    }

    /// Records that a request with these headers was accepted.
    pub fn works(&self) {
        self.has_worked.store(true, Relaxed);
    }

    /// True when this program can get another sign-in without a restart.
    pub fn can_change(&self) -> bool {
        self.command.is_some() || self.headers.iter().any(|header| header.file().is_some())
    }

    /// Called when a request with the headers of the time `used`, first sent at `first`, was refused. True when another
    /// try is useful: other headers are available, or these have worked before and the server had some time.
    pub async fn renew(&self, used: Instant, first: Instant) -> bool {
        if !self.can_change() {
            return self.retry_unchanged(used, first).await;
        }
        if let Some(cached) = self.cached.lock().await.as_mut().filter(|cached| cached.since <= used) {
            cached.refused = true;
        }
        true
    }

    /// Waits a little for a sign-in that cannot change here. The server may accept it again, when the user has made it
    /// valid there or the service behind the sign-in is available again.
    async fn retry_unchanged(&self, used: Instant, first: Instant) -> bool {
        let mut cached = self.cached.lock().await;
        let Some(cached) = cached.as_mut().filter(|_| self.has_worked.load(Relaxed)) else { return false };
        if first.elapsed() >= self.wait {
            return false;
        }
        // Another request has waited in the meantime.
        if cached.since > used {
            return true;
        }
        let Some(waiting) = self.credential_wait.begin(CANNOT_CHANGE) else { return false };
        let may_retry = waiting.next_try().await;
        cached.since = Instant::now();
        may_retry
    }

    async fn load(&self) -> Result<CachedHeaders> {
        let since = Instant::now();
        let (token, ends) = match &self.command {
            None => (self.token.clone(), None),
            Some(command) => {
                let token = command.run().await?;
                (Some(token.text), token.ends)
            }
        };
        let mut headers = HeaderMap::new();
        for header in &self.headers {
            headers.append(header.name().clone(), header.value(token.as_ref()).await?);
        }
        let is_placed = self.headers.iter().any(Header::takes_token);
        match (&self.login, &token) {
            // An explicit header with this name takes precedence.
            _ if headers.contains_key(AUTHORIZATION) => {}
            (Some((user, password)), _) => {
                let password = password.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
                let both = BASE64_STANDARD.encode(format!("{user}:{password}"));
                headers.insert(AUTHORIZATION, secret(&AUTHORIZATION, &format!("Basic {both}"))?);
            }
            (None, Some(token)) if !is_placed => {
                let bearer = format!("Bearer {}", token.expose_secret());
                headers.insert(AUTHORIZATION, secret(&AUTHORIZATION, &bearer)?);
            }
            (None, _) => {}
        }
        Ok(CachedHeaders { headers, since, ends, refused: false })
    }

    fn expired(&self) -> Error {
        Error::new(Class::Auth, "the server refuses the sign-in").hint(self.remedy())
    }

    /// What the user does to renew the sign-in.
    fn remedy(&self) -> String {
        let files = self.headers.iter().filter_map(Header::file).map(|file| file.display().to_string());
        let file = files.map(|file| format!("write a new value into {file}"));
        let command = self.command.iter().map(|command| {
            format!(
                "sign in again where {} gets its token, so that it prints another one",
                command.variable()
            )
        });
        command.chain(file).collect::<Vec<_>>().join(", or ")
    }
}
