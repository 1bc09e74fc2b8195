//! Waits for an unreachable server or store. All requests share one wait, which sends one cheap request at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};

use super::CredentialWait;
use super::meter::ShownOutage;
use super::task::OwnTask;
use super::{Absence, Meter};
use crate::error::{Error, Result};
use crate::limits;

/// The first pause between two probes; it doubles up to [`limits::PROBE_INTERVAL`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// For this long after a wait has failed, new requests fail instead of waiting again.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// A tracking server or a store of its files. It may become unreachable and come back.
#[async_trait]
pub trait Reachable: Send + Sync + 'static {
    /// Sends one cheap request. Any answer of the server itself means that it is reachable.
    async fn is_there(&self) -> bool;
}

/// The state of one server or store. Clones share it.
#[derive(Clone)]
pub struct Outage(Arc<Shared>);

struct Shared {
    /// The name of the server or store in messages.
    place: String,
    /// The longest wait. Zero means no wait.
    wait: Duration,
    /// The jobs that use the server. Only jobs wait; an interactive request fails at once.
    credential_wait: CredentialWait,
    state: watch::Sender<State>,
    /// The last result. The task that sends the probes holds the lock; the others wait for its result.
    found: Mutex<Option<(Found, Instant)>>,
    meter: Arc<Meter>,
}

#[derive(Clone)]
enum State {
    There,
    Gone,
    GivenUp(Error, Instant),
}

#[derive(Clone)]
enum Found {
    /// The server answers: the failure has another cause.
    There,
    /// The server was unreachable and is reachable again.
    Back,
    GivenUp(Error),
}

impl Outage {
    /// Waits for `place` for at most `wait`, as long as a job uses `credential_wait`. `meter` shows the outage.
    pub fn new(place: String, wait: Duration, credential_wait: CredentialWait, meter: Arc<Meter>) -> Self {
        let (state, found) = (watch::Sender::new(State::There), Mutex::default());
        Self(Arc::new(Shared { place, wait, credential_wait, state, found, meter }))
    }

    pub fn credential_wait(&self) -> &CredentialWait {
        &self.0.credential_wait
    }

    /// True unless the server is known to be unreachable.
    pub fn is_over(&self) -> bool {
        match &*self.0.state.borrow() {
            State::There => true,
            State::Gone => false,
            State::GivenUp(_, at) => at.elapsed() >= GIVEN_UP,
        }
    }

    /// Waits while the server is unreachable.
    ///
    /// # Errors
    /// When the server does not come back in time.
    pub async fn wait(&self) -> Result<()> {
        let mut news = self.0.state.subscribe();
        // This cannot fail: the sender lives as long as `self`.
        match news.wait_for(|state| !matches!(state, State::Gone)).await.as_deref() {
            Ok(State::GivenUp(error, at)) if at.elapsed() < GIVEN_UP => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Waits while the server is unreachable, if a job is running. Interactive requests do not wait.
    ///
    /// # Errors
    /// When the server does not come back in time.
    pub async fn enter(&self) -> Result<()> {
        if self.is_over() || !self.0.credential_wait.has_work() { Ok(()) } else { self.wait().await }
    }

    /// Checks whether a failure means that the server is unreachable, and waits until it is back. Returns false when it
    /// is reachable and the failure has another cause. `retry_after` is the pause that a gateway requested.
    ///
    /// # Errors
    /// When the server does not come back in time.
    pub async fn rides_out(
        &self,
        remote: Arc<dyn Reachable>,
        reason: &Error,
        why: Absence,
        retry_after: Option<Duration>,
    ) -> Result<bool> {
        if self.0.wait.is_zero() || !self.0.credential_wait.has_work() {
            return Ok(false);
        }
        let (outage, since) = (self.clone(), Instant::now());
        let (reason, pause) = (reason.clone(), retry_after.unwrap_or_default());
        let found = OwnTask::spawn(async move {
            let mut last = outage.0.found.lock().await;
            match last.as_ref() {
                Some((found, at)) if *at >= since => return found.clone(),
                _ => {}
            }
            let found = outage.0.find(remote.as_ref(), reason, why, since, pause).await;
            *last = Some((found.clone(), Instant::now()));
            found
        });
        match found.await? {
            Found::There => Ok(false),
            Found::Back => Ok(true),
            Found::GivenUp(error) => Err(error),
        }
    }
}

impl Shared {
    async fn find(
        &self,
        remote: &dyn Reachable,
        reason: Error,
        why: Absence,
        since: Instant,
        retry_after: Duration,
    ) -> Found {
        if is_there(remote).await {
            return Found::There;
        }
        let until = since + self.wait;
        let _gone = Gone::begin(self, since, until, why);
        tracing::warn!("{reason}; waiting for it, at most {} s", self.wait.as_secs());
        let mut pause = FIRST_PAUSE.max(retry_after);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            tokio::select! {
                () = tokio::time::sleep(pause.min(left)) => {}
                () = self.credential_wait.until_idle() => return Found::GivenUp(reason),
            }
            pause = (pause * 2).min(limits::PROBE_INTERVAL);
            if is_there(remote).await {
                tracing::warn!("{} is back after {} s", self.place, since.elapsed().as_secs());
                return Found::Back;
            }
            if Instant::now() >= until {
                let error = given_up(&reason, self.wait);
                tracing::warn!("{error}");
                self.state.send_replace(State::GivenUp(error.clone(), Instant::now()));
                return Found::GivenUp(error);
            }
        }
    }
}

async fn is_there(remote: &dyn Reachable) -> bool {
    tokio::time::timeout(limits::PROBE_TIMEOUT, remote.is_there()).await.unwrap_or(false)
}

fn given_up(reason: &Error, wait: Duration) -> Error {
    let time = match wait.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    };
    let message = format!("{reason}; waited in vain for {time}");
    let error = Error::transient(message)
        .hint("when it is reachable, run the same command again: it continues; --wait sets how long to wait");
    match reason.get_code() {
        Some(code) => error.code(code.clone()),
        None => error,
    }
}

/// Exists while the server is unreachable, and shows this to all observers. It is dropped at every end of the probing.
struct Gone<'a> {
    outage: &'a Shared,
    _shown: ShownOutage,
}

impl<'a> Gone<'a> {
    fn begin(outage: &'a Shared, since: Instant, until: Instant, why: Absence) -> Self {
        outage.state.send_replace(State::Gone);
        Self { outage, _shown: outage.meter.gone(why, since, until) }
    }
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.outage.state.send_if_modified(|state| {
            let is_gone = matches!(state, State::Gone);
            if is_gone {
                *state = State::There;
            }
            is_gone
        });
    }
}
