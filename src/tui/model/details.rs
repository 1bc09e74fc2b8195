//! Details of the objects that the cursor was on.

use std::collections::VecDeque;

use super::job::ErrorText;
use crate::engine::browse::{DetailKey, Details};
use crate::error::Result;

/// Details that are kept for a cursor that comes back.
const KEPT: usize = 32;

#[derive(Default)]
pub struct DetailCache {
    pub open: bool,
    /// Lines that are above the pane.
    pub scroll: usize,
    pub(in crate::tui) asked: Option<DetailKey>,
    known: VecDeque<(DetailKey, Result<Details, ErrorText>)>,
}

impl DetailCache {
    /// The pane as it was, with nothing in it.
    pub fn opened(open: bool) -> Self {
        Self { open, ..Self::default() }
    }

    /// None until it has come.
    pub fn of(&self, subject: &DetailKey) -> Option<&Result<Details, ErrorText>> {
        self.known.iter().find(|(known, _)| known == subject).map(|(_, closeup)| closeup)
    }

    pub fn is_fetching(&self) -> bool {
        self.open && self.asked.is_some()
    }

    /// Keeps what was fetched last.
    pub fn add(&mut self, key: DetailKey, result: Result<Details>) {
        self.asked = None;
        self.known.push_front((key, result.map_err(ErrorText::from)));
        self.known.truncate(KEPT);
    }
}
