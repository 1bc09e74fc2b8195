//! The job of a step from the wizard's view: from the key that starts it to the card with its result.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::rates;
use super::rates::RateMeter;
use super::throughput::Throughput;
use crate::engine::{Event, FailureCause, FailureGroups, Outcome, ProgressSnapshot, Step};
use crate::entities::Kind;
use crate::error::{Class, Error};

/// Number of failures that are kept for display. The count includes all failures.
const MAX_FAILURES: usize = 1_000;

/// The phase of a job.
#[derive(Debug, Default)]
pub enum Phase {
    #[default]
    Idle,
    /// Both ends are being opened.
    Starting,
    Running,
    Ended(Box<Result<Outcome, ErrorText>>),
}

/// An error in its displayed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorText {
    pub text: String,
    pub hint: Option<String>,
    pub class: Class,
    pub exit_code: u8,
}

impl From<Error> for ErrorText {
    fn from(error: Error) -> Self {
        Self {
            text: error.to_string(),
            hint: error.get_hint().map(str::to_owned),
            class: error.class(),
            exit_code: error.exit_code(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub kind: Kind,
    pub id: String,
    pub name: String,
    pub reason: String,
    pub hint: Option<String>,
    /// Number of attempts, including those in earlier jobs.
    pub attempts: u64,
    /// The failed experiment of these items, if one row stands for all of them.
    pub experiment: Option<String>,
    /// Number of items that the row stands for.
    pub count: u64,
}

/// The content of the pane below the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    #[default]
    InFlight,
    Failures,
    Log,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    pub kind: Kind,
    pub name: String,
    pub since: Duration,
}

#[derive(Debug)]
pub struct JobState {
    pub step: Step,
    pub phase: Phase,
    pub started: Duration,
    pub paused: bool,
    /// How to renew the credentials that the job waits for.
    pub waiting: Option<String>,
    /// Number of times that the user has asked to stop.
    pub stops: u8,
    pub reading: ProgressSnapshot,
    pub rates: RateMeter,
    pub history: Throughput,
    in_flight: HashMap<(Kind, String), Flight>,
    pub failures: VecDeque<Failed>,
    /// The failures that have one cause.
    pub groups: FailureGroups,
    /// Retry the failed items as soon as the job has ended.
    pub again: bool,
    /// The item that is being retried alone.
    pub retrying: Option<String>,
    /// Number of failed items that were moved by a single retry.
    pub mended: u64,
    pub pane: Pane,
    /// The selected row of the pane.
    pub cursor: usize,
}

impl JobState {
    pub fn new(step: Step) -> Self {
        Self {
            step,
            phase: Phase::Idle,
            started: Duration::ZERO,
            paused: false,
            waiting: None,
            stops: 0,
            reading: ProgressSnapshot::default(),
            rates: RateMeter::default(),
            history: Throughput::default(),
            in_flight: HashMap::new(),
            failures: VecDeque::new(),
            groups: FailureGroups::default(),
            again: false,
            retrying: None,
            mended: 0,
            pane: Pane::default(),
            cursor: 0,
        }
    }

    /// Starts again. The state of an earlier attempt is dropped.
    pub fn start(&mut self, now: Duration) {
        *self = Self { phase: Phase::Starting, started: now, ..Self::new(self.step) };
    }

    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running)
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Ended(result) => result.as_ref().as_ref().ok(),
            _ => None,
        }
    }

    pub fn trouble(&self) -> Option<&ErrorText> {
        match &self.phase {
            Phase::Ended(result) => result.as_ref().as_ref().err(),
            _ => None,
        }
    }

    /// The job has completed: items may have failed, but none is left to do.
    pub fn is_finished(&self) -> bool {
        self.outcome().is_some_and(|outcome| !outcome.stopped)
    }

    pub fn exit_code(&self) -> Option<u8> {
        match &self.phase {
            Phase::Ended(result) => Some(match result.as_ref() {
                // All failed items have been moved since.
                Ok(outcome) if !outcome.stopped && self.mended > 0 && self.left() == 0 => 0,
                Ok(outcome) => outcome.exit_code(),
                Err(trouble) => trouble.exit_code,
            }),
            _ => None,
        }
    }

    pub fn sample(&mut self, now: Duration, reading: ProgressSnapshot) {
        self.reading = reading;
        self.rates.add(now, reading);
        self.history.add(now, rates::finished_items(&reading));
    }

    pub fn on_event(&mut self, now: Duration, event: Event) {
        match event {
            Event::ItemStarted { kind, id, name } => {
                let flight = Flight { kind, name, since: now };
                self.in_flight.insert((kind, id), flight);
            }
            Event::ItemDone { kind, id, .. } | Event::ItemSkipped { kind, id, .. } => {
                self.in_flight.remove(&(kind, id));
            }
            Event::ItemFailed { kind, id, name, reason, hint, attempts, cause } => {
                self.in_flight.remove(&(kind, id.clone()));
                cause.iter().for_each(|cause| self.groups.add(kind, &name, cause));
                let experiment = match cause {
                    Some(FailureCause::Experiment(experiment)) => Some(experiment),
                    Some(FailureCause::NameTaken) | None => None,
                };
                self.add_failure(Failed { kind, id, name, reason, hint, attempts, experiment, count: 1 });
            }
            Event::Waiting { renew } => self.waiting = Some(renew),
            Event::Resumed => self.waiting = None,
            Event::Started { .. }
            | Event::Planned { .. }
            | Event::Difference(_)
            | Event::Note { .. }
            | Event::ServerGone { .. }
            | Event::ServerBack { .. } => {}
        }
    }

    /// Items of one failed experiment share a row, so that the other failures stay visible.
    fn add_failure(&mut self, failed: Failed) {
        let is_same = |row: &&mut Failed| row.experiment == failed.experiment && row.kind == failed.kind;
        if failed.experiment.is_some()
            && let Some(row) = self.failures.iter_mut().rev().find(is_same)
        {
            row.count += 1;
            row.attempts = row.attempts.max(failed.attempts);
            return;
        }
        self.failures.push_back(failed);
        if self.failures.len() > MAX_FAILURES {
            self.failures.pop_front();
        }
    }

    pub fn end(&mut self, result: Result<Outcome, Error>) {
        self.phase = Phase::Ended(Box::new(result.map_err(ErrorText::from)));
        self.in_flight.clear();
        self.paused = false;
        self.waiting = None;
        // A validation shows its differences there, with the items that failed.
        if self.pane == Pane::InFlight && !self.failures.is_empty() && self.step != Step::Validate {
            self.pane = Pane::Failures;
        }
        self.cursor = 0;
    }

    /// Number of failures of the ended job, without those that were moved since.
    pub fn left(&self) -> u64 {
        self.outcome().map_or(0, |outcome| outcome.failed().saturating_sub(self.mended))
    }

    pub fn failed(&self) -> u64 {
        self.reading.counts.iter().map(|counts| counts.failed).sum()
    }

    pub fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }

    /// Runs and files come before the experiments they belong to. The item that has been running longest comes first.
    pub fn in_flight(&self) -> Vec<&Flight> {
        let mut flights: Vec<&Flight> = self.in_flight.values().collect();
        flights.sort_by(|a, b| {
            let is_experiment = |flight: &Flight| flight.kind == Kind::Experiment;
            (is_experiment(a), a.since, &a.name).cmp(&(is_experiment(b), b.since, &b.name))
        });
        flights
    }
}
