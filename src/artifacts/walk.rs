//! The files below a local folder. Links are followed as in MLflow: within the folder only. MLflow 3.10 and later
//! refuses links that lead out of it (`utils/uri.py`, `validate_path_within_directory`). A link to a parent folder
//! sends MLflow into an endless loop; here such a folder is entered once.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::entities::FileEntry;
use crate::error::{Code, Error, Result};

/// The prefix of files that are being written. Readers skip them.
pub(super) const PARTIAL: &str = ".mlferry-partial-";

const CIRCLE: &str = "a link to a folder that it lies in, or to which many links lead";
/// Folders with links to each other have more paths than any disk has files.
const MAX_VISITS: usize = 16;

/// The files that were found, and the first error.
#[derive(Default)]
pub struct Walked {
    /// In the order of the paths. Entries that are not files or lead out of the folder are included without a size;
    /// opening one returns the reason.
    pub files: Vec<FileEntry>,
    /// The error of the first folder that could not be read. The other folders were read.
    pub unread: Option<Error>,
}

/// Every file below `root`. Empty when the folder does not exist.
pub fn walk(root: &Path) -> Walked {
    let (mut walked, mut visits) = (Walked::default(), HashMap::new());
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // It does not exist, or was removed in the meantime.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => {
                walked.unread.get_or_insert(Error::from(e).at(folder.display()));
                continue;
            }
        };
        for entry in entries {
            match entry.and_then(|entry| inspect(root, &folder, &entry, &mut visits)) {
                Ok(Entry::Folder(below)) => folders.push(below),
                Ok(Entry::File(path, meta)) => walked.files.push(described(root, &path, meta.as_ref())),
                Ok(Entry::Nothing) => {}
                Err(e) => {
                    walked.unread.get_or_insert(Error::from(e).at(folder.display()));
                }
            }
        }
    }
    walked.files.sort_by(|a, b| a.path.cmp(&b.path));
    walked
}

/// The kind of an entry in a folder.
enum Entry {
    Folder(PathBuf),
    /// A file, with its metadata if it may be read.
    File(PathBuf, Option<fs::Metadata>),
    Nothing,
}

/// `visits` counts how often links to a folder were followed.
fn inspect(
    root: &Path,
    folder: &Path,
    entry: &DirEntry,
    visits: &mut HashMap<PathBuf, usize>,
) -> io::Result<Entry> {
    if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
        return Ok(Entry::Nothing);
    }
    let (path, kind) = (entry.path(), entry.file_type()?);
    if kind.is_dir() {
        return Ok(Entry::Folder(path));
    }
    if !kind.is_symlink() {
        return Ok(match kind.is_file() {
            true => Entry::File(path, Some(entry.metadata()?)),
            false => Entry::File(path, None),
        });
    }
    // A dangling link counts as a file that cannot be opened.
    let Ok(real) = fs::canonicalize(&path) else { return Ok(Entry::File(path, None)) };
    let Ok(meta) = fs::metadata(&real) else { return Ok(Entry::File(path, None)) };
    let is_within = real.starts_with(fs::canonicalize(root)?);
    let is_above = |real: &Path| {
        let mut above = folder.ancestors().take_while(|above| above.starts_with(root));
        above.any(|above| fs::canonicalize(above).is_ok_and(|above| above == real))
    };
    let mut is_followed = || {
        let visits = visits.entry(real.clone()).or_default();
        *visits += 1;
        *visits <= MAX_VISITS
    };
    Ok(match meta.is_dir() {
        true if is_within && !is_above(&real) && is_followed() => Entry::Folder(path),
        _ => Entry::File(path, Some(meta).filter(|meta| is_within && meta.is_file())),
    })
}

fn described(root: &Path, path: &Path, meta: Option<&fs::Metadata>) -> FileEntry {
    let below = path.strip_prefix(root).unwrap_or(path);
    let path = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
    let file = FileEntry::new(path, meta.map(fs::Metadata::len));
    FileEntry { stamp: meta.and_then(changed_at), ..file }
}

/// The modification time, as precise as the file system keeps it.
fn changed_at(meta: &fs::Metadata) -> Option<String> {
    let since = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("modified {}.{:09}", since.as_secs(), since.subsec_nanos()))
}

/// The metadata of a path below `root` that leads through no link. This takes fewer questions than
/// [`fs::canonicalize`], which asks about every folder from the top of the file system. `None` when there is a link, or
/// the path does not lead downwards.
pub fn without_links(root: &Path, path: &Path) -> io::Result<Option<fs::Metadata>> {
    let Ok(below) = path.strip_prefix(root) else { return Ok(None) };
    let (mut here, mut found) = (root.to_owned(), None);
    for part in below.components() {
        let Component::Normal(part) = part else { return Ok(None) };
        here.push(part);
        let meta = fs::symlink_metadata(&here)?;
        if meta.is_symlink() {
            return Ok(None);
        }
        found = Some(meta);
    }
    Ok(found)
}

/// The real path of a file below `root`. The path must be a regular file and lie below `root`: opening a named pipe
/// could block forever, and a link may lead to any file of this machine.
///
/// # Errors
/// A path that is not a file gets a code of the operating system: [`io::ErrorKind::IsADirectory`] or
/// [`io::ErrorKind::Unsupported`].
pub fn resolve(root: &Path, path: &Path) -> Result<PathBuf> {
    if without_links(root, path).is_ok_and(|meta| meta.is_some_and(|meta| meta.is_file())) {
        return Ok(path.to_owned());
    }
    let place = |e: io::Error| Error::from(e).at(path.display());
    let link = fs::read_link(path).ok();
    let real = match (fs::canonicalize(path), &link) {
        (Err(e), Some(to)) if e.kind() == io::ErrorKind::NotFound => {
            return Err(not_a_file(path, format!("a link to {}, which does not exist", to.display())));
        }
        (real, _) => real.map_err(place)?,
    };
    let meta = fs::metadata(&real).map_err(place)?;
    let is_within = real.starts_with(fs::canonicalize(root).map_err(place)?);
    let elsewhere = format!("a link that leads out of the artifact root, to {}", real.display());
    match meta.file_type() {
        kind if kind.is_file() && is_within => Ok(real),
        kind if kind.is_file() => Err(Error::permanent(format!("{}: it is {elsewhere}", path.display()))
            .hint("put the file itself in its place, and run the same command again")),
        kind if kind.is_dir() => {
            let what = if is_within { CIRCLE.to_owned() } else { elsewhere };
            Err(not_a_file(path, what).code(Code::Io(io::ErrorKind::IsADirectory)))
        }
        kind => Err(not_a_file(path, special(kind).to_owned())),
    }
}

fn not_a_file(path: &Path, what: String) -> Error {
    Error::permanent(format!("{}: it is {what}", path.display()))
        .code(Code::Io(io::ErrorKind::Unsupported))
        .hint("it cannot be read: remove it, or leave it where it is")
}

#[cfg(unix)]
fn special(kind: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match () {
        () if kind.is_fifo() => "a named pipe, which is not a file",
        () if kind.is_socket() => "a socket, which is not a file",
        () => "a device, which is not a file",
    }
}

#[cfg(not(unix))]
fn special(_: fs::FileType) -> &'static str {
    "not a file"
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(root: &Path) -> Vec<(String, bool)> {
        let files = walk(root).files.into_iter();
        files.map(|file| (file.path, file.size.is_some())).collect()
    }

    #[test]
    fn links_are_followed_within_the_root_and_never_in_circles() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(root.join("c")).unwrap();
        fs::write(root.join("a/b/x"), b"x").unwrap();
        fs::write(outer.path().join("secret"), b"s").unwrap();
        for (target, link) in [
            ("../a", "c/over"),
            ("..", "a/up"),
            ("../c", "a/across"),
            ("a/b/x", "file"),
            ("../secret", "out"),
            ("..", "outer"),
            ("nowhere", "gone"),
            ("self", "self"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let expected = [
            ("a/across/over", false),
            ("a/b/x", true),
            ("a/up", false),
            ("c/over/across", false),
            ("c/over/b/x", true),
            ("c/over/up", false),
            ("file", true),
            ("gone", false),
            ("out", false),
            ("outer", false),
            ("self", false),
        ];
        assert_eq!(paths(&root), expected.map(|(path, is_file)| (path.to_owned(), is_file)));
        for (path, reason) in [
            ("a/up", "a link to a folder that it lies in"),
            ("out", "out of the artifact root"),
            ("outer", "out of the artifact root"),
            ("gone", "which does not exist"),
        ] {
            let error = resolve(&root, &root.join(path)).unwrap_err();
            assert!(error.to_string().contains(reason), "{path}: {error}");
        }
        assert!(resolve(&root, &root.join("self")).is_err());
        assert!(resolve(&root, &root.join("c/over/b/x")).is_ok());
    }

    #[test]
    fn folders_that_are_linked_to_each_other_come_to_an_end() {
        let root = tempfile::tempdir().unwrap();
        let names = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
        for name in names {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("x"), b"x").unwrap();
            for other in names.iter().filter(|other| **other != name) {
                symlink(format!("../{other}"), root.path().join(name).join(other)).unwrap();
            }
        }
        let found = paths(root.path());
        assert!(names.iter().all(|name| found.contains(&(format!("{name}/x"), true))));
        assert!(found.len() < 10_000, "{}", found.len());
        let unread = found.iter().find(|(_, is_file)| !is_file).unwrap();
        let error = resolve(root.path(), &root.path().join(&unread.0)).unwrap_err();
        assert!(error.to_string().contains("many links lead"), "{error}");
    }

    #[test]
    fn an_entry_that_is_not_a_file_is_named_and_not_opened() {
        let root = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
        symlink("/dev/null", root.path().join("device")).unwrap();
        assert_eq!(paths(root.path()), [("device".to_owned(), false), ("socket".to_owned(), false)]);
        for (path, what) in [("socket", "a socket"), ("device", "a device")] {
            let error = resolve(root.path(), &root.path().join(path)).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_read_affects_no_other() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let closed = root.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(root.path().join("x"), b"x").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
        let is_root = fs::read_dir(&closed).is_ok();
        let walked = walk(root.path());
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(walked.files.len(), 1);
        assert_eq!(walked.unread.is_some(), !is_root, "the administrator can read every folder");
    }

    #[test]
    fn a_file_written_again_has_another_stamp() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x");
        fs::write(&path, b"old").unwrap();
        let before = walk(root.path()).files.remove(0);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(9)).unwrap();
        let after = walk(root.path()).files.remove(0);
        assert_eq!(after.stamp.as_deref(), Some("modified 9.000000000"));
        assert!(before.stamp.is_some() && before.stamp != after.stamp && before.size == after.size);
    }
}
