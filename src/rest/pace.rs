//! Adaptive concurrency: how many requests one server gets at a time. Starts at 8, grows while latency holds,
//! halves when the server asks for mercy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Meter;

const START: usize = 8;
const MOST: usize = 64;
/// Latency may grow to this multiple of the best that a route has shown before growth stops.
const TOLERANCE: f64 = 2.0;
/// A burst of refusals is one piece of news.
const CALM: Duration = Duration::from_secs(1);

/// What a finished request says of the server's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    Fine,
    /// 429, 503 or a time-out.
    Overloaded,
    /// Something else went wrong; it says nothing.
    Unknown,
}

pub struct Pace {
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    meter: Arc<Meter>,
}

struct State {
    limit: usize,
    /// Slots to take away when they come back.
    debt: usize,
    fine: usize,
    halved: Option<Instant>,
    routes: HashMap<&'static str, Latency>,
}

#[derive(Clone, Copy)]
struct Latency {
    now: f64,
    best: f64,
}

impl Pace {
    pub fn new(meter: Arc<Meter>) -> Self {
        meter.set_concurrency(START);
        let state = State { limit: START, debt: 0, fine: 0, halved: None, routes: HashMap::new() };
        Self { slots: Arc::new(Semaphore::new(START)), state: Mutex::new(state), meter }
    }

    /// Waits for a free slot. Dropping the permit gives it back.
    pub async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        // Closing is the only failure, and nothing closes it.
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Learns from a request to `route` that took `latency`.
    pub fn learn(&self, route: &'static str, latency: Duration, load: Load) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match load {
            Load::Unknown => {}
            Load::Overloaded => state.halve(Instant::now()),
            Load::Fine => {
                if state.grows_after(route, latency) && state.debt == 0 {
                    self.slots.add_permits(1);
                }
            }
        }
        let removed = self.slots.forget_permits(state.debt);
        state.debt -= removed;
        self.meter.set_concurrency(state.limit);
    }
}

impl State {
    fn halve(&mut self, now: Instant) {
        if self.halved.is_some_and(|last| now.duration_since(last) < CALM) {
            return;
        }
        let next = (self.limit / 2).max(1);
        self.debt += self.limit - next;
        self.limit = next;
        self.fine = 0;
        self.halved = Some(now);
    }

    /// True when the limit has grown by one.
    fn grows_after(&mut self, route: &'static str, latency: Duration) -> bool {
        let seconds = latency.as_secs_f64();
        let known = self.routes.entry(route).or_insert(Latency { now: seconds, best: seconds });
        known.now = 0.8 * known.now + 0.2 * seconds;
        known.best = known.best.min(known.now);
        if known.now > TOLERANCE * known.best {
            self.fine = 0;
            return false;
        }
        self.fine += 1;
        if self.fine < self.limit || self.limit >= MOST {
            return false;
        }
        self.fine = 0;
        if self.debt > 0 {
            self.debt -= 1;
            self.limit += 1;
            return false;
        }
        self.limit += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(pace: &Pace, times: usize, millis: u64, load: Load) {
        (0..times).for_each(|_| pace.learn("r", Duration::from_millis(millis), load));
    }

    fn limit(pace: &Pace) -> usize {
        let state = pace.state.lock().unwrap();
        assert_eq!(
            state.limit,
            pace.slots.available_permits() - state.debt,
            "slots match the limit when idle"
        );
        state.limit
    }

    #[test]
    fn grows_while_latency_holds_and_stops_when_it_does_not() {
        let pace = Pace::new(Arc::default());
        feed(&pace, 500, 20, Load::Fine);
        let grown = limit(&pace);
        assert!(grown > START, "{grown}");
        feed(&pace, 50, 200, Load::Fine);
        let held = limit(&pace);
        feed(&pace, 500, 200, Load::Fine);
        assert_eq!(limit(&pace), held);
        feed(&pace, 100_000, 20, Load::Fine);
        assert_eq!(limit(&pace), MOST);
    }

    #[test]
    fn a_burst_of_refusals_halves_once() {
        let pace = Pace::new(Arc::default());
        feed(&pace, 10, 20, Load::Overloaded);
        assert_eq!(limit(&pace), START / 2);
    }

    #[tokio::test]
    async fn slots_in_use_are_taken_away_when_they_come_back() {
        let pace = Pace::new(Arc::default());
        let mut held = Vec::new();
        for _ in 0..START {
            held.push(pace.enter().await);
        }
        feed(&pace, 1, 20, Load::Overloaded);
        drop(held);
        feed(&pace, 1, 20, Load::Unknown);
        assert_eq!(pace.slots.available_permits(), START / 2);
    }
}
