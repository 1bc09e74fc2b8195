//! Adaptive concurrency: how many requests one server receives at the same time. The limit starts at 4, grows while the
//! latency stays low, and is halved when the server is overloaded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::io::{Meter, Slowdown};

/// A low start: an exhausted pool of database connections (MLflow over SQLite: 15) stays exhausted for half a minute.
/// After 22 good answers the limit is 8.
const INITIAL_LIMIT: usize = 4;
const MAX_LIMIT: usize = 64;
/// Growth stops when the latency exceeds this multiple of the route's best latency.
const TOLERANCE: f64 = 2.0;
/// Several refusals within this time count once.
const COOLDOWN: Duration = Duration::from_secs(1);
/// Connections that one `log-batch` may hold at the same time (MLflow 3.10, `store/tracking/sqlalchemy_store.py`: its
/// own session, and those of the functions that it calls).
const CONNECTIONS_PER_REQUEST: usize = 3;

/// The server's load, as a finished request shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    Fine,
    /// 429, 503, a time-out, or a busy database.
    Overloaded(Slowdown),
    /// The server's pool of database connections, of this size, is exhausted.
    PoolExhausted {
        connections: usize,
    },
    /// Another failure, which does not depend on the load.
    Unknown,
}

/// The limit of one server. Clones share it.
#[derive(Clone)]
pub struct ConcurrencyLimit(Arc<Shared>);

struct Shared {
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    meter: Arc<Meter>,
}

struct State {
    limit: usize,
    /// The highest limit. It falls permanently when the server shows how small its pool is.
    ceiling: usize,
    /// Slots to remove when they are returned.
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

/// The right to send one request. A separate task holds it, and only while the server must act: see
/// [`crate::io::OwnTask`].
pub struct Slot {
    pace: ConcurrencyLimit,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Slot {
    /// Removes the slot if there is a debt, before a waiting request can get it.
    fn drop(&mut self) {
        let mut state = self.pace.state();
        if let Some(permit) = self.permit.take_if(|_| state.debt > 0) {
            state.debt -= 1;
            permit.forget();
        }
    }
}

impl ConcurrencyLimit {
    pub fn new(meter: Arc<Meter>) -> Self {
        Self::with_limit(INITIAL_LIMIT, meter)
    }

    pub fn with_limit(limit: usize, meter: Arc<Meter>) -> Self {
        meter.set_concurrency(limit);
        let state =
            State { limit, ceiling: MAX_LIMIT, debt: 0, fine: 0, halved: None, routes: HashMap::new() };
        Self(Arc::new(Shared { slots: Arc::new(Semaphore::new(limit)), state: Mutex::new(state), meter }))
    }

    /// Waits for a free slot. Dropping the slot returns it.
    pub async fn acquire(&self) -> Slot {
        // This fails only if the semaphore is closed, and nothing closes it.
        let permit = Arc::clone(&self.0.slots).acquire_owned().await.ok();
        Slot { pace: self.clone(), permit }
    }

    /// Returns a slot if one is free and no task waits for it.
    pub fn try_acquire(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.0.slots).try_acquire_owned().ok()?;
        Some(Slot { pace: self.clone(), permit: Some(permit) })
    }

    /// Updates the limit from a request to `route` that took `latency`.
    pub fn record(&self, route: &'static str, latency: Duration, load: Load) {
        let mut state = self.state();
        match load {
            Load::Unknown => {}
            Load::Overloaded(why) => {
                state.halve(Instant::now());
                self.0.meter.slowed(why);
            }
            Load::PoolExhausted { connections } => {
                state.halve(Instant::now());
                state.ceiling = state.ceiling.min(connections / CONNECTIONS_PER_REQUEST).max(1);
                let ceiling = state.ceiling;
                state.lower_to(ceiling);
                self.0.meter.slowed(Slowdown::NoConnections);
            }
            Load::Fine => {
                if state.grows_after(route, latency) {
                    self.0.slots.add_permits(1);
                }
            }
        }
        // This removes the free slots. The others are removed when they are returned.
        state.debt -= self.0.slots.forget_permits(state.debt);
        self.0.meter.set_concurrency(state.limit);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn halve(&mut self, now: Instant) {
        if self.halved.is_some_and(|last| now.duration_since(last) < COOLDOWN) {
            return;
        }
        self.lower_to(self.limit / 2);
        self.halved = Some(now);
    }

    fn lower_to(&mut self, limit: usize) {
        let next = limit.clamp(1, self.limit);
        self.debt += self.limit - next;
        self.limit = next;
        self.fine = 0;
    }

    /// True when the limit has grown by one and a slot must be added.
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
        if self.fine < self.limit || self.limit >= self.ceiling {
            return false;
        }
        self.fine = 0;
        self.limit += 1;
        // If a slot is still to be removed, it is kept instead.
        let is_new = self.debt == 0;
        self.debt -= usize::from(!is_new);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Load = Load::Overloaded(Slowdown::TooManyRequests);

    fn feed(pace: &ConcurrencyLimit, times: usize, millis: u64, load: Load) {
        (0..times).for_each(|_| pace.record("r", Duration::from_millis(millis), load));
    }

    fn limit(pace: &ConcurrencyLimit) -> usize {
        let state = pace.state();
        let slots = pace.0.slots.available_permits();
        assert_eq!(state.limit, slots - state.debt, "slots match the limit when idle");
        state.limit
    }

    #[test]
    fn grows_while_latency_holds_and_stops_when_it_does_not() {
        let pace = ConcurrencyLimit::new(Arc::default());
        feed(&pace, 500, 20, Load::Fine);
        let grown = limit(&pace);
        assert!(grown > INITIAL_LIMIT, "{grown}");
        feed(&pace, 50, 200, Load::Fine);
        let held = limit(&pace);
        feed(&pace, 500, 200, Load::Fine);
        assert_eq!(limit(&pace), held);
        feed(&pace, 100_000, 20, Load::Fine);
        assert_eq!(limit(&pace), MAX_LIMIT);
    }

    #[test]
    fn a_burst_of_refusals_halves_once() {
        let pace = ConcurrencyLimit::new(Arc::default());
        feed(&pace, 10, 20, BUSY);
        assert_eq!(limit(&pace), INITIAL_LIMIT / 2);
    }

    #[test]
    fn a_pool_that_ran_dry_is_not_drained_again() {
        let pace = ConcurrencyLimit::with_limit(40, Arc::default());
        feed(&pace, 1, 20, Load::PoolExhausted { connections: 15 });
        feed(&pace, 100_000, 20, Load::Fine);
        assert_eq!(limit(&pace), 5);
        feed(&pace, 1, 20, Load::PoolExhausted { connections: 2 });
        assert_eq!(limit(&pace), 1, "one request is always let through");
    }

    #[tokio::test]
    async fn slots_in_use_are_taken_away_when_they_come_back() {
        let pace = ConcurrencyLimit::with_limit(8, Arc::default());
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(pace.acquire().await);
        }
        feed(&pace, 1, 20, BUSY);
        drop(held);
        assert_eq!(limit(&pace), 4);
    }

    /// A returned slot goes to the first waiter, so no slot is ever free: the slot must be removed before that.
    #[tokio::test]
    async fn the_limit_falls_while_others_wait() {
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
        let pace = ConcurrencyLimit::with_limit(16, Arc::default());
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut working = tokio::task::JoinSet::new();
        for _ in 0..400 {
            let (pace, inside, most) = (pace.clone(), Arc::clone(&inside), Arc::clone(&most));
            working.spawn(async move {
                let _slot = pace.acquire().await;
                most.fetch_max(inside.fetch_add(1, Relaxed) + 1, Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
                inside.fetch_sub(1, Relaxed);
            });
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert_eq!(most.load(Relaxed), 16);
        feed(&pace, 1, 20, BUSY);
        tokio::time::sleep(Duration::from_millis(10)).await;
        most.store(0, Relaxed);
        while working.join_next().await.is_some() {}
        assert_eq!(most.load(Relaxed), 8);
        assert_eq!(limit(&pace), 8);
    }
}
