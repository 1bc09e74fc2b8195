use std::time::Duration;

use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream as Body;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType, EncodingType};
use futures::{StreamExt, stream};

use super::failure::Action;
use super::{Bucket, UploadArgs, checksum};
use crate::artifacts::ByteStream;
use crate::entities::{FileEntry, S3Object};
use crate::error::{Error, Result};
use crate::io::Pages;

/// How often one file is resumed without a new byte in between.
const MAX_BREAKS: u32 = 5;

/// The properties of an object in S3.
pub struct Head {
    pub bytes: u64,
    pub tag: Option<String>,
    /// The checksum as S3 writes it, composite or not.
    pub raw_sha256: Option<String>,
    /// Hexadecimal, of the whole object.
    pub sha256: Option<String>,
    /// The headers that its owner has set.
    headers: UploadArgs,
}

impl Head {
    /// The arguments for a copy whose `args` set no header of the content: this object's own headers, and `args` for
    /// the rest.
    pub fn described(&self, args: UploadArgs) -> UploadArgs {
        let headers = self.headers.clone();
        UploadArgs {
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_type: headers.content_type,
            metadata: headers.metadata,
            ..args
        }
    }
}

impl Bucket {
    pub async fn head(&self, key: &str) -> Result<Head> {
        let at = self.object(key);
        let answer = self
            .call(Action { name: "s3:GetObject", at: &at }, || {
                let head = self.client.head_object().bucket(&self.name).key(key);
                head.checksum_mode(ChecksumMode::Enabled).set_expected_bucket_owner(self.owner.clone()).send()
            })
            .await?;
        // The tag also shows it, if an S3-compatible store (moto) does not report the checksum type.
        let is_composite = answer.checksum_type() == Some(&ChecksumType::Composite)
            || answer.e_tag().is_some_and(|tag| tag.contains('-'));
        Ok(Head {
            bytes: answer.content_length().unwrap_or_default().unsigned_abs(),
            sha256: checksum::whole(answer.checksum_sha256()).filter(|_| !is_composite),
            raw_sha256: answer.checksum_sha256,
            tag: answer.e_tag,
            headers: UploadArgs {
                cache_control: answer.cache_control,
                content_disposition: answer.content_disposition,
                content_encoding: answer.content_encoding,
                content_language: answer.content_language,
                content_type: answer.content_type,
                metadata: answer.metadata,
                ..UploadArgs::default()
            },
        })
    }

    /// Every object below a prefix, with its path relative to the prefix.
    pub fn list(&self, prefix: &str) -> Pages<'static, FileEntry> {
        let (bucket, prefix) = (self.clone(), folder(prefix));
        stream::try_unfold(Some(None), move |token: Option<Option<String>>| {
            let (bucket, prefix) = (bucket.clone(), prefix.clone());
            async move {
                let Some(token) = token else { return Ok(None) };
                let (files, next) = bucket.page(&prefix, token).await?;
                Ok(Some((files, next.map(Some))))
            }
        })
        .boxed()
    }

    pub(super) async fn page(
        &self,
        prefix: &str,
        token: Option<String>,
    ) -> Result<(Vec<FileEntry>, Option<String>)> {
        let at = self.object(prefix);
        let answer = self
            .call(Action { name: "s3:ListBucket", at: &at }, || {
                let list = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
                // A key may hold characters that XML cannot express. Without the encoding, the listing would end there.
                let list = list.encoding_type(EncodingType::Url);
                let list = list.set_continuation_token(token.clone());
                list.set_expected_bucket_owner(self.owner.clone()).send()
            })
            .await?;
        let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
        let files = answer.contents().iter().filter_map(|object| {
            let key = if is_encoded { decoded(object.key()?) } else { object.key()?.to_owned() };
            let (path, size) = (key.strip_prefix(prefix)?, object.size().map(i64::unsigned_abs));
            // An empty object that a console creates to show an empty folder is not a file. An object with bytes is a
            // file, even if it has no name.
            let is_marker = (path.is_empty() || path.ends_with('/')) && size == Some(0);
            (!is_marker).then(|| FileEntry { stamp: object.e_tag().map(tag), ..FileEntry::new(path, size) })
        });
        let files = files.collect();
        Ok((files, next(&at, answer.next_continuation_token, answer.is_truncated, token.as_deref())?))
    }

    /// Checks whether the objects below the prefix can be listed and read.
    pub async fn probe(&self, prefix: &str) -> Result<()> {
        let prefix = folder(prefix);
        let (files, _) = self.page(&prefix, None).await?;
        match files.first() {
            Some(file) => self.head(&format!("{prefix}{}", file.path)).await.map(drop),
            None => Ok(()),
        }
    }

    /// The bytes of an object. A broken connection is resumed at the same offset, as long as the object has not
    /// changed.
    pub async fn get(&self, key: &str) -> Result<ByteStream> {
        let at = self.object(key);
        let first = self.request(&at, 0, None).await?;
        let size = first.content_length().unwrap_or_default().unsigned_abs();
        let reading = Reading {
            bucket: self.clone(),
            at,
            tag: first.e_tag,
            size,
            offset: 0,
            breaks: 0,
            body: first.body,
        };
        Ok(stream::try_unfold(reading, Reading::next).boxed())
    }

    async fn request(&self, at: &S3Object, offset: u64, tag: Option<&str>) -> Result<GetObjectOutput> {
        self.call(Action { name: "s3:GetObject", at }, || {
            let get = self.client.get_object().bucket(&at.bucket).key(&at.key);
            get.set_range((offset > 0).then(|| format!("bytes={offset}-")))
                .set_if_match(tag.map(str::to_owned))
                .set_expected_bucket_owner(self.owner.clone())
                .send()
        })
        .await
    }
}

/// A file that is being read.
struct Reading {
    bucket: Bucket,
    at: S3Object,
    tag: Option<String>,
    size: u64,
    offset: u64,
    /// The number of breaks since the last byte.
    breaks: u32,
    body: Body,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(bytes::Bytes, Self)>> {
        loop {
            let reason = match self.body.next().await {
                Some(Ok(bytes)) => {
                    self.bucket.meter.moved(bytes.len());
                    self.offset += bytes.len() as u64;
                    self.breaks = 0;
                    return Ok(Some((bytes, self)));
                }
                None if self.offset == self.size => return Ok(None),
                None => "the connection ended too early".to_owned(),
                Some(Err(e)) => DisplayErrorContext(e).to_string(),
            };
            // After the last byte there is nothing to resume: the error is about the whole object, such as its
            // checksum. Without a tag it is unknown whether the rest belongs to the same file.
            if self.offset >= self.size || self.breaks == MAX_BREAKS || self.tag.is_none() {
                return Err(Error::transient(format!("{}: {reason}", self.at)));
            }
            self.breaks += 1;
            self.bucket.meter.retry();
            tracing::warn!(
                "{} broke off at byte {}: {reason}; reading continues there",
                self.at,
                self.offset
            );
            tokio::time::sleep(Duration::from_millis(200) * 2_u32.pow(self.breaks)).await;
            let rest = self.bucket.request(&self.at, self.offset, self.tag.as_deref()).await?;
            if !begins_at(rest.content_range(), self.offset) {
                return Err(Error::transient(format!(
                    "{}: {reason}, and the store does not return parts of files",
                    self.at
                )));
            }
            self.body = rest.body;
        }
    }
}

/// The token for the next page of a listing. An S3-compatible store may truncate a listing without a token, or start
/// again from the beginning. The rest would then be missing without an error.
fn next(
    at: &S3Object,
    next: Option<String>,
    is_cut: Option<bool>,
    now: Option<&str>,
) -> Result<Option<String>> {
    match next.filter(|next| is_cut != Some(false) && !next.is_empty()) {
        Some(next) if Some(next.as_str()) != now => Ok(Some(next)),
        None if is_cut != Some(true) => Ok(None),
        _ => Err(Error::permanent(format!("{at}: the store truncates its listing, without a token for the next page"))
            .hint("its ListObjectsV2 differs from S3's: remove the S3 credentials of this machine, so that files are read through the server")),
    }
}

/// True when an answer begins at this offset. A store that ignores ranges sends the file from its beginning.
fn begins_at(range: Option<&str>, offset: u64) -> bool {
    offset == 0 || range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

/// The common prefix of all keys below a root. A root may end with a slash of its own.
fn folder(prefix: &str) -> String {
    if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") }
}

/// A key of a URL-encoded listing. It is encoded as in a form: a space is a plus sign (as in botocore 1.43,
/// `handlers.py`, `decode_list_object`).
fn decoded(key: &str) -> String {
    let spaced = key.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn tag(tag: &str) -> String {
    format!("tag {tag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_listing_is_not_complete() {
        let at = S3Object::parse("s3://b/k").unwrap();
        let go = |token: Option<&str>, is_cut, now| next(&at, token.map(str::to_owned), is_cut, now);
        assert_eq!(go(Some("t"), Some(true), None).unwrap().as_deref(), Some("t"));
        assert_eq!(go(Some("t"), None, Some("s")).unwrap().as_deref(), Some("t"));
        assert_eq!((go(None, None, None).unwrap(), go(Some("t"), Some(false), None).unwrap()), (None, None));
        assert!(go(None, Some(true), None).is_err() && go(Some("t"), Some(true), Some("t")).is_err());
    }

    #[test]
    fn keys_are_decoded_as_they_were_encoded() {
        assert_eq!(decoded("a+b%2Bc%2Fd%25%0A/%E9%83%A8"), "a b+c/d%\n/部");
        assert!(begins_at(Some("bytes 5-9/10"), 5) && begins_at(None, 0));
        assert!(!begins_at(None, 5) && !begins_at(Some("bytes 0-9/10"), 5));
        assert_eq!((folder(""), folder("a"), folder("a/")), (String::new(), "a/".into(), "a/".into()));
    }
}
