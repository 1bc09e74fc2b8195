use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::entities::S3Object;
use crate::error::Result;

/// Gives the same bytes from the start at every try.
#[async_trait]
pub trait ByteSource: Send + Sync {
    async fn open(&self) -> Result<BoxStream<'static, Result<Bytes>>>;

    /// The object in S3 that holds these bytes, where there is one that this machine reaches: S3 can then copy it by
    /// itself.
    async fn in_s3(&self) -> Option<S3Object> {
        None
    }
}
