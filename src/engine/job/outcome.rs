use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::engine::validate::{Remarks, Totals};
use crate::engine::{Counts, ProgressSnapshot, Step};

/// The result of a job: the last line of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    pub step: Step,
    /// The counts by kind. The keys are plurals: `{"runs": {"planned": …}}`.
    pub counts: BTreeMap<&'static str, Counts>,
    pub points: u64,
    pub bytes: u64,
    pub requests: u64,
    pub retries: u64,
    pub seconds: f64,
    /// True when the user stopped the job before its end.
    pub stopped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Totals>,
    /// Values that are not equal but do not count as a difference, because the target derives or rewrites them
    /// automatically.
    #[serde(skip_serializing_if = "Remarks::is_empty")]
    pub normalised: Remarks,
    /// The fields that were not compared.
    #[serde(skip_serializing_if = "Remarks::is_empty")]
    pub not_compared: Remarks,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Files that were written for the user: report, id map.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
}

impl Outcome {
    pub fn new(step: Step, reading: &ProgressSnapshot, seconds: f64) -> Self {
        Self {
            step,
            counts: reading.counts_by_kind(),
            points: reading.points,
            bytes: reading.bytes,
            requests: reading.requests,
            retries: reading.retries,
            seconds,
            stopped: false,
            comparison: None,
            normalised: Remarks::default(),
            not_compared: Remarks::default(),
            notes: Vec::new(),
            files: Vec::new(),
        }
    }

    pub fn failed(&self) -> u64 {
        self.counts.values().map(|c| c.failed).sum()
    }

    /// Returns 0 when all is well, 3 when some items failed, 4 when differences were found, 130 when it was stopped.
    pub fn exit_code(&self) -> u8 {
        match self {
            _ if self.stopped => 130,
            _ if self.comparison.as_ref().is_some_and(Totals::differs) => 4,
            _ if self.failed() > 0 => 3,
            _ => 0,
        }
    }
}

/// An exit code in words.
pub fn meaning(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "done",
        2 => "the command line, an address or a plan is wrong",
        3 => "finished, but some items failed",
        4 => "finished, and differences were found",
        5 => "a server did not answer: running the same command again may succeed",
        11 => "another mlferry is writing to this target",
        130 => "stopped: run the same command again to continue",
        _ => "failed",
    }
}
