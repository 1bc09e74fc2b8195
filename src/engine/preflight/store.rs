//! Tests the artifact store in S3 with an object that is deleted again.

use std::sync::Arc;
use std::time::Duration;

use super::permissions::statement;
use super::report::Report;
use crate::artifacts::s3::{Bucket, Limits, S3, S3Probe, UploadArgs};
use crate::aws::{Arn, Scope, Session};
use crate::engine::Level;
use crate::engine::selection::unique::unique;
use crate::error::Cause;
use crate::io::Meter;

const CHECK: &str = "artifact store";

pub async fn check(arn: &Arn, session: &Session, uri: &str, scope: &Scope, report: &mut Report<'_>) {
    let (Some(name), Some(prefix)) = (&scope.bucket, &scope.prefix) else {
        return report.fail(
            CHECK,
            format!("{uri} is not in S3"),
            "an App keeps its artifacts in a bucket: s3://…",
        );
    };
    let s3 = S3::new(session.clone(), Arc::new(Meter::default()), Limits::default(), Duration::ZERO);
    let bucket = match s3.bucket(name).await {
        Ok(bucket) => bucket,
        Err(error) => return report.error(Level::Failure, CHECK, &error, None),
    };
    region(arn, &bucket, uri, report);
    // The source must only be readable, so the check reads an existing object. The target's permissions to read and
    // write are checked below.
    let (seen, text) = match report.is_target() {
        true => (bucket.can_list(&folder(prefix)).await, format!("{uri} can be listed")),
        false => (bucket.probe(prefix).await, format!("{uri} can be listed and read")),
    };
    match seen {
        Ok(()) => report.ok(CHECK, text),
        Err(error) => {
            let missing = statement(arn, &["s3:ListBucket", "s3:GetBucketLocation"], scope);
            let level = if report.is_target() { Level::Warning } else { Level::Failure };
            report.error(level, CHECK, &error, missing);
        }
    }
    if report.is_target() {
        write(arn, &bucket, prefix, scope, report).await;
    }
}

/// Checks that the bucket is in the App's region (AWS: "Cross-region artifact storage is not supported").
fn region(arn: &Arn, bucket: &Bucket, uri: &str, report: &mut Report<'_>) {
    const CHECK: &str = "bucket region";
    match bucket.region() {
        Some(region) if region != arn.region() => report.fail(
            CHECK,
            format!("{uri} is in {region}, the App in {}", arn.region()),
            "an App cannot use a bucket in another region: create an App whose artifact store is in its own region",
        ),
        Some(region) => report.ok(CHECK, region.to_owned()),
        None => report.warn(
            CHECK,
            "S3 did not report the bucket's region",
            "make sure that it is the App's region: aws s3api get-bucket-location",
        ),
    }
}

/// Puts, gets and deletes an object below the prefix. Then starts a multipart upload and aborts it.
async fn write(arn: &Arn, bucket: &Bucket, prefix: &str, scope: &Scope, report: &mut Report<'_>) {
    let args = match UploadArgs::from_env() {
        Ok(args) => args,
        Err(error) => return report.error(Level::Failure, CHECK, &error, None),
    };
    let key = format!("{}mlferry-preflight-{}", folder(prefix), unique());
    for S3Probe { what, action, result } in bucket.trials(&key, &args).await {
        let Err(error) = result else {
            report.ok(what, "allowed");
            continue;
        };
        // If the probe object cannot be deleted, it remains in the bucket. This is only a warning, because it has no
        // other effect.
        let level = if action == "s3:DeleteObject" { Level::Warning } else { Level::Failure };
        let is_about_key = error.cause() == Some(Cause::EncryptionKey);
        let actions: &[&str] = if is_about_key { &["kms:GenerateDataKey", "kms:Decrypt"] } else { &[action] };
        report.error(level, what, &error, statement(arn, actions, scope));
    }
}

/// The prefix with a slash at its end, as keys below the prefix begin with it.
fn folder(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}
