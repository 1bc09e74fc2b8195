//! A range of rows, from its start row to the cursor.

use std::ops::Range;

use super::SourceTree;

impl SourceTree {
    /// Begins a range at the cursor, or ends the current range.
    pub fn turn_range(&mut self) {
        self.anchor = match self.anchor {
            None => Some(self.cursor).filter(|at| *at < self.rows.len()),
            Some(_) => None,
        };
    }

    pub fn has_range(&self) -> bool {
        self.anchor.is_some()
    }

    pub fn end_range(&mut self) {
        self.anchor = None;
    }

    /// Indices of the rows that a multiple selection covers. Without a range these are all rows.
    pub fn range(&self) -> Range<usize> {
        match self.anchor {
            None => 0..self.rows.len(),
            Some(anchor) => anchor.min(self.cursor)..(anchor.max(self.cursor) + 1).min(self.rows.len()),
        }
    }
}
