//! A server or a store that went away is waited for: once for all requests, with one cheap question at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};

use super::CredentialWait;
use super::meter::ShownGone;
use super::task::OwnTask;
use super::{Absence, Meter};
use crate::error::{Error, Result};
use crate::limits;

/// The first pause between two questions; it doubles up to [`limits::PROBE_EVERY`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// For so long after it was given up, no request is begun that would wait for it again.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Something in the network that may go away and come back: a tracking server, or a store of its files.
#[async_trait]
pub trait Reachable: Send + Sync + 'static {
    /// Asks one cheap question. Any answer of its own means that it is there.
    async fn is_there(&self) -> bool;
}

/// Whether one of those is there. Clones share it.
#[derive(Clone)]
pub struct Outage(Arc<Shared>);

struct Shared {
    /// What it is called, for people.
    place: String,
    /// How long it is waited for; with zero it is not.
    wait: Duration,
    /// Who works with it. A person who asks a question is better served by an error at once.
    credential_wait: CredentialWait,
    state: watch::Sender<State>,
    /// What was found last. Held by the one task that asks; the others wait for what it finds.
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
    /// It answers: what failed has another reason.
    There,
    /// It was gone and is back.
    Back,
    GivenUp(Error),
}

impl Outage {
    /// `place` is waited for at most for `wait`, as long as somebody works under `credential_wait`. `meter` shows it.
    pub fn new(place: String, wait: Duration, credential_wait: CredentialWait, meter: Arc<Meter>) -> Self {
        let (state, found) = (watch::Sender::new(State::There), Mutex::default());
        Self(Arc::new(Shared { place, wait, credential_wait, state, found, meter }))
    }

    pub fn credential_wait(&self) -> &CredentialWait {
        &self.0.credential_wait
    }

    /// True unless it is known to be gone.
    pub fn is_over(&self) -> bool {
        match &*self.0.state.borrow() {
            State::There => true,
            State::Gone => false,
            State::GivenUp(_, at) => at.elapsed() >= GIVEN_UP,
        }
    }

    /// Waits while it is gone.
    ///
    /// # Errors
    /// When it does not come back in time.
    pub async fn wait(&self) -> Result<()> {
        let mut news = self.0.state.subscribe();
        // The sender lives as long as this object: an error cannot be.
        match news.wait_for(|state| !matches!(state, State::Gone)).await.as_deref() {
            Ok(State::GivenUp(error, at)) if at.elapsed() < GIVEN_UP => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Waits while it is gone, if somebody works with it. Questions do not wait.
    ///
    /// # Errors
    /// When it does not come back in time.
    pub async fn enter(&self) -> Result<()> {
        if self.is_over() || !self.0.credential_wait.has_work() { Ok(()) } else { self.wait().await }
    }

    /// Finds out whether a failure means that it is gone, and waits until it is back. False when it is there and the failure
    /// has a reason of its own. `retry_after` is what a gateway asked for.
    ///
    /// # Errors
    /// When it does not come back in time.
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
            pause = (pause * 2).min(limits::PROBE_EVERY);
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
    tokio::time::timeout(limits::PROBE, remote.is_there()).await.unwrap_or(false)
}

fn given_up(reason: &Error, wait: Duration) -> Error {
    let minutes = wait.as_secs_f64() / 60.0;
    let message = format!("{reason}; it was waited for in vain for {minutes:.0} min");
    let error = Error::transient(message).hint(
        "when it is there again, run the same command again: it continues; --wait says how long to wait",
    );
    match reason.get_code() {
        Some(code) => error.code(code.clone()),
        None => error,
    }
}

/// The time in which it is gone, for all who want to know. It ends in any way that the asking ends.
struct Gone<'a> {
    outage: &'a Shared,
    _shown: ShownGone,
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
