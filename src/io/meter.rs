use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Absence, Health, Slowdown};
use crate::limits;

/// Counts the traffic to one server and to the stores of its artifacts, and tracks the state of the server. The display
/// samples it.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    concurrency: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Open requests to the server.
    in_flight: usize,
    /// When the server last showed activity, or when the first request was sent to an idle server.
    last_activity: Option<Instant>,
    slowed: Option<(Slowdown, Instant)>,
    /// The current outages of the server or its stores: the reason, the start, and the end of the wait.
    gone: Vec<(Absence, Instant, Instant)>,
}

/// One reading of a [`Meter`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Every request sent, repeated ones included.
    pub requests: u64,
    pub retries: u64,
    /// Bytes of files, in either direction.
    pub bytes: u64,
    /// How many requests may be in flight now.
    pub concurrency: u64,
    pub health: Health,
}

impl Traffic {
    /// The difference to an earlier reading.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            retries: self.retries - before.retries,
            bytes: self.bytes - before.bytes,
            concurrency: self.concurrency,
            health: self.health,
        }
    }
}

impl Meter {
    pub fn read(&self) -> Traffic {
        let concurrency = self.concurrency.load(Relaxed);
        Traffic {
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            concurrency,
            health: self.state().health(Instant::now(), concurrency),
        }
    }

    pub fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub fn retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub fn moved(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub fn set_concurrency(&self, limit: usize) {
        self.concurrency.store(limit as u64, Relaxed);
    }

    /// Counts a request. It is open until the returned value is dropped.
    pub fn send(self: &Arc<Self>) -> OpenRequest {
        self.request();
        self.open_request()
    }

    /// The same for an answer whose body has started to arrive.
    pub fn answered(self: &Arc<Self>) -> OpenRequest {
        let open_request = self.open_request();
        open_request.record_activity();
        open_request
    }

    fn open_request(self: &Arc<Self>) -> OpenRequest {
        let open_request = OpenRequest { meter: Arc::clone(self), server_acts: AtomicBool::new(false) };
        open_request.set_server_acts(true);
        open_request
    }

    pub fn slowed(&self, why: Slowdown) {
        self.state().slowed = Some((why, Instant::now()));
    }

    /// Shows that the server or one of its stores is unreachable, until the returned value is dropped.
    pub fn gone(self: &Arc<Self>, why: Absence, since: Instant, until: Instant) -> ShownOutage {
        let gone = (why, since, until);
        self.state().gone.push(gone);
        ShownOutage { meter: Arc::clone(self), gone }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn health(&self, now: Instant, limit: u64) -> Health {
        if let Some((why, since, until)) = self.gone.first().copied() {
            let left = until.saturating_duration_since(now).as_secs();
            return Health::Gone { why, seconds: now.duration_since(since).as_secs(), left };
        }
        let silent = self.last_activity.filter(|_| self.in_flight > 0).map(|last| now.duration_since(last));
        if let Some(silent) = silent.filter(|silent| *silent >= limits::SILENCE_SHOWN_AFTER) {
            return Health::Silent { seconds: silent.as_secs() };
        }
        let is_fresh = |at: Instant| now.duration_since(at) < limits::SLOWDOWN_SHOWN_FOR;
        match self.slowed {
            Some((why, at)) if is_fresh(at) => Health::Slowed { why, limit },
            _ => Health::Fine,
        }
    }
}

/// While it exists, the outage is shown.
pub struct ShownOutage {
    meter: Arc<Meter>,
    gone: (Absence, Instant, Instant),
}

impl Drop for ShownOutage {
    fn drop(&mut self) {
        let mut state = self.meter.state();
        if let Some(at) = state.gone.iter().position(|gone| *gone == self.gone) {
            state.gone.remove(at);
        }
    }
}

/// An open request.
#[derive(Debug)]
pub struct OpenRequest {
    meter: Arc<Meter>,
    server_acts: AtomicBool,
}

impl OpenRequest {
    /// Records activity of the server: it sent or accepted a byte.
    pub fn record_activity(&self) {
        self.meter.state().last_activity = Some(Instant::now());
    }

    /// Sets whether the server must act next.
    pub fn set_server_acts(&self, server_acts: bool) {
        if self.server_acts.swap(server_acts, Relaxed) == server_acts {
            return;
        }
        let mut state = self.meter.state();
        if !server_acts {
            state.in_flight -= 1;
            return;
        }
        if state.in_flight == 0 {
            state.last_activity = Some(Instant::now());
        }
        state.in_flight += 1;
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.set_server_acts(false);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn silence_is_counted_from_the_last_activity_while_a_request_is_open() {
        let meter = Arc::new(Meter::default());
        let first = meter.send();
        let started = Instant::now();
        let after = |seconds: u64| meter.state().health(started + Duration::from_secs(seconds), 4);
        assert_eq!(after(5), Health::Fine);
        assert_eq!(after(25), Health::Silent { seconds: 25 });
        let second = meter.send();
        assert_eq!(
            after(25),
            Health::Silent { seconds: 25 },
            "a new request is not an activity of the server"
        );
        drop(second);
        first.record_activity();
        assert_eq!(after(9), Health::Fine);
        meter.slowed(Slowdown::NoConnections);
        assert_eq!(after(9), Health::Slowed { why: Slowdown::NoConnections, limit: 4 });
        drop(first);
        assert_eq!(after(500), Health::Fine, "the server has nothing to do");
        let until = started + Duration::from_secs(600);
        let (server, store) =
            (meter.gone(Absence::Refused, started, until), meter.gone(Absence::Store, started, until));
        assert_eq!(after(500), Health::Gone { why: Absence::Refused, seconds: 500, left: 100 });
        drop(server);
        assert_eq!(after(500), Health::Gone { why: Absence::Store, seconds: 500, left: 100 });
        drop(store);
        assert_eq!(after(500), Health::Fine);
    }
}
