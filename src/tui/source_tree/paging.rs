//! Paging for experiments with more runs than one request fetches.

use super::{Children, Node, RUNS_PER_READ, Rest, Row, SourceTree};
use crate::entities::ExperimentId;

/// Maximum number of runs in memory for all experiments together. At about 250 bytes per run this is 125 MB.
pub const MAX_RUNS: usize = 500_000;
/// Number of rows that are fetched ahead of the cursor.
const ROWS_AHEAD: usize = 100;

impl SourceTree {
    /// The request that the cursor position needs: the experiment, and the number of runs to fetch.
    pub fn reach(&mut self) -> Option<(ExperimentId, usize)> {
        let near = self.rows.iter().skip(self.cursor).take(ROWS_AHEAD);
        let at = near.copied().find_map(|row| match row {
            Row::Note(at) if self.nodes[at].held()?.rest == Rest::More => Some(at),
            _ => None,
        })?;
        self.ask(at, RUNS_PER_READ)
    }

    /// Requests everything below the "more" line at the cursor.
    pub fn ask_for_all(&mut self) -> Option<(ExperimentId, usize)> {
        let Some(Row::Note(at)) = self.row() else {
            return None;
        };
        let is_wanted = matches!(self.nodes[at].held()?.rest, Rest::More | Rest::Coming);
        is_wanted.then(|| self.ask(at, MAX_RUNS))?
    }

    fn ask(&mut self, at: usize, more: usize) -> Option<(ExperimentId, usize)> {
        let room = MAX_RUNS.saturating_sub(self.runs_held());
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

impl Children {
    /// Updates the remaining work after a page, with the current number of runs.
    pub(super) fn on_page(&mut self, runs: usize, more: bool) {
        self.rest = match more {
            false => Rest::Nothing,
            true if runs < self.wanted => Rest::Coming,
            true => Rest::More,
        };
    }
}
