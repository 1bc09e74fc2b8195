//! A server that went away is waited for: once for all requests, with one cheap question at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, watch};

use super::failure::Failure;
use super::read::one_experiment;
use super::task::OwnTask;
use super::{Absence, Client, Meter};
use crate::aws::Vigil;
use crate::error::{Class, Error, Result};
use crate::limits;

/// The first pause between two questions; it doubles up to [`limits::PROBE_EVERY`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// For so long after a server was given up, no request is begun that would wait for it again.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Whether one server is there. Clones share it.
#[derive(Clone)]
pub struct Outage(Arc<Shared>);

struct Shared {
    /// How long a server is waited for; with zero it is not.
    wait: Duration,
    /// Who works with the server. A person who asks a question is better served by an error at once.
    vigil: Vigil,
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
    /// The server answers: what failed has another reason.
    There,
    /// It was gone and is back.
    Back,
    GivenUp(Error),
}

impl Outage {
    pub fn new(wait: Duration, meter: Arc<Meter>) -> Self {
        let (vigil, state, found) = (Vigil::default(), watch::Sender::new(State::There), Mutex::default());
        Self(Arc::new(Shared { wait, vigil, state, found, meter }))
    }

    pub fn vigil(&self) -> &Vigil {
        &self.0.vigil
    }

    /// True unless the server is known to be gone.
    pub fn is_over(&self) -> bool {
        match &*self.0.state.borrow() {
            State::There => true,
            State::Gone => false,
            State::GivenUp(_, at) => at.elapsed() >= GIVEN_UP,
        }
    }

    /// Waits while the server is gone.
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
}

impl Client {
    /// Finds out whether a failure means that the server is gone, and waits until it is back. False when the server is
    /// there and the failure has a reason of its own.
    ///
    /// # Errors
    /// When it does not come back in time.
    pub(super) async fn rides_out(&self, failure: &Failure) -> Result<bool> {
        if self.outage.0.wait.is_zero() || !self.outage.0.vigil.has_work() {
            return Ok(false);
        }
        let (client, since) = (self.clone(), Instant::now());
        let (reason, pause) = (failure.error.clone(), failure.retry_after.unwrap_or_default());
        let found = OwnTask::spawn(async move {
            let mut last = client.outage.0.found.lock().await;
            match last.as_ref() {
                Some((found, at)) if *at >= since => return found.clone(),
                _ => {}
            }
            let found = client.find(reason, since, pause).await;
            *last = Some((found.clone(), Instant::now()));
            found
        });
        match found.await? {
            Found::There => Ok(false),
            Found::Back => Ok(true),
            Found::GivenUp(error) => Err(error),
        }
    }

    async fn find(&self, reason: Error, since: Instant, retry_after: Duration) -> Found {
        if self.is_there().await {
            return Found::There;
        }
        let outage = &self.outage.0;
        let until = since + outage.wait;
        let _gone = Gone::begin(outage, since, until, Absence::of(&reason));
        let place = &self.address;
        tracing::warn!("{reason}; waiting for it, at most {} s", outage.wait.as_secs());
        let mut pause = FIRST_PAUSE.max(retry_after);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            tokio::select! {
                () = tokio::time::sleep(pause.min(left)) => {}
                () = outage.vigil.has_no_work() => return Found::GivenUp(reason),
            }
            pause = (pause * 2).min(limits::PROBE_EVERY);
            if self.is_there().await {
                tracing::warn!("{place} is back after {} s", since.elapsed().as_secs());
                return Found::Back;
            }
            if Instant::now() >= until {
                let error = given_up(&reason, outage.wait);
                tracing::warn!("{error}");
                outage.state.send_replace(State::GivenUp(error.clone(), Instant::now()));
                return Found::GivenUp(error);
            }
        }
    }

    /// Asks for one experiment: MLflow answers from its database, a gateway in front of it cannot.
    async fn is_there(&self) -> bool {
        let Ok(call) = one_experiment() else { return false };
        let answer = tokio::time::timeout(limits::PROBE, self.ask_once(&call.question())).await;
        match answer {
            Ok(Ok(answer)) => match answer.status {
                502..=504 => false,
                // An ingress that has lost its service answers so, and MLflow knows this route.
                404 => answer.is_mlflow(),
                _ => true,
            },
            // Credentials that cannot be had are no outage of the server.
            Ok(Err(error)) => !matches!(error.class(), Class::Transient | Class::Ambiguous),
            Err(_) => false,
        }
    }
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

/// The time in which the server is gone, for all who want to know. It ends in any way that the asking ends.
struct Gone<'a>(&'a Shared);

impl<'a> Gone<'a> {
    fn begin(outage: &'a Shared, since: Instant, until: Instant, why: Absence) -> Self {
        outage.state.send_replace(State::Gone);
        outage.meter.set_gone(Some((why, since, until)));
        Self(outage)
    }
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.meter.set_gone(None);
        self.0.state.send_if_modified(|state| {
            let is_gone = matches!(state, State::Gone);
            if is_gone {
                *state = State::There;
            }
            is_gone
        });
    }
}
