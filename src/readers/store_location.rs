use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use super::{FileStoreReader, Login, MysqlAddress, PostgresAddress, Reader, SqlStoreReader, StoreArtifacts};
use crate::error::Result;
use crate::io::in_thread;
use crate::rest::ArtifactRoots;

/// The store of a tracking server, as `mlflow server --backend-store-uri` names it.
#[derive(Clone, Debug)]
pub enum StoreLocation {
    /// A folder of files, usually `mlruns`.
    Files(PathBuf),
    Sqlite(PathBuf),
    Postgres(Box<PostgresAddress>),
    /// MySQL or MariaDB.
    Mysql(Box<MysqlAddress>),
}

/// What a store itself does not say.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    pub workspace: Option<String>,
    /// The user and the password of a database, unless its address has them.
    pub username: Option<String>,
    pub password: Option<SecretString>,
    pub artifact_roots: ArtifactRoots,
}

impl StoreLocation {
    /// Opens the store; for SQLite, this takes as long as copying the file.
    pub async fn open(&self, options: StoreOptions) -> Result<Arc<dyn Reader>> {
        let StoreOptions { workspace, username: user, password, artifact_roots } = options;
        let login = Login { user, password };
        let artifacts = |project: &Path, files| StoreArtifacts::beside(project, files, artifact_roots);
        let folder_of = |path: &Path| path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
        Ok(match self {
            Self::Files(path) => {
                let path = absolute(path);
                let artifacts = artifacts(&folder_of(&path), Some(path.as_path()));
                in_thread(move || Ok(Arc::new(FileStoreReader::open(&path, artifacts)?) as _)).await?
            }
            Self::Sqlite(path) => {
                let path = absolute(path);
                let artifacts = artifacts(&folder_of(&path), None);
                in_thread(move || Ok(Arc::new(SqlStoreReader::sqlite(&path, workspace, artifacts)?) as _))
                    .await?
            }
            // A server's paths are relative to the folder in which it was started.
            Self::Postgres(address) => {
                let artifacts = artifacts(&std::env::current_dir()?, None);
                Arc::new(SqlStoreReader::postgres(address, login, workspace, artifacts).await?)
            }
            Self::Mysql(address) => {
                let artifacts = artifacts(&std::env::current_dir()?, None);
                Arc::new(SqlStoreReader::mysql(address, login, workspace, artifacts).await?)
            }
        })
    }

    /// The file or folder, if it is on this machine.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Files(path) | Self::Sqlite(path) => Some(path),
            Self::Postgres(_) | Self::Mysql(_) => None,
        }
    }

    /// What it is, for lists.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Files(_) => "file store",
            Self::Sqlite(_) | Self::Postgres(_) | Self::Mysql(_) => "database",
        }
    }
}

/// The same store has the same name, from any directory.
impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(path) | Self::Sqlite(path) => write!(f, "{}", absolute(path).display()),
            Self::Postgres(address) => address.fmt(f),
            Self::Mysql(address) => address.fmt(f),
        }
    }
}

impl Ord for StoreLocation {
    fn cmp(&self, other: &Self) -> Ordering {
        // File stores first.
        let key = |store: &Self| (store.kind() != "file store", store.to_string());
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for StoreLocation {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for StoreLocation {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for StoreLocation {}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
