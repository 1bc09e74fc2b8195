//! Runs of an experiment that has more of them than are fetched at once.

use super::{Held, Node, RUNS_AT_ONCE, Rest, Row, SourceTree};
use crate::entities::ExperimentId;

/// Runs that are kept in memory, of all experiments together: at about 250 bytes each, 125 MB.
pub const MOST_RUNS: usize = 500_000;
/// Rows below the cursor that are there before it comes to them.
const AHEAD: usize = 100;

impl SourceTree {
    /// What is to be fetched now that the cursor is where it is: of which experiment, and up to how many runs.
    pub fn reach(&mut self) -> Option<(ExperimentId, usize)> {
        let near = self.rows.iter().skip(self.cursor).take(AHEAD);
        let at = near.copied().find_map(|row| match row {
            Row::Note(at) if self.nodes[at].held()?.rest == Rest::More => Some(at),
            _ => None,
        })?;
        self.ask(at, RUNS_AT_ONCE)
    }

    /// Everything below the line at the cursor that says that there is more.
    pub fn ask_for_all(&mut self) -> Option<(ExperimentId, usize)> {
        let Some(Row::Note(at)) = self.row() else {
            return None;
        };
        let is_wanted = matches!(self.nodes[at].held()?.rest, Rest::More | Rest::Coming);
        is_wanted.then(|| self.ask(at, MOST_RUNS))?
    }

    fn ask(&mut self, at: usize, more: usize) -> Option<(ExperimentId, usize)> {
        let room = MOST_RUNS.saturating_sub(self.runs_held());
        let node = &mut self.nodes[at];
        let (id, count) = (node.item.experiment()?.id.clone(), node.part_count());
        let held = node.held_mut()?;
        if room == 0 {
            held.rest = Rest::TooMuch;
            return None;
        }
        (held.rest, held.wanted) = (Rest::Coming, count + more.min(room));
        Some((id, held.wanted))
    }

    fn runs_held(&self) -> usize {
        self.nodes.iter().map(Node::part_count).sum()
    }
}

impl Held {
    /// What is still to be fetched after a page, now that there are so many runs.
    pub(super) fn page_came(&mut self, runs: usize, more: bool) {
        self.rest = match more {
            false => Rest::Nothing,
            true if runs < self.wanted => Rest::Coming,
            true => Rest::More,
        };
    }
}
