use std::sync::Arc;
use std::time::Instant;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::Semaphore;

use super::Limits;
use super::failure::{self, Action};
use super::unfinished::Unfinished;
use crate::aws::Session;
use crate::entities::S3Object;
use crate::error::Result;
use crate::rest::Meter;

/// One bucket, with a client for its region.
#[derive(Clone)]
pub struct Bucket {
    pub(super) client: Client,
    pub(super) name: String,
    /// None when S3 did not tell.
    pub(super) region: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) session: Session,
    pub(super) meter: Arc<Meter>,
    pub(super) limits: Limits,
    pub(super) memory: Arc<Semaphore>,
    pub(super) unfinished: Arc<Unfinished>,
}

impl Bucket {
    pub(super) fn object(&self, key: &str) -> S3Object {
        S3Object { bucket: self.name.clone(), key: key.to_owned() }
    }

    /// Makes one request. Credentials that S3 says have ended are replaced, which may wait for somebody to renew them;
    /// then it is made again.
    pub(super) async fn call<T, E, Fut>(&self, action: Action<'_>, request: impl Fn() -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut renewed = false;
        loop {
            let asked = Instant::now();
            match request().await {
                Err(e) if !renewed && failure::has_ended(&e) => {
                    self.session.refused(asked).await;
                    renewed = true;
                }
                answer => return answer.map_err(|e| failure::error(action, &e)),
            }
        }
    }
}
