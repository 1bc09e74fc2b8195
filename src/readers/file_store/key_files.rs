//! Params and tags: one file each. Its path below the folder is the key, so a key with `/` lies in folders of its own.
//! The whole file is the value (MLflow 3.18, `store/tracking/file_store.py`, `_get_resource_files`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk::EntryKind;
use super::{Problems, Store};
use crate::error::{Error, Result};

/// The deepest folders of a key. A longer path is not a key that MLflow accepts.
const MAX_DEPTH: usize = 250;

/// The files below a folder, each with its key.
#[derive(Default)]
pub struct KeyFiles {
    pub files: Vec<(String, PathBuf)>,
    /// The keys of files that cannot be read, and the reasons.
    pub lost: Problems,
}

/// Values by their keys.
#[derive(Default)]
pub struct Values {
    pub values: BTreeMap<String, String>,
    pub lost: Problems,
}

impl Store {
    /// # Errors
    /// When a folder cannot be listed.
    pub fn key_files(&self, folder: &Path) -> Result<KeyFiles> {
        let mut found = KeyFiles::default();
        let mut folders = vec![(String::new(), folder.to_owned(), 0)];
        while let Some((prefix, folder, depth)) = folders.pop() {
            for entry in self.disk.entries(&folder)? {
                let key = format!("{prefix}{}", entry.name);
                match entry.kind {
                    EntryKind::File => found.files.push((key, entry.path)),
                    // As in MLflow, the folders of a key are no links, which could form a circle.
                    EntryKind::Folder if entry.path.is_symlink() || depth == MAX_DEPTH => {}
                    EntryKind::Folder => folders.push((format!("{key}/"), entry.path, depth + 1)),
                    EntryKind::Refused(reason) => {
                        found.lost.push((key, Error::permanent(reason).at(entry.path.display())));
                    }
                }
            }
        }
        found.files.sort();
        Ok(found)
    }

    /// The values in the folder `part` of an object. Those that are not UTF-8 are added to `problems`.
    ///
    /// # Errors
    /// As [`Self::values`].
    pub fn part(
        &self,
        object: &Path,
        part: &str,
        problems: &mut Problems,
    ) -> Result<BTreeMap<String, String>> {
        let Values { values, lost } = self.values(&object.join(part))?;
        problems.extend(lost.into_iter().map(|(key, error)| (format!("{part}/{key}"), error)));
        Ok(values)
    }

    /// # Errors
    /// When a folder cannot be listed or a file cannot be read. A value that is not UTF-8 costs only itself.
    pub fn values(&self, folder: &Path) -> Result<Values> {
        let KeyFiles { files, lost } = self.key_files(folder)?;
        let mut found = Values { lost, ..Values::default() };
        for (key, path) in files {
            match String::from_utf8(self.disk.read(&path)?) {
                Ok(value) => drop(found.values.insert(key, value)),
                Err(_) => {
                    found.lost.push((key, Error::permanent("its value is not UTF-8").at(path.display())));
                }
            }
        }
        Ok(found)
    }
}
