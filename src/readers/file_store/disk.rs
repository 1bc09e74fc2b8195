//! Folders and files below the root of a store. A store may come from another machine, so links that lead out of the
//! root are not followed, and only regular files are opened: opening a named pipe could block for ever.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

#[cfg(unix)]
use rustix::fs::OFlags;

use crate::artifacts::local;
use crate::error::{Error, Result};

/// Values and `meta.yaml` files are read as a whole. The largest that MLflow writes are profiles of datasets of 16 MB.
const MAX_BYTES: usize = 64 * 1024 * 1024;

const DANGLING: &str = "it is a link to nothing";

pub struct Disk {
    /// With all links resolved.
    root: PathBuf,
}

/// A name in a folder.
pub struct Entry {
    /// With replacement characters if the name is not UTF-8.
    pub name: String,
    pub path: PathBuf,
    pub kind: EntryKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Folder,
    File,
    /// It cannot be read, for this reason.
    Refused(&'static str),
}

impl Disk {
    pub fn open(root: &Path) -> Result<Self> {
        let root = fs::canonicalize(root).map_err(|e| Error::from(e).at(root.display()))?;
        Ok(Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is in a folder, by name. Empty when there is no such folder. Names that operating systems, editors and file
    /// systems leave behind are omitted.
    pub fn entries(&self, folder: &Path) -> Result<Vec<Entry>> {
        let entries = match self.resolved(folder).and_then(fs::read_dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
                return Err(Error::permanent("there is a file in place of the folder").at(folder.display()));
            }
            other => other.map_err(|e| Error::from(e).at(folder.display()))?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| Error::from(e).at(folder.display()))?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| is_left_behind(&entry.path(), name)) {
                continue;
            }
            let kind = match (name.to_str(), entry.file_type()) {
                (None, _) => EntryKind::Refused("its name is not UTF-8"),
                (_, Ok(kind)) if kind.is_dir() => EntryKind::Folder,
                (_, Ok(kind)) if kind.is_file() => EntryKind::File,
                (_, Ok(kind)) if kind.is_symlink() => self.linked(&entry.path()),
                _ => EntryKind::Refused("it is neither a file nor a folder"),
            };
            let path = folder.join(&name);
            all.push(Entry { name: name.to_string_lossy().into_owned(), path, kind });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// The folders in a folder.
    pub fn folders(&self, folder: &Path) -> Result<Vec<Entry>> {
        let mut all = self.entries(folder)?;
        all.retain(|entry| entry.kind != EntryKind::File);
        Ok(all)
    }

    /// True for a folder, and if the answer cannot be known: reading it gives the reason.
    pub fn is_folder(&self, path: &Path) -> bool {
        match self.resolved(path).and_then(fs::metadata) {
            Ok(about) => about.is_dir(),
            Err(e) => e.kind() != io::ErrorKind::NotFound,
        }
    }

    /// True when the folder has a file or folder, or cannot be read: reading it gives the reason.
    pub fn holds_something(&self, folder: &Path) -> bool {
        let entries = match self.resolved(folder).and_then(fs::read_dir) {
            Err(e) => return e.kind() != io::ErrorKind::NotFound,
            Ok(entries) => entries,
        };
        entries
            .flatten()
            .any(|entry| !entry.file_name().to_str().is_some_and(|name| is_left_behind(&entry.path(), name)))
    }

    pub fn open_file(&self, path: &Path) -> Result<File> {
        self.open_sized(path).map(|(file, _)| file).map_err(|e| Error::from(e).at(path.display()))
    }

    pub fn read(&self, path: &Path) -> Result<Vec<u8>> {
        match self.read_start(path, MAX_BYTES)? {
            (bytes, true) => Ok(bytes),
            (_, false) => Err(Error::permanent("it is larger than 64 MB").at(path.display())),
        }
    }

    /// The first bytes of a file, and whether they are all of it.
    pub fn read_start(&self, path: &Path, limit: usize) -> Result<(Vec<u8>, bool)> {
        let read = self.open_sized(path).and_then(|(file, size)| local::read_start(&file, size, limit));
        read.map_err(|e| Error::from(e).at(path.display()))
    }

    /// The open file and its size.
    fn open_sized(&self, path: &Path) -> io::Result<(File, u64)> {
        let file = match open_unlinked(path) {
            Err(_) => open_unlinked(&self.resolved(path)?)?,
            file => file?,
        };
        let about = file.metadata()?;
        match about.is_file() {
            true => Ok((file, about.len())),
            false => Err(io::Error::other("it is not a file")),
        }
    }

    /// When the file or folder was changed, in milliseconds since 1970.
    pub fn changed_at(&self, path: &Path) -> Option<i64> {
        let changed = fs::symlink_metadata(path).ok()?.modified().ok()?;
        i64::try_from(changed.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    fn linked(&self, path: &Path) -> EntryKind {
        match self.resolved(path).map(|path| path.is_dir()) {
            Ok(true) => EntryKind::Folder,
            Ok(false) => EntryKind::File,
            Err(_) if fs::metadata(path).is_err() => EntryKind::Refused(DANGLING),
            Err(_) => EntryKind::Refused("it is a link that leads out of the store"),
        }
    }

    /// Checks a name that a list of its folder has shown.
    ///
    /// # Errors
    /// When it does not lead to anything.
    pub fn check_listed(&self, path: &Path) -> Result<()> {
        let place = path.display();
        match fs::metadata(path) {
            Ok(_) => Ok(()),
            Err(_) if path.is_symlink() => Err(Error::permanent(DANGLING).at(place)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(Error::permanent("its name is not UTF-8, or it was removed just now").at(place))
            }
            Err(e) => Err(Error::from(e).at(place)),
        }
    }

    /// The path itself, or the place to which a link leads. "Not found" only means that there is no such name.
    fn resolved(&self, path: &Path) -> io::Result<PathBuf> {
        if !fs::symlink_metadata(path)?.is_symlink() {
            return Ok(path.to_owned());
        }
        let real = fs::canonicalize(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => io::Error::other(DANGLING),
            _ => e,
        })?;
        if real.starts_with(&self.root) {
            return Ok(real);
        }
        Err(io::Error::other(format!("it is a link that leads out of the store, to {}", real.display())))
    }
}

/// Opens a file if its path is no link. A pipe is opened without waiting for its other end.
#[cfg(unix)]
fn open_unlinked(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    File::options().read(true).custom_flags(flags.cast_signed()).open(path)
}

/// Opens a file if its path is no link.
#[cfg(not(unix))]
fn open_unlinked(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it is not a file")),
    }
}

/// True for a file or folder of an operating system, an editor, a notebook or a network file system. MLflow accepts
/// almost all of their names for its own data, so the content decides.
fn is_left_behind(path: &Path, name: &str) -> bool {
    let starts = |magic: &[u8]| {
        let mut start = vec![0; magic.len()];
        // A pipe would block.
        let is_file = fs::symlink_metadata(path).is_ok_and(|about| about.is_file());
        is_file && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == magic
    };
    match name {
        // Repositories keep an empty folder with it.
        ".gitkeep" => fs::symlink_metadata(path).is_ok_and(|about| about.is_file() && about.len() == 0),
        ".DS_Store" => starts(b"\0\0\0\x01Bud1"),
        "Thumbs.db" => starts(b"\xd0\xcf\x11\xe0"),
        "desktop.ini" => starts(b"[.ShellClassInfo]") || starts(b"\r\n[") || starts(b"\xff\xfe"),
        ".ipynb_checkpoints" => holds_only_checkpoints(path),
        _ if name.starts_with("._") => starts(b"\0\x05\x16\x07") || starts(b"\0\x05\x16\0"),
        _ if name.ends_with(".swp") => starts(b"b0VIM") || starts(b"b0nano"),
        // No name of MLflow ends like this (3.18, `utils/validation.py`).
        _ if name.ends_with('~') => true,
        _ => name
            .strip_prefix(".nfs")
            .is_some_and(|id| id.len() >= 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())),
    }
}

/// Notebooks name every copy like this.
fn holds_only_checkpoints(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().all(|entry| entry.file_name().to_string_lossy().contains("-checkpoint"))
}
