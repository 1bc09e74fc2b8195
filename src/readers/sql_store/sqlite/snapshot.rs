use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use crate::error::{Class, Error, Result};

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER: u64 = 100;
/// How long to wait for a program that writes. MLflow's own servers wait as long for each other (Python's `sqlite3`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);
/// Files that belong to the database: changes that are not in it yet, or that are to be rolled back.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", SHARED_MEMORY];
const SHARED_MEMORY: &str = "-shm";
const ALL_PAGES: i32 = -1;

/// Copies a database to a temporary folder. Returns the folder, the copy and notes for the user. If there is no space
/// for a copy, the original is returned instead.
pub fn take(path: &Path) -> Result<(Option<TempDir>, PathBuf, Vec<String>)> {
    let size = ensure_sqlite(path)?;
    let folder = tempfile::Builder::new().prefix("mlferry-").tempdir()?;
    let needed =
        size + companions(path).map(|file| file.metadata().map_or(0, |about| about.len())).sum::<u64>();
    if !has_space(folder.path(), needed) {
        let note = format!(
            "{} is read without a copy, because {} has no space for one: a server that writes to it at the same time may \
             have to wait",
            path.display(),
            folder.path().display()
        );
        return Ok((None, path.to_owned(), vec![note]));
    }
    let copy = folder.path().join("mlflow.db");
    // Opening such a database would create a file beside it. Nobody writes to it now.
    if has_log_mode(path)? && !with_suffix(path, SHARED_MEMORY).exists() {
        copy_files(path, &copy)?;
        return Ok((Some(folder), copy, Vec::new()));
    }
    let notes = match backup(path, &copy) {
        Ok(()) => Vec::new(),
        Err(error) if is_unusable_here(&error) => {
            copy_files(path, &copy)?;
            vec![format!(
                "{} was copied together with its journal, because it cannot be opened without writing to it ({error})",
                path.display()
            )]
        }
        Err(error) => return Err(explained(error, path)),
    };
    Ok((Some(folder), copy, notes))
}

/// Returns the size of the file.
fn ensure_sqlite(path: &Path) -> Result<u64> {
    let place = path.display();
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| Error::from(e).at(place.to_string()))?;
    let size = file.metadata()?.len();
    file.take(HEADER).read_to_end(&mut start).map_err(|e| Error::from(e).at(place.to_string()))?;
    if start.starts_with(MAGIC) {
        return match declared_size(&start) {
            Some(declared) if declared > size => {
                Err(Error::permanent(format!("{place} is truncated: it has {size} of {declared} bytes"))
                    .hint(RECOVER))
            }
            _ => Ok(size),
        };
    }
    Err(match start.is_empty() {
        true => Error::usage(format!("{place} is empty: it has no tables"))
            .hint("give the file that `mlflow server --backend-store-uri` names"),
        false => Error::usage(format!("{place} is not an SQLite database, or it is encrypted"))
            .hint("give an mlflow.db file, or a copy without encryption"),
    })
}

/// Whether changes go to a log first: the file's header says so (<https://www.sqlite.org/fileformat.html>).
fn has_log_mode(path: &Path) -> Result<bool> {
    let mut header = Vec::new();
    let file = File::open(path).map_err(|e| Error::from(e).at(path.display()))?;
    file.take(HEADER).read_to_end(&mut header).map_err(|e| Error::from(e).at(path.display()))?;
    Ok(header.get(18) == Some(&2))
}

/// The size of the database according to its header, if the header has a valid one
/// (<https://www.sqlite.org/fileformat.html#in_header_database_size>).
fn declared_size(header: &[u8]) -> Option<u64> {
    let number = |at: usize| Some(u64::from(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?)));
    let page = u64::from(u16::from_be_bytes(header.get(16..18)?.try_into().ok()?));
    let page = if page == 1 { 65_536 } else { page };
    (number(24)? == number(92)?).then(|| number(28).map(|pages| pages * page))?
}

/// Copies the pages that all connections agree on. A writer can continue as soon as the copy is complete.
fn backup(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.busy_timeout(BUSY_TIMEOUT)?;
    let mut target = Connection::open(to)?;
    // The copy is temporary: it need not survive a power failure.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let backup = Backup::new(&source, &mut target)?;
    let start = Instant::now();
    loop {
        match backup.step(ALL_PAGES)? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked if start.elapsed() > BUSY_TIMEOUT => {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(busy, None));
            }
            _ => std::thread::sleep(POLL),
        }
    }
    drop(backup);
    // The copy has the mode of the original: without its log, no connection has to create one.
    target.execute_batch("PRAGMA journal_mode = DELETE;")
}

/// True if the database needs a recovery or a shared-memory file, and may not be written to.
fn is_unusable_here(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure)
    )
}

/// Copies the database with its companions, and recovers the copy.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let place = |e: std::io::Error| Error::from(e).at(from.display());
    fs::copy(from, to).map_err(place)?;
    for companion in companions(from) {
        let name = companion.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let suffix = COMPANIONS.into_iter().find(|suffix| name.ends_with(suffix)).unwrap_or_default();
        // SQLite creates the shared memory of the copy itself.
        if suffix != SHARED_MEMORY {
            fs::copy(&companion, with_suffix(to, suffix)).map_err(place)?;
        }
    }
    let copy = Connection::open(to).map_err(|e| explained(e, from))?;
    copy.execute_batch("PRAGMA journal_mode = DELETE;").map_err(|e| explained(e, from))
}

const RECOVER: &str = "copy it again while no server writes to it, or recover what is left: sqlite3 mlflow.db .recover | sqlite3 new.db";

fn explained(error: rusqlite::Error, path: &Path) -> Error {
    let place = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(
            Class::Transient,
            format!("{place} is locked by another program for more than {} seconds", BUSY_TIMEOUT.as_secs()),
        )
        .hint("try again, or stop the program that writes to it"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::permanent(format!("{place} is damaged or truncated: {error}")).hint(RECOVER)
        }
        _ => super::failed(error).at(place),
    }
}

fn companions(path: &Path) -> impl Iterator<Item = PathBuf> {
    let path = path.to_owned();
    COMPANIONS.into_iter().map(move |suffix| with_suffix(&path, suffix)).filter(|file| file.is_file())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(unix)]
fn has_space(folder: &Path, bytes: u64) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|about| about.f_bavail.saturating_mul(about.f_frsize) > bytes)
}

#[cfg(not(unix))]
fn has_space(_folder: &Path, _bytes: u64) -> bool {
    true
}
