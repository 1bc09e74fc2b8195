//! The stores of tracking servers in the working directory, which the wizard proposes as the source.

use super::job::ErrorText;
use crate::engine::StoreSummary;

#[derive(Default)]
pub struct FoundStores {
    pub is_searching: bool,
    pub rows: Vec<FoundStore>,
    pub cursor: usize,
    /// The list is open in place of the form.
    pub is_open: bool,
}

pub struct FoundStore {
    /// The path below the folder that was searched.
    pub name: String,
    /// The absolute path.
    pub path: String,
    pub kind: &'static str,
    pub contents: StoreContents,
}

pub enum StoreContents {
    /// The numbers so far.
    Counting(Option<StoreSummary>),
    Known(StoreSummary),
    Failed(ErrorText),
}

impl FoundStores {
    pub fn is_busy(&self) -> bool {
        self.is_searching || self.rows.iter().any(|row| matches!(row.contents, StoreContents::Counting(_)))
    }

    pub fn current(&self) -> Option<&FoundStore> {
        self.rows.get(self.cursor)
    }

    pub fn find(&self, path: &str) -> Option<&FoundStore> {
        self.rows.iter().find(|row| row.path == path)
    }
}
