use std::collections::HashMap;

use serde::Deserialize;

use super::content_type;
use crate::error::{Error, Result};

const VARIABLE: &str = "MLFLOW_S3_UPLOAD_EXTRA_ARGS";

/// The arguments for every object that is written: the keys of boto3's `ALLOWED_UPLOAD_ARGS` that do not change the
/// uploaded bytes or who can read them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct UploadArgs {
    #[serde(rename = "ACL")]
    pub acl: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    /// MLflow sends the value of `MLFLOW_S3_EXPECTED_BUCKET_OWNER` with every request, also when reading. This field
    /// takes precedence over it.
    pub expected_bucket_owner: Option<String>,
    pub grant_full_control: Option<String>,
    pub grant_read: Option<String>,
    #[serde(rename = "GrantReadACP")]
    pub grant_read_acp: Option<String>,
    #[serde(rename = "GrantWriteACP")]
    pub grant_write_acp: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
    pub request_payer: Option<String>,
    pub server_side_encryption: Option<String>,
    #[serde(rename = "SSEKMSKeyId")]
    pub ssekms_key_id: Option<String>,
    #[serde(rename = "SSEKMSEncryptionContext")]
    pub ssekms_encryption_context: Option<String>,
    pub bucket_key_enabled: Option<bool>,
    pub storage_class: Option<String>,
    pub tagging: Option<String>,
    pub website_redirect_location: Option<String>,
}

impl UploadArgs {
    /// Reads `MLFLOW_S3_UPLOAD_EXTRA_ARGS`.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) when the text is not JSON, or holds a key that would be ignored.
    pub fn from_env() -> Result<Self> {
        match std::env::var(VARIABLE) {
            Ok(text) if !text.trim().is_empty() => Self::parse(&text),
            _ => Ok(Self::default()),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        // It is first parsed as an object, because serde would also accept a list for a struct.
        let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
        object.and_then(|object| serde_json::from_value(object.into())).map_err(|e| {
            Error::usage(format!("{VARIABLE} is not valid: {e}")).hint(
                "it must be a JSON object with the names of boto3, such as \
                 {\"ServerSideEncryption\": \"aws:kms\", \"SSEKMSKeyId\": \"…\"}",
            )
        })
    }

    /// Adds the bucket owner that read requests also name, unless these arguments set one.
    pub fn of_owner(&self, owner: Option<&str>) -> Self {
        let mut args = self.clone();
        args.expected_bucket_owner = args.expected_bucket_owner.or(owner.map(str::to_owned));
        args
    }

    /// Adds the content type and encoding for the file's name, unless these arguments set them.
    pub fn of_file(&self, path: &str) -> Self {
        let mut args = self.clone();
        let (kind, encoding) = content_type::guess(path);
        args.content_type = args.content_type.or(kind.map(str::to_owned));
        args.content_encoding = args.content_encoding.or(encoding.map(str::to_owned));
        args
    }

    /// True when an argument sets metadata that a copy within S3 would otherwise take from the original.
    pub fn replaces_metadata(&self) -> bool {
        self.metadata.is_some()
            || [
                &self.cache_control,
                &self.content_disposition,
                &self.content_encoding,
                &self.content_language,
                &self.content_type,
                &self.website_redirect_location,
            ]
            .iter()
            .any(|one| one.is_some())
    }
}

/// Sets all arguments on a request. The requests that write objects have the same setters but no common trait.
macro_rules! with_args {
    ($request:expr, $args:expr) => {{
        use aws_sdk_s3::types::{ObjectCannedAcl, RequestPayer, ServerSideEncryption, StorageClass};
        let args: &$crate::artifacts::s3::UploadArgs = $args;
        $request
            .set_acl(args.acl.as_deref().map(ObjectCannedAcl::from))
            .set_cache_control(args.cache_control.clone())
            .set_content_disposition(args.content_disposition.clone())
            .set_content_encoding(args.content_encoding.clone())
            .set_content_language(args.content_language.clone())
            .set_content_type(args.content_type.clone())
            .set_expected_bucket_owner(args.expected_bucket_owner.clone())
            .set_grant_full_control(args.grant_full_control.clone())
            .set_grant_read(args.grant_read.clone())
            .set_grant_read_acp(args.grant_read_acp.clone())
            .set_grant_write_acp(args.grant_write_acp.clone())
            .set_metadata(args.metadata.clone())
            .set_request_payer(args.request_payer.as_deref().map(RequestPayer::from))
            .set_server_side_encryption(
                args.server_side_encryption.as_deref().map(ServerSideEncryption::from),
            )
            .set_ssekms_key_id(args.ssekms_key_id.clone())
            .set_ssekms_encryption_context(args.ssekms_encryption_context.clone())
            .set_bucket_key_enabled(args.bucket_key_enabled)
            .set_storage_class(args.storage_class.as_deref().map(StorageClass::from))
            .set_tagging(args.tagging.clone())
            .set_website_redirect_location(args.website_redirect_location.clone())
    }};
}
pub(super) use with_args;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boto3s_names_are_read() {
        let args = UploadArgs::parse(
            r#"{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k", "ACL": "private", "GrantReadACP": "x",
                "Metadata": {"team": "a"}, "BucketKeyEnabled": true}"#,
        )
        .unwrap();
        assert_eq!(args.ssekms_key_id.as_deref(), Some("k"));
        assert!(args.replaces_metadata() && !UploadArgs::default().replaces_metadata());
    }

    #[test]
    fn arguments_that_would_be_ignored_are_refused() {
        for text in [r#"{"SSECustomerKey": "x"}"#, r#"{"Acl": "private"}"#, "[]", "{"] {
            let error = UploadArgs::parse(text).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{text}");
            assert!(error.get_hint().is_some());
        }
        let error = UploadArgs::parse(r#"{"Typo": "x"}"#).unwrap_err();
        assert!(error.to_string().contains("`ServerSideEncryption`"), "{error}");
    }
}
