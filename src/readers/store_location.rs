use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileStoreReader, Reader, SqlStoreReader, StoreArtifacts};
use crate::error::Result;
use crate::rest::ArtifactRoots;

/// The store of a tracking server, as `mlflow server --backend-store-uri` names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreLocation {
    /// A folder of files, usually `mlruns`.
    Files(PathBuf),
    Sqlite(PathBuf),
}

/// What a store itself does not say.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    pub workspace: Option<String>,
    pub artifact_roots: ArtifactRoots,
}

impl StoreLocation {
    /// Opens the store. This function blocks; for SQLite, for as long as copying the file takes.
    pub fn open(&self, options: &StoreOptions) -> Result<Arc<dyn Reader>> {
        let artifacts = |project: &Path, files: Option<&Path>| {
            StoreArtifacts::beside(project, files, options.artifact_roots.clone())
        };
        let folder_of = |path: &Path| path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
        Ok(match self {
            Self::Files(path) => {
                let path = absolute(path);
                Arc::new(FileStoreReader::open(&path, artifacts(&folder_of(&path), Some(&path)))?)
            }
            Self::Sqlite(path) => {
                let path = absolute(path);
                let artifacts = artifacts(&folder_of(&path), None);
                Arc::new(SqlStoreReader::sqlite(&path, options.workspace.clone(), artifacts)?)
            }
        })
    }

    /// The file or folder, if it is on this machine.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Files(path) | Self::Sqlite(path) => Some(path),
        }
    }

    /// What it is, for lists.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Files(_) => "file store",
            Self::Sqlite(_) => "database",
        }
    }
}

/// The same store has the same name, from any directory.
impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(path) | Self::Sqlite(path) => write!(f, "{}", absolute(path).display()),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
