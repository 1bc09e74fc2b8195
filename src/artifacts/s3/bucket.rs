use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::Semaphore;

use super::Limits;
use super::failure::{self, Action};
use super::unfinished::Unfinished;
use crate::aws::Session;
use crate::entities::S3Object;
use crate::error::{Error, Result};
use crate::io::{Absence, Meter, Outage, Reachable};

/// How many outages of S3 one request may go through before the request itself counts as the cause.
const MAX_OUTAGES: u32 = 5;

/// One bucket, with a client for its region.
#[derive(Clone)]
pub struct Bucket {
    pub(super) client: Client,
    pub(super) name: String,
    /// `None` when S3 did not report it.
    pub(super) region: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) session: Session,
    pub(super) meter: Arc<Meter>,
    pub(super) limits: Limits,
    pub(super) memory: Arc<Semaphore>,
    pub(super) unfinished: Arc<Unfinished>,
    pub(super) outage: Outage,
}

impl Bucket {
    pub(super) fn object(&self, key: &str) -> S3Object {
        S3Object { bucket: self.name.clone(), key: key.to_owned() }
    }

    /// Sends a request. When S3 reports that the credentials have expired, they are replaced and the request is
    /// repeated; this may wait until the user has renewed them. When S3 becomes unreachable during a job, the request
    /// is repeated as soon as S3 is back.
    pub(super) async fn call<T, E, Fut>(&self, action: Action<'_>, request: impl Fn() -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (mut renewed, mut outages) = (false, 0);
        loop {
            self.outage.enter().await?;
            let asked = Instant::now();
            let refusal = match request().await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            if !renewed && failure::has_ended(&refusal) {
                self.session.refused(asked).await;
                renewed = true;
                continue;
            }
            let error = failure::error(action, &refusal);
            let may_wait = outages < MAX_OUTAGES && failure::may_be_gone(&refusal);
            if !(may_wait && self.rides_out(&error).await?) {
                return Err(error);
            }
            outages += 1;
            self.meter.retry();
        }
    }

    async fn rides_out(&self, error: &Error) -> Result<bool> {
        self.outage.rides_out(Arc::new(self.clone()), error, Absence::Store, None).await
    }
}

#[async_trait]
impl Reachable for Bucket {
    /// Any answer about the bucket shows that S3 is reachable, even a refusal.
    async fn is_there(&self) -> bool {
        let asked =
            self.client.head_bucket().bucket(&self.name).set_expected_bucket_owner(self.owner.clone());
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match asked.customize().config_override(once).send().await {
            Ok(_) => true,
            Err(refusal) => !failure::may_be_gone(&refusal),
        }
    }
}
