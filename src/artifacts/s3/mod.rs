//! Amazon S3 and compatible stores. The SDK repeats requests (in its adaptive mode, which slows down when S3 asks for
//! it). An error after that is final for the file.

mod bucket;
mod checksum;
mod content_type;
mod copy;
mod failure;
mod multipart;
mod parts;
mod probe;
mod read;
mod request_counter;
mod unfinished;
mod upload;
mod upload_args;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{self, Region, RequestChecksumCalculation};
use aws_sdk_s3::error::SdkError;
use tokio::sync::{OnceCell, Semaphore};

use self::failure::Action;
use self::request_counter::RequestCounter;
use self::unfinished::Unfinished;
use crate::aws::Session;
use crate::entities::S3Object;
use crate::error::{Class, Error, Result};
use crate::io::{Meter, Outage};
use crate::limits;

pub use bucket::Bucket;
pub use probe::S3Probe;
pub use upload::Broken;
pub use upload_args::UploadArgs;

/// The number of tries of one request, including the first one.
const MAX_ATTEMPTS: u32 = 7;
/// The region of the first request when none is set. There, S3 reports the region of any bucket.
const DEFAULT_REGION: &str = "us-east-1";

/// Sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The size of a part of a multipart upload. A smaller file is sent in one request. Files that would need more than
    /// 10 000 parts have larger parts.
    pub part: u64,
    /// The largest file that S3 copies in one request.
    pub copy: u64,
    /// The size of a part when S3 copies in several requests.
    pub copy_part: u64,
    /// The memory limit for all files that are being sent. One part always fits.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        // AWS: CopyObject takes 5 GB, UploadPart from 5 MiB to 5 GB.
        Self { part: 8 << 20, copy: 5 << 30, copy_part: 512 << 20, memory: 64 << 20 }
    }
}

/// S3 for one side of a migration.
pub struct S3 {
    session: Session,
    meter: Arc<Meter>,
    /// `MLFLOW_S3_ENDPOINT_URL`, MLflow's own variable, which takes precedence over AWS's.
    endpoint: Option<String>,
    /// `MLFLOW_S3_EXPECTED_BUCKET_OWNER`: an account. S3 refuses requests for buckets of other accounts.
    owner: Option<String>,
    limits: Limits,
    /// How long a job waits for S3 when it is unreachable.
    wait: Duration,
    memory: Arc<Semaphore>,
    unfinished: Arc<Unfinished>,
    buckets: Mutex<HashMap<String, Arc<OnceCell<Bucket>>>>,
}

impl S3 {
    pub fn new(session: Session, meter: Arc<Meter>, limits: Limits, wait: Duration) -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self {
            session,
            meter,
            endpoint: get("MLFLOW_S3_ENDPOINT_URL"),
            owner: get("MLFLOW_S3_EXPECTED_BUCKET_OWNER"),
            limits,
            wait,
            memory: Arc::new(Semaphore::new(parts::permits(limits.memory))),
            unfinished: Arc::default(),
            buckets: Mutex::default(),
        }
    }

    /// The bucket, with a client for its own region.
    ///
    /// # Errors
    /// When the bucket does not exist, or S3 cannot be reached. Permissions are not checked here.
    pub async fn bucket(&self, name: &str) -> Result<Bucket> {
        let known = {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(buckets.entry(name.to_owned()).or_default())
        };
        known.get_or_try_init(|| self.find(name)).await.cloned()
    }

    /// Waits until unfinished uploads are aborted.
    pub async fn abort_unfinished(&self) {
        self.unfinished.abort_all().await;
    }

    async fn find(&self, name: &str) -> Result<Bucket> {
        let client = self.client(self.session.region());
        let asked =
            client.head_bucket().bucket(name).set_expected_bucket_owner(self.owner.clone()).send().await;
        let region = match &asked {
            Ok(found) => found.bucket_region().map(str::to_owned),
            Err(e @ (SdkError::DispatchFailure(_) | SdkError::TimeoutError(_))) => {
                return Err(self.lost(name, e));
            }
            Err(e) if e.raw_response().is_some_and(|answer| answer.status().as_u16() == 404) => {
                return Err(no_bucket(name));
            }
            // A refusal also contains the region.
            Err(e) => e
                .raw_response()
                .and_then(|answer| answer.headers().get("x-amz-bucket-region"))
                .map(str::to_owned),
        };
        let client = match region.as_deref() {
            Some(region) if Some(region) != self.session.region() => self.client(Some(region)),
            _ => client,
        };
        let (credential_wait, meter) = (self.session.credential_wait().clone(), Arc::clone(&self.meter));
        Ok(Bucket {
            outage: Outage::new(format!("s3://{name}"), self.wait, credential_wait, meter),
            client,
            name: name.to_owned(),
            region,
            owner: self.owner.clone(),
            session: self.session.clone(),
            meter: Arc::clone(&self.meter),
            limits: self.limits,
            memory: Arc::clone(&self.memory),
            unfinished: Arc::clone(&self.unfinished),
        })
    }

    fn lost<E>(&self, bucket: &str, error: &SdkError<E>) -> Error
    where
        E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        let at = S3Object { bucket: bucket.to_owned(), key: String::new() };
        failure::error(Action { name: "s3:ListBucket", at: &at }, error)
    }

    fn client(&self, region: Option<&str>) -> Client {
        let mut builder = config::Builder::from(self.session.sdk())
            .region(Region::new(region.unwrap_or(DEFAULT_REGION).to_owned()))
            .retry_config(RetryConfig::adaptive().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(limits::CONNECT_TIMEOUT)
                    .read_timeout(limits::S3_READ_TIMEOUT)
                    // The session's time limits are for small requests.
                    .operation_attempt_timeout(limits::S3_ATTEMPT_TIMEOUT)
                    .operation_timeout(limits::S3_OPERATION_TIMEOUT)
                    .build(),
            )
            // Every upload already contains its SHA-256.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .interceptor(RequestCounter(Arc::clone(&self.meter)));
        if let Some(url) = &self.endpoint {
            builder = builder.endpoint_url(url);
        }
        // Only AWS supports bucket names as host names.
        if self.endpoint.is_some()
            || ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| std::env::var_os(name).is_some())
        {
            builder = builder.force_path_style(true);
        }
        Client::from_conf(builder.build())
    }
}

fn no_bucket(name: &str) -> Error {
    Error::new(Class::NotFound, format!("s3://{name}: there is no such bucket")).hint(
        "check the artifact root's spelling, and that the credentials are for the right partition of AWS",
    )
}
