use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, stream};

use super::s3::Bucket;
use super::walk::{Walked, walk};
use super::{ByteStream, local};
use crate::entities::{FileEntry, S3Object};
use crate::error::{Error, Result};
use crate::io::{Pages, in_thread};

/// The container of all local folders, for messages.
pub const FOLDERS: &str = "folders of this machine";

/// A store that holds files under keys. This machine reads it without the tracking server.
#[async_trait]
pub trait Store: Send + Sync {
    /// Checks whether the files below the prefix can be listed and read.
    async fn probe(&self, prefix: &str) -> Result<()>;

    /// Every file below the prefix, with its path relative to the prefix.
    fn list(&self, prefix: &str) -> Pages<'static, FileEntry>;

    async fn get(&self, key: &str) -> Result<ByteStream>;

    /// The store's own checksum of the whole file, hexadecimal.
    async fn sha256(&self, _key: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

/// An artifact root within a store.
pub struct Root {
    pub(super) store: Arc<dyn Store>,
    pub(super) prefix: String,
    /// The location in S3, if the root is there.
    pub(super) object: Option<S3Object>,
    pub(super) is_folder: bool,
    pub(super) container: String,
}

impl Root {
    /// A folder of this machine.
    pub fn of_folder(folder: &Path) -> Self {
        let (prefix, container) = (folder.display().to_string(), FOLDERS.to_owned());
        Self { store: Arc::new(LocalStore), prefix, object: None, is_folder: true, container }
    }

    pub fn files(&self) -> Pages<'static, FileEntry> {
        self.store.list(&self.prefix)
    }

    pub async fn open(&self, path: &str) -> Result<ByteStream> {
        match self.folder() {
            Some(folder) => local::open_below(folder, path).await,
            None => self.store.get(&self.key(path)).await,
        }
    }

    /// The name of the bucket, container or folder tree of this root, for messages.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The local folder, if the root is one.
    pub fn folder(&self) -> Option<&Path> {
        self.is_folder.then(|| Path::new(&self.prefix))
    }

    pub async fn sha256(&self, path: &str) -> Result<Option<String>> {
        self.store.sha256(&self.key(path)).await
    }

    pub fn in_s3(&self, path: &str) -> Option<S3Object> {
        self.object.as_ref().map(|root| root.below(path))
    }

    fn key(&self, path: &str) -> String {
        let slash = if self.prefix.is_empty() || self.prefix.ends_with('/') { "" } else { "/" };
        format!("{}{slash}{path}", self.prefix)
    }
}

#[async_trait]
impl Store for Bucket {
    async fn probe(&self, prefix: &str) -> Result<()> {
        Bucket::probe(self, prefix).await
    }

    fn list(&self, prefix: &str) -> Pages<'static, FileEntry> {
        Bucket::list(self, prefix)
    }

    async fn get(&self, key: &str) -> Result<ByteStream> {
        Bucket::get(self, key).await
    }

    async fn sha256(&self, key: &str) -> Result<Option<String>> {
        Ok(self.head(key).await?.sha256)
    }
}

/// Local folders. Keys are absolute paths.
pub struct LocalStore;

#[async_trait]
impl Store for LocalStore {
    async fn probe(&self, prefix: &str) -> Result<()> {
        tokio::fs::read_dir(prefix).await.map(drop).map_err(|e| Error::from(e).at(prefix))
    }

    fn list(&self, prefix: &str) -> Pages<'static, FileEntry> {
        let root = Path::new(prefix).to_owned();
        let walked = async move {
            match in_thread(move || Ok(walk(&root))).await {
                // The error comes after all files that could be read.
                Ok(Walked { files, unread }) => stream::iter([Ok(files)].into_iter().chain(unread.map(Err))),
                Err(error) => stream::iter([Err(error)].into_iter().chain(None)),
            }
        };
        walked.flatten_stream().boxed()
    }

    async fn get(&self, key: &str) -> Result<ByteStream> {
        local::open(Path::new(key)).await
    }
}
