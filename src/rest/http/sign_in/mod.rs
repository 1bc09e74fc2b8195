//! The sign-in of the requests to one server: a user, a token, headers for a proxy in front of the server, and a
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
/// The hint for a sign-in that was fixed at the start of this process.
const CANNOT_CHANGE: &str = "the server refuses the sign-in that it took before: make it valid there, or stop here, set another \
                     one, and run the same command again: it continues";
/// The shortest time between two runs of a command whose tokens expire immediately.
const RENEWAL_COOLDOWN: Duration = Duration::from_secs(5);

/// The sign-in of one end, shared by all requests to it.
pub struct SignIn {
    login: Option<(String, Option<SecretString>)>,
    token: Option<SecretString>,
    command: Option<TokenCommand>,
    headers: Vec<Header>,
    held: Mutex<Option<CachedHeaders>>,
    /// How long to retry with a sign-in that cannot change after a refusal.
    wait: Duration,
    /// A request was accepted: a later refusal means that the sign-in has expired, not that it was wrong from the
    /// start.
    has_worked: AtomicBool,
    credential_wait: CredentialWait,
}

/// The headers that every request carries now.
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
    /// [`Class::Usage`] when a user and a token command both want the `Authorization` header.
    pub fn new(access: &Access) -> Result<Self> {
        let login = access.username.clone().map(|user| (user, access.password.clone()));
        let command = access.token_command.clone();
        let is_placed = access.headers.iter().any(Header::takes_token);
        if login.is_some() && command.is_some() && !is_placed {
            return Err(Error::usage("a user and a token command both want the Authorization header").hint(
                "say which header the token goes into: MLFERRY_SOURCE_HEADERS='Proxy-Authorization: Bearer {token}'",
            ));
        }
        if is_placed && command.is_none() && access.token.is_none() {
            return Err(Error::usage("a header takes {token}, and there is no token").hint(
                "set MLFERRY_SOURCE_TOKEN_COMMAND or MLFERRY_SOURCE_TOKEN (MLFERRY_TARGET_… for the target)",
            ));
        }
        Ok(Self {
            login,
            token: access.token.clone(),
            command,
            headers: access.headers.clone(),
            held: Mutex::new(None),
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

    /// The wait for a sign-in that expired.
    pub fn credential_wait(&self) -> &CredentialWait {
        &self.credential_wait
    }

    /// The headers of a request, and when they were built. If the refused sign-in has worked before and can change,
    /// this waits for a new one while work runs.
    ///
    /// # Errors
    /// [`Class::Auth`] when the command prints no token, or the refused one; [`Class::Usage`] for a header that
    /// cannot be sent.
    pub async fn headers(&self) -> Result<(HeaderMap, Instant)> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.is_good(SystemTime::now())) {
            return Ok((held.headers.clone(), held.since));
        }
        let mut waiting = None;
        loop {
            let trouble = match self.load().await {
                Ok(fresh) if held.as_ref().is_some_and(|old| old.refused && old.headers == fresh.headers) => {
                    self.expired()
                }
                Ok(fresh) => {
                    let answer = (fresh.headers.clone(), fresh.since);
                    *held = Some(fresh);
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

    /// A request with these headers was accepted.
    pub fn works(&self) {
        self.has_worked.store(true, Relaxed);
    }

    /// True when this program can get another sign-in without a restart.
    pub fn can_change(&self) -> bool {
        self.command.is_some() || self.headers.iter().any(|header| header.file().is_some())
    }

    /// A request with the headers of the time `used` was refused, and was first sent at `first`. True when another try
    /// is useful: other headers are available, or these have worked before and the server had some time.
    pub async fn renew(&self, used: Instant, first: Instant) -> bool {
        if !self.can_change() {
            return self.outlast(used, first).await;
        }
        if let Some(held) = self.held.lock().await.as_mut().filter(|held| held.since <= used) {
            held.refused = true;
        }
        true
    }

    /// Waits a little for a sign-in that cannot change from here. The server may accept it again, once the user has
    /// made it valid there or the service behind the sign-in is back.
    async fn outlast(&self, used: Instant, first: Instant) -> bool {
        let mut held = self.held.lock().await;
        let Some(held) = held.as_mut().filter(|_| self.has_worked.load(Relaxed)) else { return false };
        if first.elapsed() >= self.wait {
            return false;
        }
        // Another request has waited meanwhile.
        if held.since > used {
            return true;
        }
        let Some(waiting) = self.credential_wait.begin(CANNOT_CHANGE) else { return false };
        let goes_on = waiting.next_try().await;
        held.since = Instant::now();
        goes_on
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
            // A header of that name was given explicitly: it takes precedence.
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

    /// How the user renews it.
    fn remedy(&self) -> String {
        let files = self.headers.iter().filter_map(Header::file).map(|file| file.display().to_string());
        let file = files.map(|file| format!("write a new value into {file}"));
        let command = self.command.iter().map(|command| {
            format!("sign in to what {} asks, so that it gives another token", command.variable())
        });
        command.chain(file).collect::<Vec<_>>().join(", or ")
    }
}
