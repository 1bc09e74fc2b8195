//! Server-side copies in S3: the bytes do not pass through this machine.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, MetadataDirective, TaggingDirective};
use futures::{StreamExt, TryStreamExt, stream};

use super::failure::Action;
use super::multipart::{Upload, completed};
use super::read::Head;
use super::upload_args::with_args;
use super::{Bucket, UploadArgs, checksum};
use crate::artifacts::Digest;
use crate::entities::S3Object;
use crate::error::{Error, Result};
use crate::rest::encode_path;

/// The number of parts that S3 copies in parallel.
const MAX_CONCURRENT_PARTS: usize = 8;

impl Bucket {
    /// Copies an object of `source` to this bucket. Content type and metadata are copied unless `args` set them. Object
    /// tags are not copied, as with an upload (reading them needs more permissions).
    ///
    /// # Errors
    /// For example when these credentials may not read the source.
    pub async fn copy(
        &self,
        source: &Bucket,
        from: &S3Object,
        key: &str,
        args: &UploadArgs,
    ) -> Result<Digest> {
        let (head, args) = (source.head(&from.key).await?, args.of_owner(self.owner.as_deref()));
        let sha256 = match head.bytes <= self.limits.copy {
            true => self.copy_whole(from, &head, key, args).await?,
            false => self.copy_parts(from, &head, key, args).await?,
        };
        Ok(Digest { bytes: head.bytes, sha256 })
    }

    /// Copies in one request. Returns the checksum that S3 computed for the copy.
    async fn copy_whole(
        &self,
        from: &S3Object,
        head: &Head,
        key: &str,
        args: UploadArgs,
    ) -> Result<Option<String>> {
        let at = self.object(key);
        let replaces = args.replaces_metadata();
        let args = if replaces { args.of_file(key) } else { args };
        let metadata = if replaces { MetadataDirective::Replace } else { MetadataDirective::Copy };
        let answer = self
            .call(Action { name: "s3:PutObject", at: &at }, || {
                with_args!(self.client.copy_object(), &args)
                    .bucket(&self.name)
                    .key(key)
                    .copy_source(place(from))
                    .set_copy_source_if_match(head.tag.clone())
                    .metadata_directive(metadata.clone())
                    .tagging_directive(TaggingDirective::Replace)
                    .checksum_algorithm(ChecksumAlgorithm::Sha256)
                    .send()
            })
            .await?;
        let copied = answer.copy_object_result();
        let is_whole = copied.is_some_and(|copied| copied.checksum_type() != Some(&ChecksumType::Composite));
        let sha256 = copied.filter(|_| is_whole).and_then(|copied| checksum::whole(copied.checksum_sha256()));
        match (&head.sha256, &sha256) {
            (Some(old), Some(new)) if old != new => {
                Err(Error::transient(format!("{at}: the copy differs from the original")))
            }
            _ => Ok(sha256),
        }
    }

    /// Copies in parts. The result has no checksum of the whole object, because the bytes are not read in sequence. S3
    /// checks each part, and this function checks the size.
    async fn copy_parts(
        &self,
        from: &S3Object,
        head: &Head,
        key: &str,
        args: UploadArgs,
    ) -> Result<Option<String>> {
        let args = if args.replaces_metadata() { args.of_file(key) } else { head.described(args) };
        let upload = Upload::begin(self, self.object(key), &args).await?;
        let size = self.limits.copy_part.max(head.bytes.div_ceil(10_000));
        let starts = (0..head.bytes).step_by(usize::try_from(size).unwrap_or(usize::MAX));
        let parts = starts.zip(1..).map(|(start, number)| {
            let end = head.bytes.min(start + size) - 1;
            self.copy_part(&upload, from, head, (number, start, end))
        });
        let parts = stream::iter(parts.collect::<Vec<_>>())
            .buffer_unordered(MAX_CONCURRENT_PARTS)
            .try_collect()
            .await?;
        upload.complete(parts).await?;
        let copied_bytes = self.head(key).await?.bytes;
        if copied_bytes != head.bytes {
            return Err(Error::transient(format!(
                "{}: {copied_bytes} bytes were copied of {}",
                self.object(key),
                head.bytes
            )));
        }
        Ok(None)
    }

    async fn copy_part(
        &self,
        upload: &Upload,
        from: &S3Object,
        head: &Head,
        (number, start, end): (i32, u64, u64),
    ) -> Result<aws_sdk_s3::types::CompletedPart> {
        let answer = self
            .call(Action { name: "s3:PutObject", at: &upload.at }, || {
                self.client
                    .upload_part_copy()
                    .bucket(&upload.at.bucket)
                    .key(&upload.at.key)
                    .upload_id(&upload.id)
                    .part_number(number)
                    .copy_source(place(from))
                    .copy_source_range(format!("bytes={start}-{end}"))
                    .set_copy_source_if_match(head.tag.clone())
                    .set_request_payer(upload.payer.clone())
                    .set_expected_bucket_owner(upload.owner.clone())
                    .send()
            })
            .await?;
        let copied = answer.copy_part_result;
        let (tag, sum) = copied.map(|copied| (copied.e_tag, copied.checksum_sha256)).unwrap_or_default();
        Ok(completed(number, tag, sum))
    }
}

/// The source as the header of the request names it.
fn place(from: &S3Object) -> String {
    encode_path(&format!("{}/{}", from.bucket, from.key))
}
