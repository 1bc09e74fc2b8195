use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts what went over the wire to one server and the stores that hold its artifacts. Sampled by whoever draws, never locked.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    concurrency: AtomicU64,
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
}

impl Traffic {
    /// What was added to an earlier reading.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            retries: self.retries - before.retries,
            bytes: self.bytes - before.bytes,
            concurrency: self.concurrency,
        }
    }
}

impl Meter {
    pub fn read(&self) -> Traffic {
        Traffic {
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            concurrency: self.concurrency.load(Relaxed),
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

    pub(super) fn set_concurrency(&self, limit: usize) {
        self.concurrency.store(limit as u64, Relaxed);
    }
}
