//! The ids on the target of moved objects, and the references that wait for one.

use std::path::Path;

use rusqlite::params;

use super::Journal;
use crate::entities::RunId;
use crate::error::{Error, Result};
use crate::writers::{IdMap, Unresolved};

impl Journal {
    /// Writes a `kind,source,target` line for every object that has an id on both sides.
    pub fn write_id_map(&self, path: &Path) -> Result<()> {
        let mut text = csv::Writer::from_writer(Vec::new());
        text.write_record(["kind", "source", "target"])?;
        let db = self.db();
        let mut rows = db.connection.prepare(
            "SELECT kind, id, target FROM item WHERE target IS NOT NULL AND kind != 'artifact' ORDER BY kind, id",
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (kind, id, target): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            text.write_record([kind, id, target])?;
        }
        let text = text.into_inner().map_err(|e| Error::from(e.into_error()))?;
        crate::artifacts::local::write_synced(path, &text)
    }
}

impl IdMap for Journal {
    fn target_of(&self, source: &RunId) -> Option<RunId> {
        self.seen.target_of(source)
    }

    fn is_target(&self, run: &RunId) -> bool {
        self.seen.is_target(run)
    }

    fn opened(&self, source: &RunId, target: &RunId) -> Result<()> {
        self.seen.opened(source, target)
    }

    fn unresolved(&self, reference: Unresolved) -> Result<()> {
        let Unresolved { on, key, value } = reference;
        self.write(|db| {
            db.prepare_cached("INSERT OR REPLACE INTO unresolved VALUES (?1, ?2, ?3)")?
                .execute(params![on, key, value])?;
            Ok(())
        })?;
        // The run is written next. If the process is killed then, only this record shows that a value is missing.
        self.commit()
    }

    fn all_unresolved(&self) -> Result<Vec<Unresolved>> {
        let db = self.db();
        let mut rows = db.connection.prepare("SELECT run, key, value FROM unresolved")?;
        let all = rows
            .query_map([], |row| Ok(Unresolved { on: row.get(0)?, key: row.get(1)?, value: row.get(2)? }))?;
        Ok(all.collect::<rusqlite::Result<_>>()?)
    }

    fn mark_resolved(&self, reference: &Unresolved) -> Result<()> {
        self.write(|db| {
            let key = params![reference.on, reference.key];
            db.execute("DELETE FROM unresolved WHERE run = ?1 AND key = ?2", key)?;
            Ok(())
        })
    }
}
