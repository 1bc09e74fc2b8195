//! Reads the journal of another process, for `mlferry status`.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Identity, Journal};
use crate::engine::{Counts, Step};
use crate::entities::Kind;
use crate::error::Result;

impl Journal {
    /// Reads the journal of another process without changing it. Returns `None` while that journal is still being
    /// created.
    pub fn read_counts(path: &Path) -> Result<Option<(Identity, HashMap<Kind, Counts>)>> {
        Self::counts_of(path).map_err(|e| e.at(path.display()))
    }

    fn counts_of(path: &Path) -> Result<Option<(Identity, HashMap<Kind, Counts>)>> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.busy_timeout(Duration::from_secs(2))?;
        let count = |of: &str| -> Result<i64> { Ok(db.query_row(of, [], |row| row.get(0))?) };
        let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('migration', 'item')";
        if count(tables)? < 2 || count("SELECT count(*) FROM migration")? < 4 {
            return Ok(None);
        }
        let field = |key: &str| -> Result<String> {
            Ok(db.query_row("SELECT value FROM migration WHERE key = ?1", [key], |row| row.get(0))?)
        };
        let step = Step::from_name(&field("step")?).unwrap_or_default();
        let identity =
            Identity { step, source: field("source")?, target: field("target")?, plan: field("plan")? };
        let mut counts: HashMap<Kind, Counts> = HashMap::new();
        let mut rows = db.prepare("SELECT kind, state, count(*) FROM item GROUP BY kind, state")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (kind, state, n): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let Some(kind) = Kind::from_name(&kind) else {
                continue;
            };
            let (of, n) = (counts.entry(kind).or_default(), n.unsigned_abs());
            of.planned += n;
            match state.as_str() {
                "done" => of.done += n,
                "failed" => of.failed += n,
                "skipped" => of.skipped += n,
                _ => {}
            }
        }
        Ok(Some((identity, counts)))
    }
}
