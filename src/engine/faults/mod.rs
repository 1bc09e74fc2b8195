//! Readers and writers that fail, for tests. Every call of either end is counted. Calls can be delayed at random, and
//! the number of concurrent calls can be limited. Selected calls fail before or after they take effect, or the process
//! ends at such a call.

mod reader;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::{Notify, Semaphore};

use crate::error::{Class, Error, Result};

pub use reader::FaultyReader;
pub use writer::FaultyWriter;

/// The way in which a call fails.
#[derive(Clone, Debug)]
pub enum How {
    /// The call has no effect and returns the error.
    Before(Error),
    /// The call takes effect, but its answer is lost.
    After(Error),
    /// The process ends before the call.
    DieBefore,
    /// The process ends after the call has taken effect.
    DieAfter,
}

/// The calls of both ends of one job.
pub struct Faults {
    calls: AtomicU64,
    names: Mutex<Vec<&'static str>>,
    fault: Option<(Which, How)>,
    /// True when the process has ended. Later calls have no effect.
    is_dead: AtomicBool,
    died: Notify,
    at_once: Semaphore,
    /// The seed of the random delays. `None` when there are no delays.
    seed: Option<AtomicU64>,
}

/// The calls that fail.
#[derive(Clone, Debug)]
pub enum Which {
    /// The call with this number. The first call has the number 0.
    Nth(u64),
    /// The call with this number, and all calls after it.
    From(u64),
    /// Every call with this name.
    Named(&'static str),
    /// The n-th call with this name. The first call has the number 0.
    NthNamed(&'static str, usize),
}

impl Faults {
    pub fn none() -> Self {
        Self {
            calls: AtomicU64::new(0),
            names: Mutex::default(),
            fault: None,
            is_dead: AtomicBool::new(false),
            died: Notify::new(),
            at_once: Semaphore::new(Semaphore::MAX_PERMITS),
            seed: None,
        }
    }

    pub fn at(which: Which, how: How) -> Self {
        Self { fault: Some((which, how)), ..Self::none() }
    }

    /// Allows at most `at_once` concurrent calls, and delays each call at random.
    pub fn slow(at_once: usize, seed: u64) -> Self {
        Self { at_once: Semaphore::new(at_once), seed: Some(AtomicU64::new(seed)), ..Self::none() }
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }

    /// The names of all calls, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn died(&self) {
        while !self.is_dead() {
            self.died.notified().await;
        }
    }

    pub fn is_dead(&self) -> bool {
        self.is_dead.load(SeqCst)
    }

    fn die(&self) {
        self.is_dead.store(true, SeqCst);
        self.died.notify_one();
    }

    fn fault_of(&self, name: &'static str) -> Option<How> {
        let number = self.calls.fetch_add(1, SeqCst);
        let mut names = self.locked();
        let before = names.iter().filter(|known| **known == name).count();
        names.push(name);
        let (which, how) = self.fault.as_ref()?;
        let must_fail = match which {
            Which::Nth(at) => *at == number,
            Which::From(at) => *at <= number,
            Which::Named(of) => *of == name,
            Which::NthNamed(of, at) => *of == name && *at == before,
        };
        must_fail.then(|| how.clone())
    }

    /// Runs one call. When the process has ended, the call never returns.
    pub async fn call<T>(&self, name: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let _permit = self.at_once.acquire().await;
        self.delay().await;
        if self.is_dead() {
            return std::future::pending().await;
        }
        match self.fault_of(name) {
            None => work.await,
            Some(How::Before(error)) => Err(error),
            Some(How::After(error)) => {
                work.await?;
                Err(error)
            }
            Some(How::DieBefore) => {
                self.die();
                std::future::pending().await
            }
            Some(How::DieAfter) => {
                // The result is dropped, because the process has ended.
                drop(work.await);
                self.die();
                std::future::pending().await
            }
        }
    }

    /// Writes to the journal, without waiting. When the process has ended, nothing is written.
    pub fn write<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let gone = || Error::new(Class::Stopped, "the process has ended");
        if self.is_dead() {
            return Err(gone());
        }
        match self.fault_of("journal") {
            None => work(),
            Some(How::Before(error)) => Err(error),
            Some(How::After(error)) => {
                work()?;
                Err(error)
            }
            Some(How::DieBefore) => {
                self.die();
                Err(gone())
            }
            Some(How::DieAfter) => {
                work()?;
                self.die();
                Err(gone())
            }
        }
    }

    /// Counts each page as a call, including the call that finds no more pages. The stream ends after an error.
    fn pages<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        pages: BoxStream<'a, Result<T>>,
    ) -> BoxStream<'a, Result<T>> {
        futures::stream::unfold(Some(pages), move |pages| async move {
            let mut pages = pages?;
            match self.call(name, pages.try_next()).await {
                Ok(None) => None,
                Ok(Some(page)) => Some((Ok(page), Some(pages))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    /// Lets other tasks run first, a random number of times.
    async fn delay(&self) {
        let Some(seed) = &self.seed else { return };
        let random = seed.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        for _ in 0..(random >> 59) {
            tokio::task::yield_now().await;
        }
    }
}
