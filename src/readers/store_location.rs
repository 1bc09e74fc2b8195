use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::store_search::stores_in;
use super::{FileStoreReader, Reader, SqlStoreReader, StoreArtifacts};
use crate::error::{Error, Result};
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
    /// Reads a URI in SQLAlchemy's spelling, a `file:` URI or a path. `None` if the text names something else: a server,
    /// or an export directory.
    ///
    /// # Errors
    /// When it names a store that cannot be read without its server, or a folder with several stores.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (dialect, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
        match dialect.to_ascii_lowercase().as_str() {
            "sqlite" => sqlite_path(text, rest).map(Self::Sqlite).map(Some),
            "mssql" => Err(Error::usage("mlferry does not read SQL Server without an MLflow server").hint(
                "start one and give its address: mlflow server --backend-store-uri mssql+pyodbc://… --port 5000",
            )),
            "" | "file" => Self::at(&path_of(text)),
            _ => Ok(None),
        }
    }

    /// The store at a path, or the only one in a folder.
    fn at(path: &Path) -> Result<Option<Self>> {
        let stores = stores_in(path);
        match stores.len() {
            0 | 1 => Ok(stores.into_iter().next()),
            _ => Err(Error::usage(format!("{} holds several stores: {}", path.display(), names_of(&stores)))
                .hint("give one of them; an import of each moves them all")),
        }
    }

    /// Opens the store. This function blocks; for SQLite, for as long as copying the file takes.
    pub fn open(&self, options: &StoreOptions) -> Result<Arc<dyn Reader>> {
        let artifacts = |folder: &Path| StoreArtifacts::beside(folder, options.artifact_roots.clone());
        Ok(match self {
            Self::Files(path) => {
                let path = absolute(path);
                Arc::new(FileStoreReader::open(&path, artifacts(&path))?)
            }
            Self::Sqlite(path) => {
                let path = absolute(path);
                let folder = path.parent().unwrap_or(Path::new("/"));
                Arc::new(SqlStoreReader::sqlite(&path, options.workspace.clone(), artifacts(folder))?)
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

/// The locations of some stores, for a message.
pub fn names_of(stores: &[StoreLocation]) -> String {
    const MOST: usize = 5;
    let names: Vec<String> = stores.iter().take(MOST).map(StoreLocation::to_string).collect();
    let more = stores.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// A path, or the path of a `file:` URI, in which parts may be percent-encoded.
fn path_of(text: &str) -> PathBuf {
    if text.starts_with("file:")
        && let Some(path) = crate::artifacts::folder(text)
    {
        return path;
    }
    let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:"));
    PathBuf::from(path.unwrap_or(text))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_known_in_every_spelling() {
        let sqlite = |path: &str| Some(StoreLocation::Sqlite(PathBuf::from(path)));
        assert_eq!(StoreLocation::parse("sqlite:///mlflow.db").unwrap(), sqlite("mlflow.db"));
        assert_eq!(
            StoreLocation::parse("sqlite+pysqlite:////data/a b.db?timeout=5").unwrap(),
            sqlite("/data/a b.db")
        );
        for other in ["http://host:5000", "arn:aws:sagemaker:x", "s3://bucket/x", "/not/there"] {
            assert_eq!(StoreLocation::parse(other).unwrap(), None, "{other}");
        }
        for bad in ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mssql+pyodbc://u:p@h/db"] {
            let error = StoreLocation::parse(bad).unwrap_err();
            assert!(error.get_hint().is_some() && !error.to_string().contains("u:p"), "{error}");
        }
    }
}
