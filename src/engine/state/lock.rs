use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::error::{Class, Error, Result};

/// How many attempts to take a lock are made before it counts as held, and the time between them.
const MAX_TRIES: u32 = 3;
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// A lock that is held as long as this process writes to one target. The operating system releases it whenever and
/// however the process ends.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// `note` describes this process's work to a second process.
    pub fn take(path: &Path, note: &str) -> Result<Self> {
        let place = |e: std::io::Error| Error::from(e).at(path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(place)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(place)?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file, path)),
            Err(TryLockError::Error(e)) => return Err(place(e)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(place)?;
        writeln!(file, "process {}, {note}", std::process::id()).map_err(place)?;
        Ok(Self { _file: file })
    }

    /// Returns an error while another process holds the lock. Does not keep the lock itself.
    pub fn refuse_held(path: &Path) -> Result<()> {
        let Ok(mut file) = File::open(path) else { return Ok(()) };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(held(&mut file, path)),
            // A later attempt to take the lock shows whether it can be taken.
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
    Error::new(Class::Locked, format!("another mlferry is at work on this target: {}", holder.trim()))
        .hint("wait for it, watch it with `mlferry status --watch`, or stop it with Ctrl-C in its terminal")
}

/// Retries, because a process that only checks the lock also holds it for a moment.
fn patiently(file: &File) -> std::result::Result<(), TryLockError> {
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
    fn a_second_holder_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/x.lock");
        let first = Lock::take(&path, "import of http://a").unwrap();
        assert!(Lock::is_held(&path));
        let error = Lock::take(&path, "other").err().unwrap();
        assert_eq!(error.exit_code(), 11);
        assert!(error.to_string().contains("import of http://a"), "{error}");
        let looked = Lock::refuse_held(&path).unwrap_err();
        assert_eq!((looked.exit_code(), looked.to_string()), (11, error.to_string()));
        drop(first);
        Lock::refuse_held(&path).unwrap();
        assert!(!Lock::is_held(&path));
        Lock::take(&path, "second").unwrap();
    }
}
