use std::sync::Arc;
use std::time::Instant;

use aws_config::identity::IdentityCache;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::assumed::AssumedRole;
use super::credentials::{Chain, Keys, defaults};
use crate::error::Result;
use crate::io::CredentialWait;

/// Our identity in AWS: the whole credential chain of aws-config (environment, profiles, SSO, process, web identity,
/// container, IMDS), shared by control plane, data plane and S3.
#[derive(Clone, Debug)]
pub struct Session {
    sdk: Arc<SdkConfig>,
    keys: Arc<Keys>,
    credential_wait: CredentialWait,
}

impl Session {
    /// Finds credentials. `region` takes precedence over `AWS_REGION` and the profile's region.
    ///
    /// # Errors
    /// [`Class::Auth`](crate::error::Class::Auth), with the command that renews them, when there are none.
    pub async fn open(region: Option<&str>) -> Result<Self> {
        Self::open_under(region, CredentialWait::default()).await
    }

    /// The same, for a job that already uses `credential_wait`.
    pub async fn open_under(region: Option<&str>, credential_wait: CredentialWait) -> Result<Self> {
        let region = region.map(|region| Region::new(region.to_owned()));
        let sdk = defaults(region.clone()).await?;
        let session = Self::with(sdk, Chain::Default(region), credential_wait);
        session.credentials().await?;
        Ok(session)
    }

    fn with(sdk: SdkConfig, chain: Chain, credential_wait: CredentialWait) -> Self {
        let keys = Arc::new(Keys::new(chain, credential_wait.clone()));
        let provider: Arc<dyn ProvideCredentials> = keys.clone();
        let sdk = sdk
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .identity_cache(IdentityCache::no_cache())
            .build();
        Self { sdk: Arc::new(sdk), keys, credential_wait }
    }

    /// The same session in the role of `SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN`, if this is set. As in the official plugin,
    /// the role signs MLflow calls and creates presigned addresses of the UI. S3 is reached with the session's own
    /// credentials.
    ///
    /// # Errors
    /// [`Class::Auth`](crate::error::Class::Auth) when these credentials may not assume the role.
    pub async fn with_assumed_role(self) -> Result<Self> {
        let Some(role) = AssumedRole::of(|name| std::env::var(name).ok())? else {
            return Ok(self);
        };
        let provider = Box::new(role.provider(&self.sdk).await);
        let chain = Chain::Role { role, provider, base: self.keys };
        let session = Self::with(self.sdk.as_ref().clone(), chain, self.credential_wait);
        session.credentials().await?;
        Ok(session)
    }

    /// The role that the session has assumed.
    pub fn assumed_role(&self) -> Option<&str> {
        self.keys.role()
    }

    /// The argument for `aws_sdk_*::Client::new` and `config::Builder::from`. It uses the session's credentials, which
    /// are cached and renewed, and may wait for new ones.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    pub fn region(&self) -> Option<&str> {
        self.sdk.region().map(Region::as_ref)
    }

    /// Valid credentials.
    pub(super) async fn credentials(&self) -> Result<Credentials> {
        self.keys.get().await
    }

    /// Records that a service has reported the credentials of this time as expired. They are not used again.
    pub async fn refused(&self, used: Instant) {
        self.keys.refused(used).await;
    }

    /// The wait of the jobs that use these credentials.
    pub fn credential_wait(&self) -> &CredentialWait {
        &self.credential_wait
    }
}
