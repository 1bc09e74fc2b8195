//! The status of a job for other processes: a small file in the state directory, and a lock that shows whether the
//! process that writes the file still runs. The file holds no credentials.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::engine::state::lock::Lock;
use crate::engine::{ProgressSnapshot, StateDir, Step};
use crate::entities::Kind;
use crate::error::Result;

/// The state of a job at one moment, as its process has written it. While that process runs, the state is at most two
/// seconds old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    pub process: u32,
    pub step: Step,
    pub source: String,
    pub target: String,
    /// Seconds since the start of the job.
    pub seconds: f64,
    #[serde(flatten)]
    pub progress: ProgressSnapshot,
    pub paused: bool,
    /// True when the job finishes the running items and starts no new ones.
    pub stopping: bool,
    /// How to renew the credentials that the work waits for.
    pub waiting: Option<String>,
    /// The items that have been in progress longest. `in_flight_count` counts all of them.
    pub in_flight: Vec<InFlight>,
    pub in_flight_count: usize,
    /// The newest failures. The counts include all of them.
    pub failures: Vec<FailedItem>,
    /// The result of the job. It is set by the last write, whether the job succeeded or not.
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
    /// The exit code of the command that does this step.
    pub exit_code: u8,
    pub error: Option<String>,
    pub hint: Option<String>,
}

/// The path of the status file of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatusFile(PathBuf);

impl JobStatusFile {
    /// The status files of all running jobs, the most recently written first.
    pub fn live(state: &StateDir) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(state.jobs()) else {
            return Vec::new();
        };
        let mut found: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| (written(&path), Self(path)))
            .filter(|(_, file)| file.is_live())
            .collect();
        found.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
        found.into_iter().map(|(_, file)| file).collect()
    }

    /// True when the process of the job runs and has not finished the job.
    pub fn is_live(&self) -> bool {
        Lock::is_held(&lock_of(&self.0))
    }

    pub fn read(&self) -> Result<JobStatus> {
        let text = std::fs::read(&self.0)?;
        let mut status: JobStatus = serde_json::from_slice(&text)?;
        status.progress.waiting = status.waiting.is_some();
        Ok(status)
    }
}

pub(in crate::engine) fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn written(path: &Path) -> SystemTime {
    path.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}
