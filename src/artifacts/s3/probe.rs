//! Checks whether a bucket can be used, with one small object and one multipart upload. Both are removed at the end.

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::failure::Action;
use super::multipart::Upload;
use super::{Broken, Bucket, UploadArgs};
use crate::artifacts::ByteStream;
use crate::error::{Error, Result};
use crate::io::ByteSource;

const CONTENT: &[u8] = b"written by mlferry to test its permissions; it can be deleted\n";

/// The result of one trial.
pub struct S3Probe {
    pub what: &'static str,
    /// The IAM name.
    pub action: &'static str,
    pub result: Result<()>,
}

impl Bucket {
    /// The region. `None` when S3 did not report it.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Checks whether the objects below the prefix can be listed.
    pub async fn can_list(&self, prefix: &str) -> Result<()> {
        self.page(prefix, None).await.map(drop)
    }

    /// Writes, reads and deletes an object under this key in the same way as a file. Then it starts and aborts a
    /// multipart upload to it. Steps that depend on a failed step are skipped.
    pub async fn trials(&self, key: &str, args: &UploadArgs) -> Vec<S3Probe> {
        let mut trials = Vec::new();
        let mut tried = |what, action, result: Result<()>| {
            let is_done = result.is_ok();
            trials.push(S3Probe { what, action, result });
            is_done
        };
        if tried(
            "put object",
            "s3:PutObject",
            self.put(key, Some(CONTENT.len() as u64), &Content, args).await.map_err(Broken::into_error),
        ) {
            tried("get object", "s3:GetObject", self.reads(key).await);
            let deleted = self.delete(key).await;
            let deleted = deleted.map_err(|error| error.at(format!("{} was not deleted", self.object(key))));
            tried("delete object", "s3:DeleteObject", deleted);
        }
        match Upload::begin(self, self.object(key), args).await {
            Ok(upload) => {
                tried("multipart upload", "s3:PutObject", Ok(()));
                tried("abort upload", "s3:AbortMultipartUpload", upload.abort().await);
            }
            Err(error) => {
                tried("multipart upload", "s3:PutObject", Err(error));
            }
        }
        trials
    }

    async fn reads(&self, key: &str) -> Result<()> {
        let read: Vec<Bytes> = self.get(key).await?.try_collect().await?;
        match read.concat() == CONTENT {
            true => Ok(()),
            false => Err(Error::permanent(format!("{} has other bytes than were written", self.object(key)))),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let at = self.object(key);
        let delete = || {
            let delete = self.client.delete_object().bucket(&at.bucket).key(&at.key);
            delete.set_expected_bucket_owner(self.owner.clone()).send()
        };
        self.call(Action { name: "s3:DeleteObject", at: &at }, delete).await.map(drop)
    }
}

struct Content;

#[async_trait]
impl ByteSource for Content {
    async fn open(&self) -> Result<ByteStream> {
        Ok(stream::once(async { Ok(Bytes::from_static(CONTENT)) }).boxed())
    }
}
