//! The state of the comparison: how closely files are compared, and the differences found.

use super::job::{ErrorText, JobState};
use crate::engine::Step;
use crate::engine::validate::{ArtifactCheck, Curve, Difference, Mark, Repairs};
use crate::tui::diff_tree::DiffTree;

/// Maximum number of differences that are kept for display. The report has all of them.
const MAX_DIFFERENCES: usize = 100_000;

#[derive(Debug)]
pub struct Validation {
    pub work: JobState,
    pub artifacts: ArtifactCheck,
    pub outline: DiffTree,
    /// Number of differences found, including those that are not kept.
    pub found: u64,
    /// The counts of the differences that an import can and cannot correct.
    pub repairs: Repairs,
    /// The selected row of the open difference, if one is open.
    pub detail: Option<usize>,
    /// The metric that is plotted over the open difference.
    pub picture: Option<Picture>,
    /// One item is being compared or imported again.
    pub pending: Option<Pending>,
    /// Number of differences that are gone after single items were compared again.
    pub mended: u64,
    /// Single items have changed since the comparison and its report.
    pub is_report_old: bool,
}

/// A metric on both sides.
#[derive(Debug)]
pub struct Picture {
    pub source_id: String,
    pub metric: String,
    pub drawn: Drawn,
    /// The selected point in the list.
    pub scroll: usize,
}

#[derive(Debug)]
pub enum Drawn {
    Fetching,
    Failed(ErrorText),
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
            work: JobState::new(Step::Validate),
            artifacts: ArtifactCheck::default(),
            outline: DiffTree::default(),
            found: 0,
            repairs: Repairs::default(),
            detail: None,
            picture: None,
            pending: None,
            mended: 0,
            is_report_old: false,
        }
    }
}

impl Validation {
    pub fn start(&mut self, now: std::time::Duration) {
        self.work.start(now);
        *self = Self {
            work: std::mem::replace(&mut self.work, JobState::new(Step::Validate)),
            artifacts: self.artifacts,
            ..Self::default()
        };
    }

    pub fn add(&mut self, difference: Difference) {
        self.found += 1;
        self.repairs.add(&difference);
        if self.outline.held() < MAX_DIFFERENCES {
            self.outline.add(difference);
        }
    }

    /// Replaces the differences that `item` covers with `found`.
    pub fn replace(&mut self, item: &Difference, found: Vec<Difference>) {
        let now = found.len();
        let mut reported = found.clone();
        let mut gone = self.outline.replace(item, found);
        // Files arrive in any order.
        for list in [&mut reported, &mut gone] {
            list.sort_by(|a, b| (a.kind, a.id()).cmp(&(b.kind, b.id())));
        }
        reported.iter().for_each(|difference| self.repairs.add(difference));
        gone.iter().for_each(|difference| self.repairs.remove(difference));
        self.is_report_old |= gone != reported;
        self.mended += gone.len().saturating_sub(now) as u64;
        self.found = (self.found + now as u64).saturating_sub(gone.len() as u64);
        self.picture = None;
        // The open difference may be gone.
        self.detail = self.detail.filter(|_| self.current().is_some_and(|now| item.covers(now))).map(|_| 0);
    }

    /// A request is running.
    pub fn is_busy(&self) -> bool {
        let is_fetching = |picture: &Picture| matches!(picture.drawn, Drawn::Fetching);
        self.pending.is_some() || self.picture.as_ref().is_some_and(is_fetching)
    }

    pub fn current(&self) -> Option<&Difference> {
        self.outline.current()
    }

    /// More differences were found than are kept.
    pub fn is_cut(&self) -> bool {
        self.found > self.outline.held() as u64
    }

    /// Cycles the filter: all differences, then each mark that occurs, then all again.
    pub fn turn_filter(&mut self) {
        let counts = self.outline.counts();
        let mut marks = Mark::ALL.into_iter().filter(|mark| counts.of(*mark) > 0);
        self.outline.set_only(match self.outline.only() {
            None => marks.next(),
            // The last difference of this mark may have been fixed.
            Some(only) if counts.of(only) == 0 => None,
            Some(only) => marks.find(|mark| *mark > only),
        });
    }

    pub fn turn_artifacts(&mut self) {
        self.artifacts = match self.artifacts {
            ArtifactCheck::None => ArtifactCheck::Size,
            ArtifactCheck::Size => ArtifactCheck::Checksum,
            ArtifactCheck::Checksum => ArtifactCheck::None,
        };
    }
}
