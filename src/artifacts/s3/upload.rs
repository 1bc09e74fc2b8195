use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use backon::{ExponentialBuilder, Retryable};
use tokio::task::JoinSet;

use super::failure::Action;
use super::multipart::Upload;
use super::parts::{Part, Parts, part_size};
use super::upload_args::with_args;
use super::{Bucket, UploadArgs, checksum};
use crate::error::{Class, Error, Result};
use crate::io::ByteSource;

/// How often a file is sent again when its source breaks off.
const MAX_RETRIES: usize = 4;
/// The number of parts of one file that are sent in parallel.
const MAX_CONCURRENT_PARTS: usize = 8;

/// The side that failed. An error of S3 is final: the SDK has already repeated the request.
#[derive(Debug)]
pub enum Broken {
    Source(Error),
    Store(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Broken {
    pub fn into_error(self) -> Error {
        match self {
            Self::Source(error) | Self::Store(error) => error,
        }
    }

    fn may_be_repeated(&self) -> bool {
        matches!(self, Self::Source(error) if error.class() == Class::Transient)
    }
}

impl Bucket {
    /// Writes a file: in one request if it is small, otherwise in parts. `size` is the announced size.
    pub async fn put(
        &self,
        key: &str,
        size: Option<u64>,
        source: &dyn ByteSource,
        args: &UploadArgs,
    ) -> Result<(), Broken> {
        let args = args.of_owner(self.owner.as_deref()).of_file(key);
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(20))
            .with_jitter()
            .with_max_times(MAX_RETRIES);
        let sent = (|| self.put_once(key, size, source, &args))
            .retry(backoff)
            .when(Broken::may_be_repeated)
            .notify(|_, delay| {
                self.meter.retry();
                tracing::warn!(
                    "{}: its source broke off; again in {:.1} s",
                    self.object(key),
                    delay.as_secs_f64()
                );
            });
        sent.await
    }

    async fn put_once(
        &self,
        key: &str,
        size: Option<u64>,
        source: &dyn ByteSource,
        args: &UploadArgs,
    ) -> Result<(), Broken> {
        let bytes = source.open().await.map_err(Broken::Source)?;
        let part = part_size(size, self.limits.part);
        let mut parts = Parts::new(bytes, part, self.memory.clone(), self.limits.memory)?;
        match parts.next(size).await.map_err(Broken::Source)? {
            Some(first) if first.is_full => self.put_parts(key, first, parts, args).await,
            first => Ok(self.put_whole(key, first, args).await?),
        }
    }

    /// Writes a file in one request. An empty file has no part.
    async fn put_whole(&self, key: &str, part: Option<Part>, args: &UploadArgs) -> Result<()> {
        let at = self.object(key);
        let bytes = part.as_ref().map(|part| part.bytes.clone()).unwrap_or_default();
        let sum = checksum::of(&bytes);
        let answer = self
            .call(Action { name: "s3:PutObject", at: &at }, || {
                with_args!(self.client.put_object(), args)
                    .bucket(&self.name)
                    .key(key)
                    .checksum_algorithm(ChecksumAlgorithm::Sha256)
                    .checksum_sha256(&sum)
                    .body(ByteStream::from(bytes.clone()))
                    .send()
            })
            .await?;
        self.meter.moved(bytes.len());
        checksum::check(&at, &sum, answer.checksum_sha256())
    }

    async fn put_parts(
        &self,
        key: &str,
        first: Part,
        mut parts: Parts,
        args: &UploadArgs,
    ) -> Result<(), Broken> {
        let upload = Upload::begin(self, self.object(key), args).await?;
        let (mut sending, mut sent) = (JoinSet::new(), Vec::new());
        let (mut next, mut number) = (Some(first), 0);
        while let Some(part) = next {
            number += 1;
            while sending.len() >= MAX_CONCURRENT_PARTS {
                sent.extend(finished_part(sending.join_next().await)?);
            }
            sending.spawn(upload.part(number, part));
            // A refused part aborts the file at once.
            while let Some(one) = sending.try_join_next() {
                sent.extend(finished_part(Some(one))?);
            }
            next = parts.next(None).await.map_err(Broken::Source)?;
        }
        while !sending.is_empty() {
            sent.extend(finished_part(sending.join_next().await)?);
        }
        Ok(upload.complete(sent).await?)
    }
}

/// The result of a part that was sent in the background.
fn finished_part<T>(joined: Option<Result<Result<T>, tokio::task::JoinError>>) -> Result<Option<T>> {
    match joined {
        None => Ok(None),
        Some(Ok(result)) => result.map(Some),
        Some(Err(e)) => Err(Error::permanent(format!("the upload of a part failed: {e}"))),
    }
}
