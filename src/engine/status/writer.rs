//! Writes the progress of a job for other processes. If the file cannot be written, the job still continues.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::file::{FailedItem, InFlight, JobResult, JobStatus, lock_of};
use crate::artifacts::local;
use crate::engine::state::lock::Lock;
use crate::engine::{Control, Event, FailureCause, Outcome, ProgressSnapshot, StateDir, Step};
use crate::entities::Kind;
use crate::error::{Error, Result};

/// The maximum number of items in progress, and of failures, that are listed by name.
const MAX_IN_FLIGHT: usize = 20;
const MAX_FAILURES: usize = 5;

pub struct StatusWriter {
    path: PathBuf,
    step: Step,
    source: String,
    target: String,
    started: Instant,
    recent: Mutex<Recent>,
    _lock: Lock,
}

/// The state that is collected from events.
#[derive(Default)]
struct Recent {
    in_flight: HashMap<(Kind, String), (String, Instant)>,
    failures: VecDeque<FailedItem>,
    waiting: Option<String>,
}

impl StatusWriter {
    /// Returns `None` when the lock cannot be taken, for example because another process runs the same job.
    pub fn create(state: &StateDir, step: Step, source: &str, target: &str) -> Option<Self> {
        let path = state.job(step, source, target);
        let lock = Lock::take(&lock_of(&path), &format!("{} of {source}", step.name()))
            .inspect_err(|error| {
                tracing::warn!("`mlferry status` will not show this {}: {error}", step.name())
            })
            .ok()?;
        let status_writer = Self {
            path,
            step,
            source: source.to_owned(),
            target: target.to_owned(),
            started: Instant::now(),
            recent: Mutex::default(),
            _lock: lock,
        };
        // Overwrites the status of an earlier job.
        status_writer.write(&status_writer.status(&ProgressSnapshot::default()));
        Some(status_writer)
    }

    pub fn on_event(&self, event: &Event) {
        let mut recent = self.recent();
        match event {
            Event::ItemStarted { kind, id, name } => {
                recent.in_flight.insert((*kind, id.clone()), (name.clone(), Instant::now()));
            }
            Event::ItemDone { kind, id, .. } | Event::ItemSkipped { kind, id, .. } => {
                recent.in_flight.remove(&(*kind, id.clone()));
            }
            // The failure of the experiment has the reason, and must stay in the short list.
            Event::ItemFailed { kind, id, cause: Some(FailureCause::Experiment(_)), .. } => {
                recent.in_flight.remove(&(*kind, id.clone()));
            }
            Event::ItemFailed { kind, id, name, reason, .. } => {
                recent.in_flight.remove(&(*kind, id.clone()));
                let (name, reason) = (name.clone(), reason.clone());
                recent.failures.push_front(FailedItem { kind: *kind, name, reason });
                recent.failures.truncate(MAX_FAILURES);
            }
            Event::Waiting { renew } => recent.waiting = Some(renew.clone()),
            Event::Resumed => recent.waiting = None,
            Event::Started { .. }
            | Event::Planned { .. }
            | Event::Difference(_)
            | Event::Note { .. }
            | Event::ServerGone { .. }
            | Event::ServerBack { .. } => {}
        }
    }

    /// Writes the current progress of the job.
    pub fn update(&self, reading: &ProgressSnapshot, control: &Control) {
        let status = self.status(reading);
        self.write(&JobStatus { paused: control.is_paused(), stopping: control.is_stopping(), ..status });
    }

    /// Writes the final status.
    pub fn finish(&self, reading: &ProgressSnapshot, result: &Result<Outcome>) {
        let ended = match result {
            Ok(outcome) => JobResult { exit_code: outcome.exit_code(), error: None, hint: None },
            Err(error) => JobResult {
                exit_code: error.exit_code(),
                error: Some(error.to_string()),
                hint: error.get_hint().map(str::to_owned),
            },
        };
        let (in_flight, in_flight_count) = (Vec::new(), 0);
        self.write(&JobStatus { ended: Some(ended), in_flight, in_flight_count, ..self.status(reading) });
    }

    fn status(&self, reading: &ProgressSnapshot) -> JobStatus {
        let recent = self.recent();
        let mut in_flight: Vec<InFlight> = recent
            .in_flight
            .iter()
            .map(|((kind, _), (name, since))| InFlight {
                kind: *kind,
                name: name.clone(),
                seconds: since.elapsed().as_secs_f64(),
            })
            .collect();
        // Experiments come last, because an experiment is in progress as long as any of its runs.
        in_flight.sort_by(|a, b| {
            let is_experiment = |item: &InFlight| item.kind == Kind::Experiment;
            is_experiment(a).cmp(&is_experiment(b)).then(b.seconds.total_cmp(&a.seconds))
        });
        let in_flight_count = in_flight.len();
        in_flight.truncate(MAX_IN_FLIGHT);
        JobStatus {
            process: std::process::id(),
            step: self.step,
            source: self.source.clone(),
            target: self.target.clone(),
            seconds: self.started.elapsed().as_secs_f64(),
            progress: *reading,
            paused: false,
            stopping: false,
            waiting: recent.waiting.clone(),
            in_flight,
            in_flight_count,
            failures: recent.failures.iter().cloned().collect(),
            ended: None,
        }
    }

    /// Writes atomically: a reader sees either the old file or the new one. A power failure may destroy the file, but
    /// then the file is no longer needed, because its process has ended too.
    fn write(&self, status: &JobStatus) {
        let written = || -> Result<()> {
            let file = local::partial(&self.path)?;
            serde_json::to_writer(file.as_file(), status)?;
            file.persist(&self.path).map_err(|e| Error::from(e.error).at(self.path.display()))?;
            Ok(())
        };
        if let Err(error) = written() {
            tracing::debug!("the status file was not written: {error}");
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Counts;
    use crate::engine::status::file::JobStatusFile;
    use crate::io::Health;

    #[test]
    fn a_running_job_is_visible_and_its_result_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        let status_writer = StatusWriter::create(&state, Step::Import, "http://a", "http://b").unwrap();
        assert!(
            StatusWriter::create(&state, Step::Import, "http://a", "http://b").is_none(),
            "one writer at a time"
        );
        let name = || "one".to_owned();
        for id in ["1", "2"] {
            status_writer.on_event(&Event::ItemStarted { kind: Kind::Run, id: id.to_owned(), name: name() });
        }
        let reason = "too large".to_owned();
        status_writer.on_event(&Event::ItemFailed {
            kind: Kind::Run,
            id: "1".to_owned(),
            name: name(),
            reason,
            attempts: 1,
            hint: None,
            cause: None,
        });
        let silent = Health::Silent { seconds: 25 };
        let mut reading =
            ProgressSnapshot { points: 7, servers: [Health::Fine, silent], ..ProgressSnapshot::default() };
        reading.counts[Kind::Run.index()] = Counts { planned: 3, failed: 1, ..Counts::default() };
        status_writer.write(&status_writer.status(&reading));
        let [file] = &JobStatusFile::live(&state)[..] else { panic!("one job is running") };
        let status = file.read().unwrap();
        assert_eq!(status.progress, reading);
        assert_eq!((status.in_flight_count, status.failures.len(), status.ended), (1, 1, None));

        status_writer.finish(&reading, &Err(Error::stopped()));
        drop(status_writer);
        assert!(!file.is_live() && JobStatusFile::live(&state).is_empty());
        assert_eq!(file.read().unwrap().ended.unwrap().exit_code, 130);
    }
}
