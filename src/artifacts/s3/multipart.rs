use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, RequestPayer};

use super::failure::Action;
use super::parts::Part;
use super::upload_args::with_args;
use super::{Bucket, UploadArgs, checksum};
use crate::entities::S3Object;
use crate::error::{Class, Error, Result};

/// A multipart upload. It is aborted if it is dropped before it is completed.
pub struct Upload {
    pub(super) bucket: Bucket,
    pub(super) at: S3Object,
    pub(super) id: String,
    pub(super) payer: Option<RequestPayer>,
    pub(super) owner: Option<String>,
    is_completed: bool,
}

impl Upload {
    pub async fn begin(bucket: &Bucket, at: S3Object, args: &UploadArgs) -> Result<Self> {
        abort_older(bucket, &at).await;
        let action = Action { name: "s3:PutObject", at: &at };
        let answer = bucket
            .call(action, || {
                with_args!(bucket.client.create_multipart_upload(), args)
                    .bucket(&at.bucket)
                    .key(&at.key)
                    .checksum_algorithm(ChecksumAlgorithm::Sha256)
                    .send()
            })
            .await?;
        let id = answer.upload_id.ok_or_else(|| Error::permanent(format!("{at}: S3 started no upload")))?;
        Ok(Self {
            bucket: bucket.clone(),
            at,
            id,
            payer: args.request_payer.as_deref().map(RequestPayer::from),
            owner: args.expected_bucket_owner.clone(),
            is_completed: false,
        })
    }

    /// Returns a future that sends a part and does not borrow this object.
    pub fn part(
        &self,
        number: i32,
        part: Part,
    ) -> impl Future<Output = Result<CompletedPart>> + Send + 'static {
        let (bucket, at, id) = (self.bucket.clone(), self.at.clone(), self.id.clone());
        let (payer, owner) = (self.payer.clone(), self.owner.clone());
        async move {
            let sum = checksum::of(&part.bytes);
            let answer = bucket
                .call(Action { name: "s3:PutObject", at: &at }, || {
                    bucket
                        .client
                        .upload_part()
                        .bucket(&at.bucket)
                        .key(&at.key)
                        .upload_id(&id)
                        .part_number(number)
                        .checksum_algorithm(ChecksumAlgorithm::Sha256)
                        .checksum_sha256(&sum)
                        .set_request_payer(payer.clone())
                        .set_expected_bucket_owner(owner.clone())
                        .body(ByteStream::from(part.bytes.clone()))
                        .send()
                })
                .await?;
            bucket.meter.moved(part.bytes.len());
            checksum::check(&at, &sum, answer.checksum_sha256())?;
            Ok(completed(number, answer.e_tag, Some(sum)))
        }
    }

    /// Aborts the upload, and returns when S3 has done so.
    pub async fn abort(mut self) -> Result<()> {
        // Otherwise `Drop` would abort it a second time.
        self.is_completed = true;
        abort(&self.bucket, &self.at, &self.id).await
    }

    /// Completes the upload, so that the object exists.
    pub async fn complete(mut self, mut parts: Vec<CompletedPart>) -> Result<()> {
        parts.sort_by_key(CompletedPart::part_number);
        let sums: Vec<&str> = parts.iter().filter_map(CompletedPart::checksum_sha256).collect();
        let sum = checksum::of_parts(sums.into_iter());
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let answer = self
            .bucket
            .call(Action { name: "s3:PutObject", at: &self.at }, || {
                self.bucket
                    .client
                    .complete_multipart_upload()
                    .bucket(&self.at.bucket)
                    .key(&self.at.key)
                    .upload_id(&self.id)
                    .multipart_upload(list.clone())
                    .set_request_payer(self.payer.clone())
                    .set_expected_bucket_owner(self.owner.clone())
                    .send()
            })
            .await;
        let taken = match answer {
            Ok(answer) => answer.checksum_sha256,
            // The reply to an earlier try was lost. The checksum then shows that the object is this upload.
            Err(e) if e.class() == Class::NotFound => match self.bucket.head(&self.at.key).await? {
                head if head.raw_sha256.is_some() && head.raw_sha256 == sum => head.raw_sha256,
                _ => return Err(e),
            },
            Err(e) => return Err(e),
        };
        self.is_completed = true;
        match sum {
            Some(sum) => checksum::check(&self.at, &sum, taken.as_deref()),
            None => Ok(()),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.is_completed {
            return;
        }
        let (bucket, at, id) = (self.bucket.clone(), self.at.clone(), self.id.clone());
        self.bucket.unfinished.abort(async move { abort_or_warn(&bucket, &at, &id).await });
    }
}

pub fn completed(number: i32, tag: Option<String>, sum: Option<String>) -> CompletedPart {
    CompletedPart::builder().part_number(number).set_e_tag(tag).set_checksum_sha256(sum).build()
}

/// Aborts unfinished uploads of a killed process for the same object. If the permission to list them is missing, the
/// write continues.
async fn abort_older(bucket: &Bucket, at: &S3Object) {
    let action = Action { name: "s3:ListBucketMultipartUploads", at };
    let asked = bucket.call(action, || {
        let list = bucket.client.list_multipart_uploads().bucket(&at.bucket).prefix(&at.key);
        list.set_expected_bucket_owner(bucket.owner.clone()).send()
    });
    let left = match asked.await {
        Ok(answer) => answer.uploads.unwrap_or_default(),
        Err(e) => return tracing::debug!("earlier unfinished uploads cannot be listed: {e}"),
    };
    for upload in left.into_iter().filter(|upload| upload.key() == Some(&at.key)) {
        abort_or_warn(bucket, at, upload.upload_id().unwrap_or_default()).await;
    }
}

async fn abort_or_warn(bucket: &Bucket, at: &S3Object, id: &str) {
    if let Err(e) = abort(bucket, at, id).await {
        tracing::warn!("an unfinished upload to {at} could not be removed, and its storage costs money: {e}");
    }
}

/// Aborts an upload. An upload that is already aborted counts as success.
async fn abort(bucket: &Bucket, at: &S3Object, id: &str) -> Result<()> {
    let action = Action { name: "s3:AbortMultipartUpload", at };
    let asked = bucket.call(action, || {
        let abort = bucket.client.abort_multipart_upload().bucket(&at.bucket).key(&at.key).upload_id(id);
        abort.set_expected_bucket_owner(bucket.owner.clone()).send()
    });
    match asked.await {
        Ok(_) => Ok(()),
        Err(e) if e.class() == Class::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}
