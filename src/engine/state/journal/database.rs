//! Commits the records of finished work together: each commit takes as long as exporting a small file. A process that is
//! killed loses the last records. The next job then finds their objects on the target.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::Result;

const COMMIT_INTERVAL: Duration = Duration::from_millis(100);

pub struct JournalDatabase {
    pub connection: Connection,
    /// When the current transaction began.
    begun: Option<Instant>,
}

impl JournalDatabase {
    pub fn new(connection: Connection) -> Self {
        Self { connection, begun: None }
    }

    pub fn begin(&mut self) -> Result<()> {
        if self.begun.is_none() {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.begun = Some(Instant::now());
        }
        Ok(())
    }

    pub fn is_due(&self) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() >= COMMIT_INTERVAL)
    }

    pub fn commit(&mut self) -> Result<()> {
        let is_open = self.begun.take().is_some();
        // After some errors, such as a full disk, SQLite itself ends the transaction.
        if is_open && !self.connection.is_autocommit() {
            self.connection.execute_batch("COMMIT")?;
        }
        Ok(())
    }
}
