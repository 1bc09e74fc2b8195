//! Writes the progress of a job for other processes. Nothing depends on it: if the file cannot be written, the job
//! continues.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::file::{FailedItem, InFlight, JobResult, JobStatus, lock_of};
use crate::artifacts::local;
use crate::engine::state::lock::Lock;
use crate::engine::{Control, Event, Outcome, ProgressSnapshot, StateDir, Step};
use crate::entities::Kind;
use crate::error::{Error, Result};

/// The number of items in progress and of failures that are listed by name.
const MAX_IN_FLIGHT: usize = 20;
const MAX_FAILURES: usize = 5;

pub struct StatusWriter {
    path: PathBuf,
    step: Step,
    source: String,
    target: String,
    started: Instant,
    heard: Mutex<Heard>,
    _lock: Lock,
}

/// The state that was collected from events.
#[derive(Default)]
struct Heard {
    in_flight: HashMap<(Kind, String), (String, Instant)>,
    failures: VecDeque<FailedItem>,
    waiting: Option<String>,
}

impl StatusWriter {
    /// Returns `None` where the file cannot be written, or when another process runs the same job.
    pub fn light(state: &StateDir, step: Step, source: &str, target: &str) -> Option<Self> {
        let path = state.job(step, source, target);
        let lock = Lock::take(&lock_of(&path), &format!("{} of {source}", step.name()))
            .inspect_err(|error| tracing::warn!("nobody can watch this {}: {error}", step.name()))
            .ok()?;
        let beacon = Self {
            path,
            step,
            source: source.to_owned(),
            target: target.to_owned(),
            started: Instant::now(),
            heard: Mutex::default(),
            _lock: lock,
        };
        // Overwrites the status of an earlier job.
        beacon.write(&beacon.seen(&ProgressSnapshot::default()));
        Some(beacon)
    }

    pub fn hear(&self, event: &Event) {
        let mut heard = self.heard();
        match event {
            Event::ItemStarted { kind, id, name } => {
                heard.in_flight.insert((*kind, id.clone()), (name.clone(), Instant::now()));
            }
            Event::ItemDone { kind, id, .. } | Event::ItemSkipped { kind, id, .. } => {
                heard.in_flight.remove(&(*kind, id.clone()));
            }
            Event::ItemFailed { kind, id, name, reason, .. } => {
                heard.in_flight.remove(&(*kind, id.clone()));
                let (name, reason) = (name.clone(), reason.clone());
                heard.failures.push_front(FailedItem { kind: *kind, name, reason });
                heard.failures.truncate(MAX_FAILURES);
            }
            Event::Waiting { renew } => heard.waiting = Some(renew.clone()),
            Event::Resumed => heard.waiting = None,
            Event::Started { .. }
            | Event::Planned { .. }
            | Event::Difference(_)
            | Event::Note { .. }
            | Event::ServerGone { .. }
            | Event::ServerBack { .. } => {}
        }
    }

    /// Writes the current progress of the job.
    pub fn show(&self, reading: &ProgressSnapshot, control: &Control) {
        let seen = self.seen(reading);
        self.write(&JobStatus { paused: control.is_paused(), stopping: control.is_stopping(), ..seen });
    }

    /// Writes the final status.
    pub fn end(&self, reading: &ProgressSnapshot, result: &Result<Outcome>) {
        let ended = match result {
            Ok(outcome) => JobResult { exit_code: outcome.exit_code(), error: None, hint: None },
            Err(error) => JobResult {
                exit_code: error.exit_code(),
                error: Some(error.to_string()),
                hint: error.get_hint().map(str::to_owned),
            },
        };
        let (in_flight, in_flight_count) = (Vec::new(), 0);
        self.write(&JobStatus { ended: Some(ended), in_flight, in_flight_count, ..self.seen(reading) });
    }

    fn seen(&self, reading: &ProgressSnapshot) -> JobStatus {
        let heard = self.heard();
        let mut in_flight: Vec<InFlight> = heard
            .in_flight
            .iter()
            .map(|((kind, _), (name, since))| InFlight {
                kind: *kind,
                name: name.clone(),
                seconds: since.elapsed().as_secs_f64(),
            })
            .collect();
        // An experiment is in progress as long as any of its runs.
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
            counts: Kind::ALL.map(|kind| (kind.plural().to_owned(), reading.of(kind))).into(),
            points: reading.points,
            bytes: reading.bytes,
            requests: reading.requests,
            retries: reading.retries,
            concurrency: reading.concurrency,
            all_planned: reading.all_planned,
            paused: false,
            stopping: false,
            waiting: heard.waiting.clone(),
            servers: reading.servers,
            in_flight,
            in_flight_count,
            failures: heard.failures.iter().cloned().collect(),
            ended: None,
        }
    }

    /// Writes atomically: a reader sees either the old file or the new one. A power failure may destroy the file, which
    /// is useless without its process anyway.
    fn write(&self, sighting: &JobStatus) {
        let written = || -> Result<()> {
            let file = local::partial(&self.path)?;
            serde_json::to_writer(file.as_file(), sighting)?;
            file.persist(&self.path).map_err(|e| Error::from(e.error).at(self.path.display()))?;
            Ok(())
        };
        if let Err(error) = written() {
            tracing::debug!("how far it is was not put down: {error}");
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Counts;
    use crate::engine::status::file::JobStatusFile;
    use crate::io::Health;

    #[test]
    fn it_is_seen_while_it_burns_and_its_last_word_stays() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        let beacon = StatusWriter::light(&state, Step::Import, "http://a", "http://b").unwrap();
        assert!(
            StatusWriter::light(&state, Step::Import, "http://a", "http://b").is_none(),
            "one writer at a time"
        );
        let name = || "one".to_owned();
        for id in ["1", "2"] {
            beacon.hear(&Event::ItemStarted { kind: Kind::Run, id: id.to_owned(), name: name() });
        }
        let reason = "too large".to_owned();
        beacon.hear(&Event::ItemFailed {
            kind: Kind::Run,
            id: "1".to_owned(),
            name: name(),
            reason,
            attempts: 1,
            hint: None,
        });
        let silent = Health::Silent { seconds: 25 };
        let mut reading =
            ProgressSnapshot { points: 7, servers: [Health::Fine, silent], ..ProgressSnapshot::default() };
        reading.counts[Kind::Run.index()] = Counts { planned: 3, failed: 1, ..Counts::default() };
        beacon.write(&beacon.seen(&reading));
        let [lookout] = &JobStatusFile::live(&state)[..] else { panic!("one job is at work") };
        let seen = lookout.look().unwrap();
        assert_eq!(seen.reading(), reading);
        assert_eq!((seen.in_flight_count, seen.failures.len(), seen.ended), (1, 1, None));

        beacon.end(&reading, &Err(Error::stopped()));
        drop(beacon);
        assert!(!lookout.is_live() && JobStatusFile::live(&state).is_empty());
        assert_eq!(lookout.look().unwrap().ended.unwrap().exit_code, 130);
    }
}
