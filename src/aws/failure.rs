//! Converts errors of the AWS SDKs into an [`Error`]. This is the only place that does so.

use std::error::Error as StdError;

use aws_sdk_sagemaker::config::http::HttpResponse;
use aws_sdk_sagemaker::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Cause, Class, Code, Error};

/// The request, in the terms of the user and of IAM.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `sagemaker:DescribeMlflowApp`.
    pub action: &'static str,
    /// An ARN or a name; empty when the request is not about one resource.
    pub of: &'a str,
    pub region: &'a str,
}

/// Converts an error. The SDKs already repeat throttled requests and 5xx answers (three tries), so the error is final.
pub fn failure<E>(asked: Request<'_>, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(said) => {
            let status = said.raw().status().as_u16();
            let (code, message) =
                (said.err().code().unwrap_or_default(), said.err().message().unwrap_or_default());
            let is_fresh_role = message.contains("unable to perform: sts:AssumeRole");
            let cause = is_fresh_role.then_some(Cause::RoleNotKnownYet);
            refusal(asked, status, code, message).code(Code::Aws(code.to_owned(), cause))
        }
        _ if let Some(trouble) = credentials_trouble(error) => trouble,
        SdkError::TimeoutError(_) => no_route(asked, "it did not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            no_route(asked, "it did not answer in time")
        }
        // A user failure is an error in the request itself. All other failures are those of the network, including a
        // connection that broke before the answer.
        SdkError::DispatchFailure(failure) if !failure.is_user() => no_route(asked, &innermost(error)),
        SdkError::ResponseError(_) => {
            let message = format!("{} answered, but not as AWS does: {}", service(asked).0, innermost(error));
            Error::permanent(message)
                .hint("check AWS_ENDPOINT_URL, the AWS_ENDPOINT_URL_… variables, and the proxy")
        }
        _ => Error::permanent(format!("{}: {}", asked.action, innermost(error))),
    }
}

/// True for a new role, which is not visible everywhere for some seconds. Until then SageMaker refuses it with this
/// ValidationException (AWS: CreateMlflowApp).
pub fn is_role_not_known_yet(error: &Error) -> bool {
    error.cause() == Some(Cause::RoleNotKnownYet)
}

/// The error for a refusal: by the codes that all services share, and by SageMaker's own (AWS: CreateMlflowApp,
/// DescribeMlflowApp, UpdateMlflowApp). The HTTP status of most of them is 400.
fn refusal(asked: Request<'_>, status: u16, code: &str, message: &str) -> Error {
    let Request { action, of, region } = asked;
    let about = if of.is_empty() { String::new() } else { format!(" of {of}") };
    let plain = |class| {
        let said = [code, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        Error::new(class, format!("{action}{about} was refused: {said}"))
    };
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            let denied = denied_action(message).unwrap_or(action);
            Error::new(Class::Forbidden, format!("these credentials lack {denied}: {message}"))
                .hint("`mlferry app policy` prints the policy that a migration needs; an administrator can attach it")
        }
        "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" | "InvalidAccessKeyId"
        | "UnrecognizedClientException" | "IncompleteSignature" | "InvalidSignatureException"
        | "SignatureDoesNotMatch" | "RequestExpired" | "MissingAuthenticationTokenException" => plain(Class::Auth)
            .hint("sign in again (`aws sso login`, or new keys); `aws sts get-caller-identity` shows who you are"),
        "ResourceNotFound" | "ResourceNotFoundException" => {
            Error::new(Class::NotFound, format!("there is no {} in {region}", if of.is_empty() { "such thing" } else { of }))
                .hint(format!(
                    "it was deleted, or lies in another region or account: `mlferry app list --region {region}` shows \
                     the Apps and the tracking servers there"
                ))
        }
        "ResourceLimitExceeded" | "ResourceLimitExceededException" => plain(Class::Permanent).hint(
            "delete an unused App, or request a higher limit under Service Quotas (Amazon SageMaker, MLflow)",
        ),
        "ConflictException" => plain(Class::Transient)
            .hint("it is being created, updated or deleted: `mlferry app wait` waits until this is done"),
        "ValidationException" => validation(plain(Class::Permanent), message),
        "OptInRequired" | "UnknownOperationException" => plain(Class::Permanent)
            .hint(format!("MLflow Apps are not offered in {region}, or the account has not enabled that region")),
        _ if code.contains("Throttl") || code == "TooManyRequestsException" || status == 429 || status >= 500 => {
            plain(Class::Transient).hint("AWS is busy: try again in a minute")
        }
        _ => plain(Class::Permanent),
    }
}

fn validation(error: Error, message: &str) -> Error {
    let lower = message.to_lowercase();
    match () {
        () if message.contains("sts:AssumeRole") => error.hint(
            "the role's trust policy must let sagemaker.amazonaws.com assume it: `mlferry app policy app-role-trust`; a \
             new role takes a minute to become visible",
        ),
        () if ["artifact", "bucket", "s3"].iter().any(|word| lower.contains(word)) => error.hint(
            "the bucket must exist, in the App's own region, and the App's role must reach it: \
             `mlferry app policy app-role`",
        ),
        () => error,
    }
}

/// The denied action: `iam:PassRole` in "User: … is not authorized to perform: iam:PassRole on resource: …".
fn denied_action(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("perform: ")?;
    let action = after.split([' ', ',']).next()?.trim_end_matches('.');
    action.contains(':').then_some(action)
}

fn no_route(asked: Request<'_>, why: &str) -> Error {
    let (region, (name, endpoint)) = (asked.region, service(asked));
    Error::transient(format!("{name} in {region} cannot be reached: {why}")).hint(format!(
        "check the region, the network and the proxy; a VPC without a way to the internet needs an endpoint for {name} \
         (com.amazonaws.{region}.{endpoint}) with private DNS"
    ))
}

/// The name of an action's service, and its VPC endpoint.
fn service(asked: Request<'_>) -> (&'static str, &'static str) {
    match asked.action.split(':').next() {
        Some("sagemaker") => ("SageMaker", "sagemaker.api"),
        Some("sts") => ("STS", "sts"),
        Some("s3") => ("S3", "s3"),
        _ => ("IAM", "iam"),
    }
}

/// The innermost cause: it has the most useful message.
pub fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Our own error about the credentials, found inside an error of an SDK.
pub fn credentials_trouble(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.find_map(|error| error.downcast_ref::<Error>()).cloned()
}
