use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, stream};

use super::s3::Bucket;
use super::{ByteStream, local};
use crate::entities::{FileEntry, S3Object};
use crate::error::{Error, Result};
use crate::rest::Pages;

/// Something that holds files under keys, and that this machine reads without the tracking server.
#[async_trait]
pub trait Store: Send + Sync {
    /// Tells whether what lies below the prefix can be listed and read.
    async fn look(&self, prefix: &str) -> Result<()>;

    /// Every file below the prefix, by its path from there on.
    fn list(&self, prefix: &str) -> Pages<'static, FileEntry>;

    async fn get(&self, key: &str) -> Result<ByteStream>;

    /// The checksum that the store itself has of all of a file's bytes, hexadecimal.
    async fn sha256(&self, _key: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

/// An artifact root within a store.
pub struct Root {
    pub(super) store: Arc<dyn Store>,
    pub(super) prefix: String,
    /// Where that is in S3.
    pub(super) object: Option<S3Object>,
}

impl Root {
    pub fn files(&self) -> Pages<'static, FileEntry> {
        self.store.list(&self.prefix)
    }

    pub async fn open(&self, path: &str) -> Result<ByteStream> {
        self.store.get(&self.key(path)).await
    }

    pub async fn sha256(&self, path: &str) -> Result<Option<String>> {
        self.store.sha256(&self.key(path)).await
    }

    pub fn in_s3(&self, path: &str) -> Option<S3Object> {
        self.object.as_ref().map(|root| root.below(path))
    }

    fn key(&self, path: &str) -> String {
        if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }
}

#[async_trait]
impl Store for Bucket {
    async fn look(&self, prefix: &str) -> Result<()> {
        Bucket::look(self, prefix).await
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

/// Folders of this machine; keys are absolute paths.
pub struct Folders;

#[async_trait]
impl Store for Folders {
    async fn look(&self, prefix: &str) -> Result<()> {
        tokio::fs::read_dir(prefix).await.map(drop).map_err(|e| Error::from(e).at(prefix))
    }

    fn list(&self, prefix: &str) -> Pages<'static, FileEntry> {
        let root = Path::new(prefix).to_owned();
        let walked = async move {
            let walked = tokio::task::spawn_blocking(move || local::walk(&root)).await;
            walked.map_err(|e| Error::permanent(e.to_string()))?
        };
        stream::once(walked).boxed()
    }

    async fn get(&self, key: &str) -> Result<ByteStream> {
        local::open(Path::new(key)).await
    }
}
