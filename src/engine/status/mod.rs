pub mod file;
pub mod writer;
use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use super::state::lock::Lock;
use super::{Counts, Journal, StateDir, Step};
use crate::error::{Error, Result};

/// The state of a migration according to its newest journal. It can be read while another process writes the journal.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    pub step: Step,
    pub source: String,
    pub target: String,
    /// True when a process writes to this target now.
    pub running: bool,
    /// Seconds since the journal was last written.
    pub idle_seconds: u64,
    pub counts: BTreeMap<&'static str, Counts>,
}

/// Returns every migration with a journal, newest first, and the errors of the journals that cannot be read.
pub fn status(state: &StateDir) -> (Vec<Status>, Vec<Error>) {
    let Ok(entries) = std::fs::read_dir(state.journals()) else {
        return Default::default();
    };
    let mut journals: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .map(|path| (written(&path), path))
        .collect();
    journals.sort();
    let (mut all, mut unreadable): (Vec<Status>, Vec<Error>) = Default::default();
    for (time, path) in journals.into_iter().rev() {
        match read(state, time, &path) {
            // Several journals may have the same target. Only the newest of them belongs to the running job.
            Ok(Some(status)) => {
                let has_newer = all.iter().any(|one| one.running && one.target == status.target);
                all.push(Status { running: status.running && !has_newer, ..status });
            }
            Ok(None) => {}
            Err(error) => unreadable.push(error),
        }
    }
    (all, unreadable)
}

/// The time of the last write. It includes the write-ahead log, because a running process writes there.
fn written(path: &std::path::Path) -> SystemTime {
    // An empty log was created by a process that only reads, so it does not count.
    let of = |path: &std::path::Path| {
        let metadata = path.metadata().ok().filter(|metadata| metadata.len() > 0);
        metadata.and_then(|metadata| metadata.modified().ok()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    of(path).max(of(&path.with_extension("db-wal")))
}

fn read(state: &StateDir, written: SystemTime, path: &std::path::Path) -> Result<Option<Status>> {
    let Some((identity, counts)) = Journal::read_counts(path)? else {
        return Ok(None);
    };
    let idle_seconds = SystemTime::now().duration_since(written).map_or(0, |unmatched| unmatched.as_secs());
    Ok(Some(Status {
        step: identity.step,
        running: Lock::is_held(&state.lock(&identity.target)),
        source: identity.source,
        target: identity.target,
        idle_seconds,
        counts: counts.into_iter().map(|(kind, counts)| (kind.plural(), counts)).collect(),
    }))
}
