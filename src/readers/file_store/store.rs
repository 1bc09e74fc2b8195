//! The folder of a store, and what all of its parts share. Each part adds methods of its own.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::disk::Disk;
use crate::entities::{Kind, Readable, Unreadable};
use crate::error::{Error, Result};

/// More notes are only written to the log: a folder may have thousands of damaged files.
const MAX_NOTES: usize = 200;

/// The folder. Its methods block, so they run in threads of their own.
pub struct Store {
    pub disk: Disk,
    notes: Mutex<Notes>,
}

/// Notes for the user. Each one is reported once, because lists are read several times.
#[derive(Default)]
struct Notes {
    reported: HashSet<String>,
    new: Vec<String>,
}

impl Store {
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self { disk: Disk::open(root)?, notes: Mutex::default() })
    }

    pub fn note(&self, text: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.reported.len() < MAX_NOTES && notes.reported.insert(text.clone()) {
            tracing::info!("{text}");
            notes.new.push(text);
        }
    }

    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner).new)
    }
}

pub fn lost(kind: Kind, id: &str, error: &Error) -> Unreadable {
    Unreadable { kind, id: id.to_owned(), reason: error.to_string() }
}

/// Parts of an object that cannot be read: their paths below its folder, and the reasons.
pub type Problems = Vec<(String, Error)>;

/// The object if there is one, then its parts that cannot be read.
pub fn with_problems<T>(
    kind: Kind,
    id: &str,
    read: Result<Option<T>>,
    problems: Problems,
) -> Vec<Readable<T>> {
    let object = read.map_err(|error| lost(kind, id, &error)).transpose();
    let parts = problems.into_iter().map(|(part, error)| Err(lost(kind, &format!("{id}/{part}"), &error)));
    object.into_iter().chain(parts).collect()
}
