use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use tokio::sync::Mutex;

use super::assumed::AssumedRole;
use super::failure::{credentials_trouble, innermost};
use super::http;
use super::renewal::{Origin, profile, remedy_for};
use crate::error::{Class, Error, Result};
use crate::io::CredentialWait;
use crate::limits;

/// Credentials that expire within this time are renewed before they are used, because a request may take long.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);
/// The shortest interval between two requests to the chain when its credentials expire soon.
const RENEWAL_COOLDOWN: Duration = Duration::from_secs(5);

/// Provides credentials, renews them before they expire, and waits for new ones when the chain has none. It is the only
/// cache for control plane, data plane and S3, so the SDK's own cache (with its time limit of 5 s) is off.
pub struct Keys {
    chain: Chain,
    cached: Mutex<Option<CachedCredentials>>,
    credential_wait: CredentialWait,
}

/// The place that returns fresh credentials.
pub enum Chain {
    /// The whole default chain. It is built again each time, because the providers of aws-config cache the content of
    /// the files.
    Default(Option<Region>),
    /// A role, assumed with the keys of `base`.
    Role { role: AssumedRole, provider: Box<AssumeRoleProvider>, base: Arc<Keys> },
}

struct CachedCredentials {
    credentials: Credentials,
    /// When these keys were first seen.
    since: Instant,
    /// When the chain last returned them.
    asked: Instant,
    ends: Option<SystemTime>,
    refused: bool,
}

impl CachedCredentials {
    fn is_good(&self, now: SystemTime) -> bool {
        let is_fresh = self.ends.is_none_or(|ends| ends > now + EXPIRY_MARGIN);
        let is_last = self.ends.is_some_and(|ends| ends > now) && self.asked.elapsed() < RENEWAL_COOLDOWN;
        !self.refused && (is_fresh || is_last)
    }

    fn is_same(&self, other: &Credentials) -> bool {
        let known = &self.credentials;
        (known.access_key_id(), known.session_token()) == (other.access_key_id(), other.session_token())
    }
}

impl Keys {
    pub fn new(chain: Chain, credential_wait: CredentialWait) -> Self {
        Self { chain, cached: Mutex::new(None), credential_wait }
    }

    /// The assumed role that the credentials belong to, if any.
    pub fn role(&self) -> Option<&str> {
        match &self.chain {
            Chain::Default(_) => None,
            Chain::Role { role, .. } => Some(&role.arn),
        }
    }

    /// Returns valid credentials. While a job is running, this waits for new ones if the chain can return any.
    pub async fn get(&self) -> Result<Credentials> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = cached.as_ref().filter(|cached| cached.is_good(SystemTime::now())) {
            return Ok(cached.credentials.clone());
        }
        let mut waiting = None;
        loop {
            let fresh = tokio::time::timeout(limits::CREDENTIALS_TIMEOUT, self.fresh(cached.as_ref())).await;
            let trouble = match fresh.unwrap_or_else(|_| Err(too_slow())) {
                Ok(fresh) => {
                    let credentials = fresh.credentials.clone();
                    *cached = Some(fresh);
                    return Ok(credentials);
                }
                Err(trouble) => trouble,
            };
            if waiting.is_none() {
                waiting = self
                    .renewable(cached.as_ref())
                    .and_then(|origin| self.credential_wait.begin(&origin.remedy(&profile())));
            }
            match &waiting {
                Some(waiting) if waiting.next_try().await => {}
                _ => return Err(trouble),
            }
        }
    }

    /// The origin of credentials that are worth a wait. Credentials that never worked are a configuration error, not
    /// expired credentials. The credentials of a role are renewed through `base`, which has its own wait.
    fn renewable(&self, cached: Option<&CachedCredentials>) -> Option<Origin> {
        let origin = Origin::of(&cached?.credentials);
        (matches!(self.chain, Chain::Default(_)) && origin.can_change()).then_some(origin)
    }

    /// Records that a service has reported the credentials of this time as expired.
    pub async fn refused(&self, got: Instant) {
        if let Some(cached) = self.cached.lock().await.as_mut().filter(|cached| cached.since <= got) {
            cached.refused = true;
        }
    }

    async fn fresh(&self, cached: Option<&CachedCredentials>) -> Result<CachedCredentials> {
        let (credentials, most) = self.chain.load().await?;
        let now = SystemTime::now();
        let known = cached.filter(|cached| cached.is_same(&credentials));
        let has_ended = credentials.expiry().is_some_and(|ends| ends <= now);
        if has_ended || known.is_some_and(|known| known.refused) {
            return Err(expired(&credentials));
        }
        let asked = Instant::now();
        let since = known.map_or(asked, |known| known.since);
        let ends = [credentials.expiry(), most.map(|most| now + most)].into_iter().flatten().min();
        Ok(CachedCredentials { credentials, since, asked, ends, refused: false })
    }
}

impl Chain {
    /// Loads credentials. The duration limits how long they may be kept, in addition to their own expiry.
    async fn load(&self) -> Result<(Credentials, Option<Duration>)> {
        match self {
            Self::Default(region) => {
                let sdk = defaults(region.clone()).await?;
                let provider = sdk.credentials_provider().ok_or_else(|| not_given("no provider", "none"))?;
                let credentials = provider.provide_credentials().await.map_err(|e| load_error(&e))?;
                Ok((credentials, None))
            }
            Self::Role { role, provider, base } => {
                let got = Instant::now();
                let mut result = provider.provide_credentials().await;
                if result.as_ref().is_err_and(|e| says_ended(&causes(e))) {
                    base.refused(got).await;
                    result = provider.provide_credentials().await;
                }
                let refused = |e| credentials_trouble(&e).unwrap_or_else(|| refused_role(role, &e));
                Ok((result.map_err(refused)?, Some(role.most)))
            }
        }
    }
}

/// The configuration that aws-config finds in the environment and the files.
///
/// # Errors
/// [`Class::Usage`] when a variable names certificates that cannot be read.
pub async fn defaults(region: Option<Region>) -> Result<SdkConfig> {
    let times = TimeoutConfig::builder()
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .operation_attempt_timeout(limits::AWS_ATTEMPT_TIMEOUT)
        .operation_timeout(limits::AWS_OPERATION_TIMEOUT);
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(times.build());
    if let Some(client) = http::client(|name| std::env::var(name).ok())? {
        loader = loader.http_client(client);
    }
    Ok(match region {
        Some(region) => loader.region(region).load().await,
        None => loader.load().await,
    })
}

/// True for AWS's texts about expired credentials.
pub fn says_ended(text: &str) -> bool {
    ["ExpiredToken", "security token included in the request is expired", "RequestExpired"]
        .iter()
        .any(|mark| text.contains(mark))
}

fn expired(credentials: &Credentials) -> Error {
    let remedy = Origin::of(credentials).remedy(&profile());
    Error::new(Class::Auth, "the AWS credentials have expired").hint(format!("renew them: {remedy}"))
}

fn load_error(error: &CredentialsError) -> Error {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => not_given("no AWS credentials were found", ""),
        _ => {
            let causes = causes(error);
            not_given(&format!("no AWS credentials were found: {causes}"), &causes)
        }
    }
}

fn too_slow() -> Error {
    let message =
        format!("the AWS credentials were not available within {} s", limits::CREDENTIALS_TIMEOUT.as_secs());
    not_given(&message, "")
}

fn not_given(message: &str, load_error: &str) -> Error {
    Error::new(Class::Auth, message).hint(remedy_for(load_error))
}

fn refused_role(role: &AssumedRole, error: &CredentialsError) -> Error {
    let at =
        |why: String| format!("{} (SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN) cannot be assumed: {why}", role.arn);
    let mut chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let answer = chain.find_map(|error| error.downcast_ref::<SdkError<AssumeRoleError>>());
    let code = answer.and_then(SdkError::code).unwrap_or_default();
    let is_refusal = answer
        .and_then(SdkError::raw_response)
        .is_some_and(|raw| raw.status().is_client_error() && !code.contains("Throttl"));
    match is_refusal {
        true => {
            let text = answer.and_then(SdkError::message).unwrap_or_default();
            Error::new(Class::Auth, at(format!("{code}: {text}"))).hint(
                "the role's trust policy must name your identity, and your identity needs sts:AssumeRole on it; without \
                 the variable your own credentials call MLflow",
            )
        }
        false => {
            Error::transient(at(innermost(error))).hint("check the network, and that STS can be reached")
        }
    }
}

/// An error and its causes, in one line.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut words: Vec<String> = chain.map(|error| error.to_string()).collect();
    words.dedup();
    words.join(": ")
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.get().await.map_err(CredentialsError::provider_error) })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn cached(lives: Option<u64>, asked: Duration) -> CachedCredentials {
        let now = Instant::now();
        CachedCredentials {
            credentials: Credentials::new("AKID", "secret", Some("token".into()), None, "test"),
            since: now - asked,
            asked: now - asked,
            ends: lives.map(|seconds| NOW + Duration::from_secs(seconds)),
            refused: false,
        }
    }

    #[test]
    fn credentials_are_renewed_before_they_expire_and_not_too_often() {
        let (calm, just) = (RENEWAL_COOLDOWN * 2, Duration::ZERO);
        assert!(cached(None, calm).is_good(NOW), "without an end they are good until they are refused");
        assert!(cached(Some(3_600), calm).is_good(NOW));
        assert!(!cached(Some(30), calm).is_good(NOW), "they may expire during the request");
        assert!(cached(Some(30), just).is_good(NOW), "the chain has just returned no others");
        assert!(!cached(Some(0), just).is_good(NOW));
        assert!(!CachedCredentials { refused: true, ..cached(None, just) }.is_good(NOW));
    }

    #[test]
    fn an_error_names_each_cause_once() {
        let error = CredentialsError::provider_error(Error::permanent("the SSO token has expired"));
        assert!(causes(&error).ends_with(": the SSO token has expired"), "{}", causes(&error));
        assert!(says_ended("ExpiredTokenException: The security token included in the request is expired"));
    }

    #[tokio::test]
    async fn a_job_waits_and_an_interactive_request_does_not() {
        let credential_wait = CredentialWait::default();
        assert!(credential_wait.begin("aws sso login").is_none());
        let work = credential_wait.work();
        let mut news = credential_wait.waiting();
        let waiting = credential_wait.begin("aws sso login").unwrap();
        assert_eq!(news.borrow_and_update().as_deref(), Some("aws sso login"));
        drop(work);
        assert!(!waiting.next_try().await, "the job has ended");
        drop(waiting);
        assert_eq!(*news.borrow(), None);
    }
}
