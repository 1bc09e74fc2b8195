//! Details of the objects that the cursor has visited.

use std::collections::VecDeque;

use super::job::ErrorText;
use crate::engine::browse::{DetailKey, Details};
use crate::error::Result;

/// Number of details that are cached for a cursor that returns.
const MAX_CACHED: usize = 32;

#[derive(Default)]
pub struct DetailCache {
    pub open: bool,
    /// Number of lines above the visible part of the pane.
    pub scroll: usize,
    pub(in crate::tui) asked: Option<DetailKey>,
    known: VecDeque<(DetailKey, Result<Details, ErrorText>)>,
}

impl DetailCache {
    /// An empty pane, open or closed.
    pub fn opened(open: bool) -> Self {
        Self { open, ..Self::default() }
    }

    /// The details of `subject`. `None` until they have arrived.
    pub fn of(&self, subject: &DetailKey) -> Option<&Result<Details, ErrorText>> {
        self.known.iter().find(|(known, _)| known == subject).map(|(_, read_details)| read_details)
    }

    pub fn is_fetching(&self) -> bool {
        self.open && self.asked.is_some()
    }

    /// Caches the latest details.
    pub fn add(&mut self, key: DetailKey, result: Result<Details>) {
        self.asked = None;
        self.known.push_front((key, result.map_err(ErrorText::from)));
        self.known.truncate(MAX_CACHED);
    }
}
