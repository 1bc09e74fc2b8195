//! The comparison's own state: how closely files are compared, and what was found to differ.

use super::work::{Trouble, Work};
use crate::engine::Step;
use crate::engine::validate::{ArtifactCheck, Curve, Difference, Mark};

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
    /// The metric that is drawn over it.
    pub picture: Option<Picture>,
    /// One item is being compared or imported again.
    pub pending: Option<Pending>,
    /// Differences that were there and are no more, as far as single items were compared again.
    pub mended: u64,
}

/// A metric of both sides.
#[derive(Debug)]
pub struct Picture {
    pub source_id: String,
    pub metric: String,
    pub drawn: Drawn,
    /// The listed point that is chosen.
    pub scroll: usize,
}

#[derive(Debug)]
pub enum Drawn {
    Fetching,
    Failed(Trouble),
    Curve(Box<Curve>),
}

#[derive(Debug)]
pub struct Pending {
    pub name: String,
    pub importing: bool,
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
            picture: None,
            pending: None,
            mended: 0,
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

    /// Puts what was found now in the place of what `item` covers.
    pub fn replace(&mut self, item: &Difference, found: Vec<Difference>) {
        let before = self.differences.len();
        let place = self.differences.iter().position(|old| item.covers(old)).unwrap_or(before);
        self.differences.retain(|old| !item.covers(old));
        let gone = before - self.differences.len();
        self.mended += gone.saturating_sub(found.len()) as u64;
        self.found = (self.found + found.len() as u64).saturating_sub(gone as u64);
        let place = place.min(self.differences.len());
        self.differences.splice(place..place, found);
        let shown = self.shown().len();
        self.cursor = self.cursor.min(shown.saturating_sub(1));
        self.picture = None;
        // What was open may be gone.
        self.detail = self.detail.filter(|_| self.current().is_some_and(|now| item.covers(now))).map(|_| 0);
    }

    pub fn shown(&self) -> Vec<&Difference> {
        self.differences
            .iter()
            .filter(|difference| self.only.is_none_or(|only| difference.mark == only))
            .collect()
    }

    /// Something is on its way.
    pub fn is_busy(&self) -> bool {
        let is_fetching = |picture: &Picture| matches!(picture.drawn, Drawn::Fetching);
        self.pending.is_some() || self.picture.as_ref().is_some_and(is_fetching)
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
