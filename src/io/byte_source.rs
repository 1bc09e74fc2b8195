use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::entities::S3Object;
use crate::error::Result;

/// A source of bytes. Each call of `open` returns the same bytes from the start.
#[async_trait]
pub trait ByteSource: Send + Sync {
    async fn open(&self) -> Result<BoxStream<'static, Result<Bytes>>>;

    /// The object in S3 with these bytes, if there is one and this machine can reach it. S3 can then copy it on the
    /// server side.
    async fn in_s3(&self) -> Option<S3Object> {
        None
    }

    /// The file with these bytes, if it is in a folder of this machine. Another folder can then receive it in one visit
    /// to a thread.
    async fn in_folder(&self) -> Option<FolderFile> {
        None
    }
}

/// A file below a folder.
pub struct FolderFile {
    pub root: PathBuf,
    /// The path below the root, with `/` between its parts. It may come from a server or an archive.
    pub path: String,
}
