//! The journals of other selections of the same migration. If another selection has finished an item, and the item has
//! changed at the source since, this selection visits the item again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::entities::Kind;
use crate::error::Result;

/// The other journals, open for reading. The journal that was written last comes first.
#[derive(Default)]
pub struct Siblings(Mutex<Vec<Connection>>);

impl Siblings {
    /// Opens the other journals in `folder` with the same step, source and target. A journal that cannot be read is
    /// left out, so the items that only this journal lists count as not compared.
    pub fn of(folder: &Path, journal: &Path, migration: [&str; 3]) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| path != journal && path.extension().is_some_and(|extension| extension == "db"));
        paths.sort_by_key(|path| std::cmp::Reverse(path.metadata().and_then(|of| of.modified()).ok()));
        let open = |path: PathBuf| {
            let opened = open(&path, migration);
            opened.inspect_err(|e| tracing::debug!("{}: {e}", path.display())).ok().flatten()
        };
        Self(Mutex::new(paths.into_iter().filter_map(open).collect()))
    }

    /// The fingerprint that the item had when another selection finished and compared it.
    pub fn fingerprint(&self, kind: Kind, id: &str) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find_map(|db| {
            let known = fingerprint(db, kind, id);
            known.inspect_err(|e| tracing::debug!("a journal of another selection: {e}")).ok().flatten()
        })
    }
}

/// Returns `None` for a journal of another migration.
fn open(path: &Path, migration: [&str; 3]) -> Result<Option<Connection>> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    for (key, wanted) in ["step", "source", "target"].into_iter().zip(migration) {
        let of = "SELECT value FROM migration WHERE key = ?1";
        let known: Option<String> = db.query_row(of, [key], |row| row.get(0)).optional()?;
        if known.as_deref() != Some(wanted) {
            return Ok(None);
        }
    }
    Ok(Some(db))
}

fn fingerprint(db: &Connection, kind: Kind, id: &str) -> Result<Option<String>> {
    let mut known = db.prepare_cached(
        "SELECT fingerprint FROM item WHERE kind = ?1 AND id = ?2 AND state = 'done' AND reason IS NULL",
    )?;
    Ok(known.query_row([kind.name(), id], |row| row.get(0)).optional()?.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::journal::Journal;
    use crate::engine::{Identity, StateDir, Step};

    #[test]
    fn items_that_another_selection_has_finished_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        let identity = |source: &str, plan: &str| Identity {
            step: Step::Import,
            source: source.into(),
            target: "http://t".into(),
            plan: plan.into(),
        };
        let open = |identity: &Identity| {
            let path = state.journal(identity);
            let migration = [identity.step.name(), identity.source.as_str(), identity.target.as_str()];
            let siblings = Siblings::of(&state.journals(), &path, migration);
            Journal::open(&path, identity).unwrap().beside(siblings)
        };
        let first = open(&identity("http://a", "all"));
        first.done(Kind::Run, "same", Some("S"), Some("f")).unwrap();
        first.done(Kind::Run, "changed", Some("C"), Some("f")).unwrap();
        first.taken(Kind::Run, "never", "N", "f").unwrap();
        first.commit().unwrap();
        std::fs::write(state.journals().join("torn.db"), "torn").unwrap();
        let second = open(&identity("http://a", "some"));
        let visit = |id: &str, fingerprint| second.must_be_visited(Kind::Run, id, fingerprint).unwrap();
        assert!(!visit("same", "f") && visit("changed", "g") && !visit("never", "f") && !visit("new", "f"));
        let compared = |id: &str| second.is_compared(Kind::Run, id, "f").unwrap();
        assert!(compared("same") && !compared("never") && !compared("new"));
        // The journals of another source are not used.
        let third = open(&identity("http://b", "all"));
        assert!(!third.must_be_visited(Kind::Run, "changed", "g").unwrap());
    }
}
