use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Reader, SqlStoreReader, StoreArtifacts};
use crate::error::{Error, Result};
use crate::rest::ArtifactRoots;

/// The store of a tracking server, as `mlflow server --backend-store-uri` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreLocation {
    Sqlite(PathBuf),
}

/// What a store itself does not say.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    pub workspace: Option<String>,
    pub artifact_roots: ArtifactRoots,
}

impl StoreLocation {
    /// `None` if the text names something else: a server, or an export directory.
    ///
    /// # Errors
    /// When it names a store that cannot be read without its server.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (dialect, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
        match dialect {
            "sqlite" => sqlite_path(text, rest).map(Self::Sqlite).map(Some),
            "mssql" => Err(Error::usage("mlferry does not read SQL Server without an MLflow server")
                .hint("start one and give its address: mlflow server --backend-store-uri mssql+pyodbc://… --port 5000")),
            "" | "file" => Ok(Self::at(Path::new(text.strip_prefix("file://").unwrap_or(text)))),
            _ => Ok(None),
        }
    }

    /// The store at a path.
    fn at(path: &Path) -> Option<Self> {
        let is_database = path.is_file()
            && path.extension().is_some_and(|ext| {
                ["db", "sqlite", "sqlite3"].iter().any(|known| ext.eq_ignore_ascii_case(known))
            });
        is_database.then(|| Self::Sqlite(path.to_owned()))
    }

    /// Opens the store. This function blocks; for SQLite, for as long as copying the file takes.
    pub fn open(&self, options: &StoreOptions) -> Result<Arc<dyn Reader>> {
        let artifacts = |folder: &Path| StoreArtifacts::beside(folder, options.artifact_roots.clone());
        Ok(match self {
            Self::Sqlite(path) => {
                let path = std::path::absolute(path)?;
                let folder = path.parent().unwrap_or(Path::new("/"));
                Arc::new(SqlStoreReader::sqlite(&path, options.workspace.clone(), artifacts(folder))?)
            }
        })
    }
}

/// The path in SQLAlchemy's spelling: `sqlite:///relative.db`, `sqlite:////absolute.db`; parameters may follow.
fn sqlite_path(text: &str, rest: &str) -> Result<PathBuf> {
    let path = rest.split('?').next().unwrap_or(rest);
    let path = path.strip_prefix('/').filter(|path| !path.is_empty());
    // In memory, or a host.
    let path = path.filter(|path| *path != ":memory:").ok_or_else(|| {
        Error::usage(format!("{text} names no file")).hint(
            "write sqlite:///mlflow.db for a file here, or sqlite:////data/mlflow.db for an absolute path",
        )
    })?;
    Ok(PathBuf::from(path))
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", absolute(path).display()),
        }
    }
}

/// The same store has the same name, from any directory.
fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
