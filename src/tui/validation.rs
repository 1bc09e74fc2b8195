//! The comparison's own state: how closely files are compared, and what was found to differ.

use crate::engine::Step;
use crate::engine::validate::{ArtifactCheck, Difference, Mark};

use super::work::Work;

/// Differences that are kept for looking through; the report has all of them.
const KEPT: usize = 10_000;

#[derive(Debug)]
pub struct Validation {
    pub work: Work,
    pub artifacts: ArtifactCheck,
    differences: Vec<Difference>,
    /// Found, kept or not.
    pub found: u64,
    /// Only these are on show.
    pub only: Option<Mark>,
    /// Row of the list.
    pub cursor: usize,
    /// The difference that is open, and the row it is scrolled to.
    pub detail: Option<usize>,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            work: Work::new(Step::Validate),
            artifacts: ArtifactCheck::default(),
            differences: Vec::new(),
            found: 0,
            only: None,
            cursor: 0,
            detail: None,
        }
    }
}

impl Validation {
    pub fn begin(&mut self, now: std::time::Duration) {
        self.work.begin(now);
        *self = Self {
            work: std::mem::replace(&mut self.work, Work::new(Step::Validate)),
            artifacts: self.artifacts,
            ..Self::default()
        };
    }

    pub fn add(&mut self, difference: Difference) {
        self.found += 1;
        if self.differences.len() < KEPT {
            self.differences.push(difference);
        }
    }

    pub fn shown(&self) -> Vec<&Difference> {
        self.differences
            .iter()
            .filter(|difference| self.only.is_none_or(|only| difference.mark == only))
            .collect()
    }

    pub fn current(&self) -> Option<&Difference> {
        self.shown().get(self.cursor).copied()
    }

    /// There are more than are kept.
    pub fn is_cut(&self) -> bool {
        self.found > self.differences.len() as u64
    }

    /// All, then each mark of which there is one, and all again.
    pub fn turn_filter(&mut self) {
        let marks: Vec<Mark> =
            Mark::ALL.into_iter().filter(|mark| self.differences.iter().any(|d| d.mark == *mark)).collect();
        self.only = match self.only {
            None => marks.first().copied(),
            Some(only) => marks.into_iter().find(|mark| *mark > only),
        };
        self.cursor = 0;
    }

    pub fn turn_artifacts(&mut self) {
        self.artifacts = match self.artifacts {
            ArtifactCheck::None => ArtifactCheck::Size,
            ArtifactCheck::Size => ArtifactCheck::Checksum,
            ArtifactCheck::Checksum => ArtifactCheck::None,
        };
    }
}
