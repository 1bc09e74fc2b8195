use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::identity::IdentityCache;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::watch;

use super::credentials::{Chain, Keys, defaults};
use super::vigil::{Vigil, Work};
use crate::error::{Error, Result};

/// Who we are towards AWS: the whole credential chain of aws-config (environment, profiles, SSO, process, web identity,
/// container, IMDS), shared by control plane, data plane and S3.
#[derive(Clone, Debug)]
pub struct Session {
    sdk: Arc<SdkConfig>,
    keys: Arc<Keys>,
    vigil: Arc<Vigil>,
}

/// The name under which the official plugin assumes a role (sagemaker-mlflow 0.5.0, `auth.py`): trust policies may
/// ask for it.
const ROLE_SESSION_NAME: &str = "AuthBotoSagemakerMlFlow";
/// What the plugin keeps a role for, and its limits (sagemaker-mlflow 0.5.0, `auth.py`), in seconds.
const ROLE_TTL: u64 = 3_300;
const ROLE_TTL_LIMITS: (u64, u64) = (300, 3_600);

impl Session {
    /// Finds credentials. `region` wins over `AWS_REGION` and the profile's.
    ///
    /// # Errors
    /// [`Class::Auth`](crate::error::Class::Auth), with the command that renews them, when there are none.
    pub async fn open(region: Option<&str>) -> Result<Self> {
        let region = region.map(|region| Region::new(region.to_owned()));
        let sdk = defaults(region.clone()).await;
        let vigil = Arc::new(Vigil::new());
        let session = Self::with(sdk, Chain::Default(region), vigil);
        session.credentials().await?;
        Ok(session)
    }

    fn with(sdk: SdkConfig, chain: Chain, vigil: Arc<Vigil>) -> Self {
        let keys = Arc::new(Keys::new(chain, Arc::clone(&vigil)));
        let provider: Arc<dyn ProvideCredentials> = keys.clone();
        let sdk = sdk
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .identity_cache(IdentityCache::no_cache())
            .build();
        Self { sdk: Arc::new(sdk), keys, vigil }
    }

    /// The same session in the role of `SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN`, if that is set. As in the official plugin
    /// the role signs MLflow calls and makes presigned UI addresses; S3 is reached with the session's own credentials.
    pub async fn with_assumed_role(self) -> Result<Self> {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let Some(role) = get("SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN") else {
            return Ok(self);
        };
        let ttl = match get("SAGEMAKER_MLFLOW_ASSUME_ROLE_TTL_SECONDS") {
            None => ROLE_TTL,
            Some(text) => text.trim().parse::<u64>().map_err(|_| {
                Error::usage(format!(
                    "SAGEMAKER_MLFLOW_ASSUME_ROLE_TTL_SECONDS: {text:?} is not a number of seconds"
                ))
                .hint("give a number from 300 to 3600")
            })?,
        };
        let most = Duration::from_secs(ttl.clamp(ROLE_TTL_LIMITS.0, ROLE_TTL_LIMITS.1));
        let builder = AssumeRoleProvider::builder(role.trim()).session_name(ROLE_SESSION_NAME);
        let role = Box::new(builder.configure(&self.sdk).build().await);
        let session =
            Self::with(self.sdk.as_ref().clone(), Chain::Role { role, base: self.keys, most }, self.vigil);
        session.credentials().await?;
        Ok(session)
    }

    /// What `aws_sdk_*::Client::new` and `config::Builder::from` take. Its credentials are the session's own: cached,
    /// renewed, waited for.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    pub fn region(&self) -> Option<&str> {
        self.sdk.region().map(Region::as_ref)
    }

    /// Credentials that have not ended.
    pub(super) async fn credentials(&self) -> Result<Credentials> {
        self.keys.get().await
    }

    /// A service has said that the credentials which were in use at this time have expired: they are not used again.
    pub async fn refused(&self, used: Instant) {
        self.keys.refused(used).await;
    }

    /// While the answer lives, calls that find the credentials expired wait for new ones instead of failing. Questions
    /// that a person waits for hold none.
    pub fn work(&self) -> Work {
        Work::new(Arc::clone(&self.vigil))
    }

    /// True when both wait for the same credentials.
    pub fn waits_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.vigil, &other.vigil)
    }

    /// Some(what renews them) while work waits for new credentials.
    pub fn waiting(&self) -> watch::Receiver<Option<String>> {
        self.vigil.waiting()
    }
}

/// What our own credentials had to say, out of an error of one of the SDKs.
pub fn credentials_trouble(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|error| error.downcast_ref::<Error>()).map(Error::again)
}
