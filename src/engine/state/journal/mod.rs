//! The journal of finished work: one SQLite file (WAL) that is not lost when the process ends in any way. It makes
//! resuming cheap and `mlferry status` possible. The journal does not prevent duplicates: the identity tags on the
//! target do.

mod counts;
mod database;
mod id_map;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::database::JournalDatabase;
use super::siblings::Siblings;
use crate::artifacts::Digest;
use crate::engine::Step;
use crate::entities::Kind;
use crate::error::{Error, Result};
use crate::writers::MemoryIdMap;

/// The migration that a journal belongs to. It holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub step: Step,
    pub source: String,
    pub target: String,
    /// A digest of the plan.
    pub plan: String,
}

/// The data that are written when an item has ended.
#[derive(Default)]
struct ItemRecord<'a> {
    reason: Option<&'a str>,
    target: Option<&'a str>,
    fingerprint: Option<&'a str>,
    digest: Option<&'a Digest>,
}

/// The facts about a file that were recorded when it was written.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownFile {
    pub digest: Digest,
    /// The store's stamp of the file. `None` when the store reported no stamp, and in older journals.
    pub stamp: Option<String>,
}

pub struct Journal {
    db: Mutex<JournalDatabase>,
    /// The runs that this process has found or created on the target. Runs that are only in an older journal are not
    /// included, because they may have been deleted on the target.
    seen: MemoryIdMap,
    siblings: Siblings,
    /// Lets tests make writes fail.
    #[cfg(test)]
    pub(in crate::engine) faults: std::sync::OnceLock<std::sync::Arc<crate::engine::faults::Faults>>,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS migration (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS item (
        kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
        reason TEXT, target TEXT, fingerprint TEXT, bytes INTEGER, sha256 TEXT,
        PRIMARY KEY (kind, id)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS unresolved (run TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (run, key)) WITHOUT ROWID;
";

/// Makes the file readable by this user only, because names of experiments and runs are confidential. SQLite gives its
/// additional files the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).append(true).open(path).map(drop)
}

impl Journal {
    /// Opens or creates the journal at `path`. Refuses a journal that belongs to another migration.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::from(e).at(folder.display()))?;
        }
        make_private(path).map_err(|e| Error::from(e).at(path.display()))?;
        let at = |e: rusqlite::Error| Error::from(e).at(path.display());
        let db = Connection::open(path).map_err(at)?;
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        db.pragma_update(None, "journal_mode", "WAL").map_err(at)?;
        // A power failure may lose the most recent writes, but no earlier ones. The tags on the target compensate for
        // the loss.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.execute_batch(SCHEMA).map_err(at)?;
        let journal = Self {
            db: Mutex::new(JournalDatabase::new(db)),
            seen: MemoryIdMap::default(),
            siblings: Siblings::default(),
            #[cfg(test)]
            faults: std::sync::OnceLock::new(),
        };
        journal.claim(path, identity)?;
        Ok(journal)
    }

    /// Adds the journals of other selections, so that this journal can look up the items that they have finished.
    pub fn beside(self, siblings: Siblings) -> Self {
        let mut journal = self;
        journal.siblings = siblings;
        journal
    }

    fn claim(&self, path: &Path, identity: &Identity) -> Result<()> {
        let step = identity.step.name().to_owned();
        let fields = [
            ("step", &step),
            ("source", &identity.source),
            ("target", &identity.target),
            ("plan", &identity.plan),
        ];
        for (key, value) in fields {
            let db = &self.db().connection;
            db.execute("INSERT OR IGNORE INTO migration VALUES (?1, ?2)", params![key, value])?;
            let known: String =
                db.query_row("SELECT value FROM migration WHERE key = ?1", [key], |row| row.get(0))?;
            if known != *value {
                return Err(Error::usage(format!(
                    "{} is the journal of another migration: its {key} is {known}, not {value}",
                    path.display()
                ))
                .hint("leave out --journal, or name a new file: each migration needs its own journal"));
            }
        }
        Ok(())
    }

    fn db(&self) -> MutexGuard<'_, JournalDatabase> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every write of finished work goes through this function. It is on disk after [`Self::commit`].
    fn write<T>(&self, action: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let work = || {
            let mut db = self.db();
            db.begin()?;
            let written = action(&db.connection);
            if db.is_due() {
                db.commit()?;
            }
            written
        };
        #[cfg(test)]
        if let Some(faults) = self.faults.get() {
            return faults.write(work);
        }
        work()
    }

    /// Must be called at the end of a job.
    pub fn commit(&self) -> Result<()> {
        self.db().commit()
    }

    /// Records the items to migrate.
    pub fn plan<'a>(&self, kind: Kind, ids: impl IntoIterator<Item = &'a str>) -> Result<()> {
        self.write(|db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO item (kind, id, state) VALUES (?1, ?2, 'pending')
                 ON CONFLICT DO UPDATE SET state = 'pending', reason = NULL WHERE state != 'done'",
            )?;
            for id in ids {
                insert.execute(params![kind.name(), id])?;
            }
            Ok(())
        })
    }

    pub fn done(&self, kind: Kind, id: &str, target: Option<&str>, fingerprint: Option<&str>) -> Result<()> {
        self.end(kind, id, "done", ItemRecord { target, fingerprint, ..ItemRecord::default() }).map(drop)
    }

    /// Returns the number of attempts so far.
    pub fn failed(&self, kind: Kind, id: &str, reason: &str) -> Result<u64> {
        self.end(kind, id, "failed", ItemRecord { reason: Some(reason), ..ItemRecord::default() })
    }

    /// Records the end of an item and returns the number of attempts. It uses one statement, because a process may be
    /// killed between two statements.
    fn end(&self, kind: Kind, id: &str, state: &str, end: ItemRecord<'_>) -> Result<u64> {
        let ItemRecord { reason, target, fingerprint, digest } = end;
        let (bytes, sha256) = digest.map(|d| (d.bytes.cast_signed(), d.sha256.as_deref())).unzip();
        let sha256 = sha256.flatten();
        let row = params![kind.name(), id, state, reason, target, fingerprint, bytes, sha256];
        let attempts: i64 = self.write(|db| {
            let mut end = db.prepare_cached(
                "INSERT INTO item (kind, id, state, attempts, reason, target, fingerprint, bytes, sha256)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT DO UPDATE SET state = ?3, attempts = attempts + 1, reason = ?4,
                     target = coalesce(?5, target), fingerprint = ?6, bytes = ?7, sha256 = ?8
                 RETURNING attempts",
            )?;
            Ok(end.query_row(row, |row| row.get(0))?)
        })?;
        Ok(attempts.cast_unsigned())
    }

    /// Records an item that is complete on the target, and whose content was never compared.
    pub fn taken(&self, kind: Kind, id: &str, target: &str, fingerprint: &str) -> Result<()> {
        let (target, fingerprint, reason) = (Some(target), Some(fingerprint), Some("not compared"));
        self.end(kind, id, "done", ItemRecord { target, fingerprint, reason, ..ItemRecord::default() })
            .map(drop)
    }

    /// True when the item was finished before but has changed since, or when an earlier attempt failed.
    pub fn must_be_visited(&self, kind: Kind, id: &str, fingerprint: &str) -> Result<bool> {
        let row: Option<(String, Option<String>)> = self
            .db()
            .connection
            .prepare_cached(
                "SELECT state, fingerprint FROM item WHERE kind = ?1 AND id = ?2 AND attempts > 0",
            )?
            .query_row([kind.name(), id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match row {
            Some((state, known)) => Ok(state != "done" || known.as_deref() != Some(fingerprint)),
            None => Ok(self.siblings.fingerprint(kind, id).is_some_and(|known| known != fingerprint)),
        }
    }

    /// True when an import with this selection or another one has written the item.
    pub fn is_compared(&self, kind: Kind, id: &str, fingerprint: &str) -> Result<bool> {
        Ok(self.is_done(kind, id)? || self.siblings.fingerprint(kind, id).as_deref() == Some(fingerprint))
    }

    /// True when this journal lists the item as finished and compared.
    pub fn is_done(&self, kind: Kind, id: &str) -> Result<bool> {
        let db = self.db();
        let mut count = db.connection.prepare_cached(
            "SELECT count(*) FROM item WHERE kind = ?1 AND id = ?2 AND state = 'done' AND reason IS NULL",
        )?;
        Ok(count.query_row([kind.name(), id], |row| row.get::<_, i64>(0))? > 0)
    }

    /// Records a file that is on the target already. `stamp` is the store's stamp of the file ([`FileEntry::stamp`]).
    ///
    /// [`FileEntry::stamp`]: crate::entities::FileEntry::stamp
    pub fn file_done(&self, id: &str, target: &str, digest: &Digest, stamp: Option<&str>) -> Result<()> {
        let end = ItemRecord {
            target: Some(target),
            fingerprint: stamp,
            digest: Some(digest),
            ..ItemRecord::default()
        };
        self.end(Kind::Artifact, id, "done", end).map(drop)
    }

    /// Removes the failure of an item that stood for the files of an owner, because they are listed now.
    pub fn listed(&self, id: &str) -> Result<()> {
        self.write(|db| {
            db.prepare_cached("DELETE FROM item WHERE kind = 'artifact' AND id = ?1 AND state = 'failed'")?
                .execute([id])?;
            Ok(())
        })
    }

    /// Returns the record of a file that was already written to this run or logged model (`target`).
    pub fn known_file(&self, id: &str, target: &str) -> Result<Option<KnownFile>> {
        Ok(self
            .db()
            .connection
            .prepare_cached(
                "SELECT bytes, sha256, fingerprint FROM item WHERE kind = 'artifact' AND id = ?1 AND target = ?2 AND state = 'done'
                 AND bytes IS NOT NULL",
            )?
            .query_row(params![id, target], |row| {
                let digest = Digest { bytes: row.get::<_, i64>(0)?.unsigned_abs(), sha256: row.get(1)? };
                Ok(KnownFile { digest, stamp: row.get(2)? })
            })
            .optional()?)
    }
}

/// A hash of the item's fields. It changes when a field that a search returns has changed.
pub fn fingerprint(item: &impl Serialize) -> Result<String> {
    let digest = Sha256::digest(serde_json::to_vec(item)?);
    Ok(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

impl Drop for Journal {
    fn drop(&mut self) {
        #[cfg(test)]
        if self.faults.get().is_some_and(|faults| faults.is_dead()) {
            // A killed process does not commit.
            return;
        }
        // A job that has ended well has committed already.
        if let Err(error) = self.commit() {
            tracing::warn!("the last records of the journal are lost: {error}");
        }
    }
}
