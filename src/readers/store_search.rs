//! Finds the stores in folders of this machine. A store is only looked at: nothing is opened for writing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::StoreLocation;
use super::file_store::is_file_store;

const DATABASES: [&str; 3] = ["db", "sqlite", "sqlite3"];
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The name of an SQLite table of MLflow, as the file's first pages contain it.
const TABLE: &[u8] = b"experiments";
/// The structure of a database is on its first pages. Schemas of MLflow take up to 130 kB.
const STRUCTURE: u64 = 512 * 1024;
/// Folders deeper than this are not searched.
const MAX_DEPTH: usize = 6;
/// The most folders that are searched: a home directory has millions.
const MAX_FOLDERS: usize = 100_000;
/// Folders that hold programs and caches.
const SKIPPED: [&str; 5] = ["node_modules", "site-packages", "__pycache__", "target", "venv"];

/// The stores at a path: the file or folder itself, or else the stores directly in the folder.
pub fn stores_in(path: &Path) -> Vec<StoreLocation> {
    if path.is_file() {
        let is_named = has_database_name(path);
        return (is_named || is_sqlite(path))
            .then(|| StoreLocation::Sqlite(path.to_owned()))
            .into_iter()
            .collect();
    }
    if is_file_store(path) {
        return vec![StoreLocation::Files(path.to_owned())];
    }
    // An export has a folder `models` too.
    if path.join("experiments").is_dir() {
        return Vec::new();
    }
    let (mut stores, entries) = (Vec::new(), fs::read_dir(path).into_iter().flatten().flatten());
    for path in entries.map(|entry| entry.path()) {
        stores.extend(store_at(&path));
    }
    stores.sort_by(|a, b| a.path().cmp(&b.path()));
    stores
}

/// The result of a search below a folder.
#[derive(Debug, Default, PartialEq)]
pub struct StoresBelow {
    pub stores: Vec<StoreLocation>,
    /// The folders and databases that this user may not read.
    pub refused: Vec<PathBuf>,
    /// Folders were left out, because there are too many.
    pub is_cut: bool,
}

/// The stores anywhere below a folder.
pub fn stores_below(root: &Path) -> StoresBelow {
    let (mut found, mut folders, mut searched) = (StoresBelow::default(), vec![(root.to_owned(), 0)], 0);
    if let Some(store) = store_at(root) {
        return StoresBelow { stores: vec![store], ..found };
    }
    while let Some((folder, depth)) = folders.pop() {
        searched += 1;
        if searched > MAX_FOLDERS {
            break;
        }
        let entries = fs::read_dir(&folder);
        if entries.as_ref().is_err_and(is_refusal) {
            found.refused.push(folder.clone());
        }
        for entry in entries.into_iter().flatten().flatten() {
            // Links could lead in a circle.
            let (path, is_link) = (entry.path(), entry.file_type().map_or(true, |kind| kind.is_symlink()));
            if let Some(store) = store_at(&path).filter(|_| !is_link) {
                found.stores.push(store);
            } else if !is_link
                && has_database_name(&path)
                && File::open(&path).as_ref().is_err_and(is_refusal)
            {
                found.refused.push(path);
            } else if !is_link && path.is_dir() && depth < MAX_DEPTH && is_searched(&path) {
                folders.push((path, depth + 1));
            }
        }
    }
    found.stores.sort_by(|a, b| a.path().cmp(&b.path()));
    found.refused.sort();
    StoresBelow { is_cut: searched > MAX_FOLDERS, ..found }
}

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn store_at(path: &Path) -> Option<StoreLocation> {
    if path.is_dir() {
        return is_file_store(path).then(|| StoreLocation::Files(path.to_owned()));
    }
    (has_database_name(path) && holds_experiments(path)).then(|| StoreLocation::Sqlite(path.to_owned()))
}

fn is_searched(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !name.starts_with('.') && !SKIPPED.contains(&name)
}

/// The ending of the name is usual for a database.
pub fn has_database_name(path: &Path) -> bool {
    path.extension().is_some_and(|name| DATABASES.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

fn is_sqlite(path: &Path) -> bool {
    beginning(path, MAGIC.len() as u64).starts_with(MAGIC)
}

/// Whether an SQLite file has a table of MLflow. Its first pages are enough, and reading them takes no lock.
fn holds_experiments(path: &Path) -> bool {
    let start = beginning(path, STRUCTURE);
    start.starts_with(MAGIC) && start.windows(TABLE.len()).any(|window| window == TABLE)
}

fn beginning(path: &Path, most: u64) -> Vec<u8> {
    let mut start = Vec::new();
    // A pipe would block.
    if path.is_file()
        && let Ok(file) = File::open(path)
        && file.take(most).read_to_end(&mut start).is_err()
    {
        start.clear();
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_found_in_and_below_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for folder in ["a/mlruns/0", "b/mlruns/1/r/artifacts", "c", "node_modules/x/mlruns/0", "d/e/f"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        fs::write(path("a/mlruns/0/meta.yaml"), "name: Default").unwrap();
        fs::write(path("node_modules/x/mlruns/0/meta.yaml"), "name: Default").unwrap();
        for name in ["b/mlflow.db", "d/e/f/old.sqlite"] {
            let database = rusqlite::Connection::open(path(name)).unwrap();
            database.execute_batch("CREATE TABLE experiments (name TEXT)").unwrap();
        }
        rusqlite::Connection::open(path("c/other.db")).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
        let (files, sqlite) =
            (StoreLocation::Files(path("a/mlruns")), StoreLocation::Sqlite(path("b/mlflow.db")));
        let old = StoreLocation::Sqlite(path("d/e/f/old.sqlite"));
        let stores = vec![files.clone(), sqlite.clone(), old];
        assert_eq!(stores_below(root.path()), StoresBelow { stores, ..StoresBelow::default() });
        assert_eq!(stores_in(&path("a")), std::slice::from_ref(&files));
        assert_eq!(stores_in(&path("a/mlruns")), [files]);
        assert_eq!(stores_in(&path("b")), [sqlite]);
        assert_eq!(stores_in(&path("c")), []);
    }

    #[test]
    fn a_store_without_the_files_of_its_experiments_is_found() {
        let root = tempfile::tempdir().unwrap();
        let (runs, files) = (root.path().join("runs"), root.path().join("files"));
        let run = "0123456789abcdef0123456789abcdef";
        fs::create_dir_all(runs.join("1").join(run).join("params")).unwrap();
        fs::create_dir_all(files.join("1").join(run).join("artifacts")).unwrap();
        // The second folder has the files of runs that are in a database.
        assert_eq!(stores_below(root.path()).stores, [StoreLocation::Files(runs)]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_may_not_be_read_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let closed = root.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
        let is_root = fs::read_dir(&closed).is_ok();
        let refused = stores_below(root.path()).refused;
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(refused.len(), usize::from(!is_root), "the administrator can read every folder");
    }
}
