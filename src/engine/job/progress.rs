use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use crate::entities::Kind;
use crate::io::{Health, Traffic};
use crate::rest::Side;

/// The state of both servers: the source's, then the target's.
pub type Servers = [Health; 2];

/// The counters of a job. The frontend samples them. Each item is counted by one task at a time.
#[derive(Debug, Default)]
pub struct Progress {
    kinds: [KindProgress; Kind::ALL.len()],
    points: AtomicU64,
    bytes: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    concurrency: AtomicU64,
    /// True when no more items will be planned.
    all_planned: AtomicBool,
    waiting: AtomicBool,
    servers: Mutex<Servers>,
}

#[derive(Debug, Default)]
struct KindProgress {
    planned: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

/// One sample of a [`Progress`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgressSnapshot {
    /// In JSON, an object whose keys are the kinds in the plural.
    #[serde(with = "super::counts")]
    pub counts: [Counts; Kind::ALL.len()],
    /// Metric points.
    pub points: u64,
    /// Bytes of files.
    pub bytes: u64,
    pub requests: u64,
    pub retries: u64,
    /// The number of requests that may be in flight now.
    pub concurrency: u64,
    pub all_planned: bool,
    /// True when the work waits for new credentials. A status file does not store this flag. Instead, its `waiting`
    /// field describes how to renew the credentials.
    #[serde(skip)]
    pub waiting: bool,
    #[serde(default)]
    pub servers: Servers,
}

impl ProgressSnapshot {
    pub fn of(&self, kind: Kind) -> Counts {
        self.counts[kind.index()]
    }

    /// The counts by kind. The keys are the plurals of the kinds.
    pub fn counts_by_kind(&self) -> BTreeMap<&'static str, Counts> {
        Kind::ALL.into_iter().map(|kind| (kind.plural(), self.of(kind))).collect()
    }

    /// The reasons for slow or stopped work that come from the servers, one plain line each.
    pub fn troubles(&self) -> impl Iterator<Item = String> + use<'_> {
        let ends = [Side::Source, Side::Target].into_iter().zip(self.servers);
        ends.filter_map(|(end, health)| health.describe(end.name()))
    }

    /// The share of known items that have ended. It is below 1 until everything is planned and done.
    pub fn fraction(&self) -> f64 {
        let planned: u64 = self.counts.iter().map(|c| c.planned).sum();
        let ended: u64 = self.counts.iter().map(Counts::finished).sum();
        match planned {
            0 => 0.0,
            _ if !self.all_planned => (ended as f64 / planned as f64).min(0.99),
            _ => ended as f64 / planned as f64,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum ItemEnd {
    Done,
    Failed,
    Skipped,
}

impl Progress {
    pub fn read(&self) -> ProgressSnapshot {
        let counts = Kind::ALL.map(|kind| {
            let of = &self.kinds[kind.index()];
            // The ended items are read before the planned items. Otherwise, the sample could contain more ended items
            // than planned items.
            let (done, failed, skipped) =
                (of.done.load(Relaxed), of.failed.load(Relaxed), of.skipped.load(Relaxed));
            Counts { planned: of.planned.load(Relaxed), done, failed, skipped }
        });
        ProgressSnapshot {
            counts,
            points: self.points.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            concurrency: self.concurrency.load(Relaxed),
            all_planned: self.all_planned.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            servers: *self.servers.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    pub(in crate::engine) fn plan(&self, kind: Kind, count: u64) {
        self.kinds[kind.index()].planned.fetch_add(count, Relaxed);
    }

    pub(in crate::engine) fn end(&self, kind: Kind, end: ItemEnd) {
        let of = &self.kinds[kind.index()];
        let counter = match end {
            ItemEnd::Done => &of.done,
            ItemEnd::Failed => &of.failed,
            ItemEnd::Skipped => &of.skipped,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(in crate::engine) fn all_planned(&self) {
        self.all_planned.store(true, Relaxed);
    }

    /// Returns the previous value.
    pub(in crate::engine) fn set_waiting(&self, waiting: bool) -> bool {
        self.waiting.swap(waiting, Relaxed)
    }

    /// Returns the previous value.
    pub(in crate::engine) fn set_servers(&self, servers: Servers) -> Servers {
        std::mem::replace(&mut *self.servers.lock().unwrap_or_else(PoisonError::into_inner), servers)
    }

    pub(in crate::engine) fn add_points(&self, points: u64) {
        self.points.fetch_add(points, Relaxed);
    }

    pub(in crate::engine) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Copies the counters of the clients of both ends.
    pub(in crate::engine) fn traffic(&self, of: &[Traffic]) {
        self.requests.store(of.iter().map(|t| t.requests).sum(), Relaxed);
        self.retries.store(of.iter().map(|t| t.retries).sum(), Relaxed);
        self.concurrency.store(of.iter().map(|t| t.concurrency).sum(), Relaxed);
    }
}
