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

/// Who we are towards AWS: the whole credential chain of aws-config (environment, profiles, SSO, process, web identity,
/// container, IMDS), shared by control plane, data plane and S3.
#[derive(Clone, Debug)]
pub struct Session {
    sdk: Arc<SdkConfig>,
    keys: Arc<Keys>,
    credential_wait: CredentialWait,
}

impl Session {
    /// Finds credentials. `region` wins over `AWS_REGION` and the profile's.
    ///
    /// # Errors
    /// [`Class::Auth`](crate::error::Class::Auth), with the command that renews them, when there are none.
    pub async fn open(region: Option<&str>) -> Result<Self> {
        Self::open_under(region, CredentialWait::default()).await
    }

    /// The same for work that has begun to wait under `credential_wait` already.
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

    /// The same session in the role of `SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN`, if that is set. As in the official plugin
    /// the role signs MLflow calls and makes presigned UI addresses; S3 is reached with the session's own credentials.
    ///
    /// # Errors
    /// [`Class::Auth`](crate::error::Class::Auth) when STS does not give the role to these credentials.
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

    /// The role that it has been put in.
    pub fn assumed_role(&self) -> Option<&str> {
        self.keys.role()
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

    /// Who waits when the credentials end.
    pub fn credential_wait(&self) -> &CredentialWait {
        &self.credential_wait
    }
}
