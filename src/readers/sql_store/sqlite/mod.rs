//! SQLite files. A copy is made first, at one point in time: the copy is read by several connections at once, and no
//! program that writes to the original waits longer than the copy takes.

mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::BoxStream;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::database::Database;
use super::select::{Catalogue, Dialect};
use super::value::{Row, Value};
use crate::error::{Error, Result};
use crate::io::from_thread;

const DIALECT: Dialect = Dialect { quote: '"', escapes: false };
const ROWS_PER_BATCH: usize = 1_000;
/// Batches that wait for the consumer.
const BATCHES: usize = 2;

pub struct SqliteDatabase {
    catalogue: Catalogue,
    copy: Arc<Copy>,
}

/// The file that is read, and connections to it that are not in use.
struct Copy {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Removes the copy at the end. `None` if the original itself is read.
    _folder: Option<TempDir>,
}

impl SqliteDatabase {
    /// Opens a file and returns notes for the user about it. This function blocks for as long as the copy takes.
    ///
    /// # Errors
    /// When the file is not a readable SQLite database, and when it is locked for longer than a few seconds.
    pub fn open(path: &Path) -> Result<(Self, Vec<String>)> {
        let (folder, file, notes) = snapshot::take(path)?;
        let copy = Copy { path: file, idle: Mutex::default(), _folder: folder };
        let catalogue = copy.with(catalogue).map_err(|e| e.at(path.display()))?;
        Ok((Self { catalogue, copy: Arc::new(copy) }, notes))
    }
}

impl Copy {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?
            }
        };
        let result = read(&connection).map_err(failed)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(result)
    }
}

/// The conversion of [`crate::error`] is about the journal of a migration.
fn failed(error: rusqlite::Error) -> Error {
    Error::permanent(format!("SQLite: {error}")).caused_by(error)
}

fn catalogue(connection: &Connection) -> rusqlite::Result<Catalogue> {
    let mut catalogue = BTreeMap::new();
    let mut tables = connection.prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")?;
    for table in tables.query_map([], |row| row.get::<_, String>(0))? {
        let table = table?;
        let mut columns = connection.prepare("SELECT name FROM pragma_table_xinfo(?1)")?;
        let columns = columns.query_map([&table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        catalogue.insert(table, columns);
    }
    Ok(Catalogue(catalogue))
}

impl Database for SqliteDatabase {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn dialect(&self) -> Dialect {
        DIALECT
    }

    fn lost(&self) -> Option<Error> {
        None
    }

    fn query(&self, sql: String, table: &str) -> BoxStream<'static, Result<Vec<Row>>> {
        let (copy, place) = (Arc::clone(&self.copy), format!("table {table}"));
        from_thread(BATCHES, move |send| {
            let read = copy.with(|connection| each_batch(connection, &sql, &|batch| send(Ok(batch))));
            if let Err(error) = read {
                send(Err(error.at(place)));
            }
        })
    }
}

/// Passes all rows of a query to `send`, which returns false when nobody needs them any more.
fn each_batch(connection: &Connection, sql: &str, send: &dyn Fn(Vec<Row>) -> bool) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut batch = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..width).map(|at| row.get_ref(at).map(value));
        batch.push(Row(values.collect::<rusqlite::Result<_>>()?));
        if batch.len() == ROWS_PER_BATCH && !send(std::mem::take(&mut batch)) {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        send(batch);
    }
    Ok(())
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(text.to_vec()),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}
