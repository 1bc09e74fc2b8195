//! What can be seen of a job from another process: a small file in the state directory, and a lock that tells whether
//! its writer is still there. Holds no credential.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::engine::job::progress::Servers;
use crate::engine::state::lock::Lock;
use crate::engine::{Counts, ProgressSnapshot, StateDir, Step};
use crate::entities::Kind;
use crate::error::Result;

/// A job at one moment, as its process has put it down. Not older than a second or two while that process is alive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    pub process: u32,
    pub step: Step,
    pub source: String,
    pub target: String,
    /// Since the job began.
    pub seconds: f64,
    /// By kind, in the plural.
    pub counts: BTreeMap<String, Counts>,
    pub points: u64,
    pub bytes: u64,
    pub requests: u64,
    pub retries: u64,
    /// How many requests may be in flight at once.
    pub concurrency: u64,
    pub all_planned: bool,
    pub paused: bool,
    /// It finishes what runs and begins nothing more.
    pub stopping: bool,
    /// What renews the credentials that the work waits for.
    pub waiting: Option<String>,
    /// How the servers of the source and of the target do.
    #[serde(default)]
    pub servers: Servers,
    /// The items that have been at work longest; `in_flight_count` is of all.
    pub in_flight: Vec<InFlight>,
    pub in_flight_count: usize,
    /// The newest ones; the counts are of all.
    pub failures: Vec<FailedItem>,
    /// Set by the last write of a job that came to an end of whatever kind.
    pub ended: Option<JobResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InFlight {
    pub kind: Kind,
    pub name: String,
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedItem {
    pub kind: Kind,
    pub name: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobResult {
    /// Of the command that does this step.
    pub exit_code: u8,
    pub error: Option<String>,
    pub hint: Option<String>,
}

impl JobStatus {
    /// The counters, as the job itself reads them.
    pub fn reading(&self) -> ProgressSnapshot {
        ProgressSnapshot {
            counts: Kind::ALL.map(|kind| self.counts.get(kind.plural()).copied().unwrap_or_default()),
            points: self.points,
            bytes: self.bytes,
            requests: self.requests,
            retries: self.retries,
            concurrency: self.concurrency,
            all_planned: self.all_planned,
            waiting: self.waiting.is_some(),
            servers: self.servers,
        }
    }
}

/// Where one job can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatusFile(PathBuf);

impl JobStatusFile {
    /// The places of all jobs that a process is at work on now, the one that was written last first.
    pub fn live(state: &StateDir) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(state.jobs()) else {
            return Vec::new();
        };
        let mut found: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| (written(&path), Self(path)))
            .filter(|(_, lookout)| lookout.is_live())
            .collect();
        found.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
        found.into_iter().map(|(_, lookout)| lookout).collect()
    }

    /// Its process is there and has not finished with it.
    pub fn is_live(&self) -> bool {
        Lock::is_held(&lock_of(&self.0))
    }

    pub fn look(&self) -> Result<JobStatus> {
        let text = std::fs::read(&self.0)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

pub(in crate::engine) fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn written(path: &Path) -> SystemTime {
    path.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}
