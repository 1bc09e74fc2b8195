use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::error::{Class, Error, Result};

/// The number of retries before a lock counts as held, and the time between them.
const MAX_TRIES: u32 = 3;
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// A lock file that only one process can hold at a time, for example while it writes to one target. The operating
/// system releases the lock when the process ends in any way.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or returns an error of class `Locked`. `note` describes the work of this process. Another
    /// process shows the note when it cannot take the lock.
    pub fn take(path: &Path, note: &str) -> Result<Self> {
        let at = |e: std::io::Error| Error::from(e).at(path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(at)?;
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(at)?;
        match lock_with_retries(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file, path)),
            Err(TryLockError::Error(e)) => return Err(at(e)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(at)?;
        writeln!(file, "process {}, {note}", std::process::id()).map_err(at)?;
        Ok(Self { _file: file })
    }

    /// Returns an error while another process holds the lock. This function does not keep the lock.
    pub fn refuse_held(path: &Path) -> Result<()> {
        let Ok(mut file) = File::open(path) else { return Ok(()) };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(held(&mut file, path)),
            // If the lock cannot be checked here, a later attempt to take it returns the error.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    /// True while any process holds the lock.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = File::open(path) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

fn held(file: &mut File, path: &Path) -> Error {
    let mut holder = String::new();
    if let Err(error) = file.read_to_string(&mut holder) {
        return Error::from(error).at(path.display());
    }
    Error::new(Class::Locked, format!("another mlferry is writing to this target: {}", holder.trim()))
        .hint("wait for it, watch it with `mlferry status --watch`, or stop it with Ctrl-C in its terminal")
}

/// Retries for a moment, because a process that only checks the lock also holds it for a moment.
fn lock_with_retries(file: &File) -> std::result::Result<(), TryLockError> {
    for _ in 0..MAX_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY_DELAY),
            taken => return taken,
        }
    }
    file.try_lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_second_holder_names_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/x.lock");
        let first = Lock::take(&path, "import of http://a").unwrap();
        assert!(Lock::is_held(&path));
        let error = Lock::take(&path, "other").err().unwrap();
        assert_eq!(error.exit_code(), 11);
        assert!(error.to_string().contains("import of http://a"), "{error}");
        let refused = Lock::refuse_held(&path).unwrap_err();
        assert_eq!((refused.exit_code(), refused.to_string()), (11, error.to_string()));
        drop(first);
        Lock::refuse_held(&path).unwrap();
        assert!(!Lock::is_held(&path));
        Lock::take(&path, "second").unwrap();
    }
}
