//! Converts error answers of S3.

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::aws::credentials_trouble;
use crate::entities::S3Object;
use crate::error::{Cause, Class, Code, Error};

/// The requested action and its object.
#[derive(Clone, Copy)]
pub struct Action<'a> {
    /// The IAM name, such as `s3:PutObject`.
    pub name: &'static str,
    pub at: &'a S3Object,
}

/// The error codes of S3 for expired credentials.
pub fn has_ended(error: &impl ProvideErrorMetadata) -> bool {
    matches!(error.code(), Some("ExpiredToken" | "ExpiredTokenException" | "RequestExpired"))
}

/// True when no answer came, or a gateway in front of S3 answered.
pub fn may_be_gone<E>(error: &SdkError<E>) -> bool
where
    E: std::error::Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => true,
        // Missing credentials cause the same kind of failure.
        SdkError::DispatchFailure(_) => credentials_trouble(error).is_none(),
        _ => error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 502..=504)),
    }
}

pub fn error<E>(action: Action<'_>, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let Some(trouble) = credentials_trouble(error) {
        return trouble;
    }
    let place = action.at;
    let Some(response) = error.raw_response() else {
        let message = format!("{place}: {}", DisplayErrorContext(error));
        return match error {
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Error::transient(message)
                .hint("check the network, and MLFLOW_S3_ENDPOINT_URL if it is set; a VPC without internet access needs an S3 endpoint"),
            _ => Error::permanent(message),
        };
    };
    let status = response.status().as_u16();
    let code = error.code().map_or_else(|| status.to_string(), str::to_owned);
    let reason = error.message().unwrap_or("no reason given");
    let cause = reason.to_lowercase().contains("kms:").then_some(Cause::EncryptionKey);
    let message = format!("{place}: S3 answered {code} to {}: {reason}", action.name);
    meaning(action, status, &code, &message).code(Code::Aws(code, cause))
}

fn meaning(action: Action<'_>, status: u16, code: &str, message: &str) -> Error {
    let bucket = &action.at.bucket;
    let new = |class| Error::new(class, message);
    match (code, status) {
        ("NoSuchBucket", _) => {
            new(Class::NotFound).hint(format!("the bucket {bucket} does not exist, or its name is mistyped"))
        }
        ("ExpiredToken" | "ExpiredTokenException" | "RequestExpired", _) => {
            new(Class::Auth).hint("the AWS credentials have expired: sign in again, and run the same command again")
        }
        ("InvalidAccessKeyId" | "InvalidToken" | "SignatureDoesNotMatch", _) => {
            new(Class::Auth).hint("these AWS credentials are not valid here: check AWS_PROFILE and the AWS_… variables")
        }
        ("RequestTimeTooSkewed", _) => new(Class::Permanent).hint("set this machine's clock: it is minutes off"),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
        | (_, 301) => new(Class::Permanent).hint(format!(
            "{bucket} is in another region: allow s3:ListBucket on arn:aws:s3:::{bucket}, which shows the region, or set AWS_REGION to it"
        )),
        ("KMS.DisabledException" | "KMS.NotFoundException" | "KMS.KMSInvalidStateException", _) => {
            new(Class::Permanent).hint("the KMS key cannot be used: check SSEKMSKeyId, or the bucket's default encryption")
        }
        ("QuotaExceeded", _) => new(Class::Full),
        // S3 received different bytes from those that were sent.
        ("BadDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch", _) => new(Class::Transient),
        (_, 403) => new(Class::Forbidden).hint(statement(action, message)),
        (_, 404) => new(Class::NotFound),
        (_, 429 | 500..) => new(Class::Transient),
        ("SlowDown" | "RequestTimeout" | "Throttling", _) => new(Class::Transient),
        _ => new(Class::Permanent),
    }
}

/// The missing policy statement.
fn statement(Action { name, at }: Action<'_>, message: &str) -> String {
    let bucket = &at.bucket;
    if message.to_lowercase().contains("kms") {
        return format!(
            "allow kms:GenerateDataKey and kms:Decrypt on the KMS key that encrypts {bucket}, in your policy and in the key's"
        );
    }
    let resource = match name {
        "s3:ListBucket" | "s3:ListBucketMultipartUploads" => format!("arn:aws:s3:::{bucket}"),
        _ => format!("arn:aws:s3:::{bucket}/*"),
    };
    format!(
        "allow {{\"Effect\": \"Allow\", \"Action\": \"{name}\", \"Resource\": \"{resource}\"}} (or below the prefix of the \
         artifact store only); a bucket policy may forbid it too"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_hint() {
        use Class::{Auth, Forbidden, NotFound, Permanent, Transient};
        let at = S3Object::parse("s3://b/k").unwrap();
        let table = [
            ("AccessDenied", 403, "", Forbidden, "\"s3:PutObject\", \"Resource\": \"arn:aws:s3:::b/*\""),
            ("AccessDenied", 403, "not authorized to perform: kms:GenerateDataKey", Forbidden, "kms:Decrypt"),
            ("NoSuchBucket", 404, "", NotFound, "does not exist"),
            ("ExpiredToken", 400, "", Auth, "expired"),
            ("SignatureDoesNotMatch", 403, "", Auth, "AWS_PROFILE"),
            ("PermanentRedirect", 301, "", Permanent, "another region"),
            ("RequestTimeTooSkewed", 403, "", Permanent, "clock"),
            ("SlowDown", 503, "", Transient, ""),
            ("NoSuchKey", 404, "", NotFound, ""),
            ("InvalidArgument", 400, "", Permanent, ""),
        ];
        for (code, status, reason, class, hint) in table {
            let error = meaning(Action { name: "s3:PutObject", at: &at }, status, code, reason);
            assert_eq!(error.class(), class, "{code}");
            assert!(error.get_hint().unwrap_or_default().contains(hint), "{code}: {error:?}");
        }
    }
}
