//! Step 2: lists the Apps, creates a new one, and waits until it is ready.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde::Serialize;

use super::{Pending, StateDir};
use crate::aws::{
    AppChange, AppDescription, AppSummary, Arn, ControlPlane, NewApp, Readiness, Resource, Session,
    is_role_not_known_yet,
};
use crate::error::{Class, Error, Result};

/// The notice that is shown before an App is created (AWS: "MLflow Apps", pricing, December 2025).
pub const COST: &str =
    "An App itself is free of charge; AWS bills its artifact store (S3 storage and requests).";

/// How often and how long mlferry polls AWS for the end of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Polling {
    pub interval: Duration,
    /// The maximum wait for the end of an operation.
    pub most: Duration,
    /// The maximum wait for a new role that is not visible in all of AWS yet.
    pub most_for_role: Duration,
}

impl Default for Polling {
    /// Creating an App takes two to five minutes.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(12),
            most: Duration::from_secs(15 * 60),
            most_for_role: Duration::from_secs(120),
        }
    }
}

/// The progress of a creation or of a wait.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Provisioning {
    /// The status of the App, after this number of seconds.
    AppStatus { arn: String, status: String, seconds: f64 },
    /// IAM has not propagated the role yet. mlferry tries the creation again.
    AppRoleAwaited { reason: String, seconds: f64 },
}

/// The result of a creation.
#[derive(Clone, Debug)]
pub struct CreatedApp {
    pub arn: Arn,
    /// True when the App already existed.
    pub found: bool,
}

/// The Apps of one region, and the operations on them.
#[derive(Clone)]
pub struct Provision {
    plane: ControlPlane,
    retry_policy: Polling,
}

impl Provision {
    /// Signs in. `region` takes precedence over `AWS_REGION` and the profile's region.
    pub async fn open(region: Option<&str>) -> Result<Self> {
        let session = Session::open(region).await?;
        let region = session.region().map(str::to_owned).ok_or_else(|| {
            Error::usage("no AWS region is set")
                .hint("give --region eu-west-1, set AWS_REGION, or put `region = …` into your profile in ~/.aws/config")
        })?;
        Ok(Self::new(ControlPlane::new(&session, &region)))
    }

    /// Signs in to the region of an App or a tracking server.
    pub async fn of(arn: &Arn) -> Result<Self> {
        Self::open(Some(arn.region())).await
    }

    pub(super) fn new(plane: ControlPlane) -> Self {
        Self { plane, retry_policy: Polling::default() }
    }

    #[must_use]
    pub fn with_patience(self, retry_policy: Polling) -> Self {
        Self { retry_policy, ..self }
    }

    pub fn region(&self) -> &str {
        self.plane.region()
    }

    /// Lists Apps first, then tracking servers.
    pub async fn list(&self) -> Result<Vec<AppSummary>> {
        self.plane.list().await
    }

    pub async fn describe(&self, arn: &Arn) -> Result<AppDescription> {
        self.plane.describe(arn).await
    }

    /// Returns the App with this name, unless it is being deleted.
    pub async fn find(&self, name: &str) -> Result<Option<AppSummary>> {
        let is_there =
            |one: &AppSummary| one.name == name && !matches!(one.status.as_str(), "Deleting" | "Deleted");
        Ok(self.plane.list().await?.into_iter().find(is_there))
    }

    /// Returns a link that opens the UI. It works once, within five minutes. The link must not be logged.
    pub async fn link(&self, arn: &Arn) -> Result<SecretString> {
        self.plane.link(arn).await
    }

    /// Checks that these settings are valid for a new App, without a request to AWS.
    pub fn check(&self, new: &NewApp) -> Result<()> {
        new.check()?;
        let is_outside =
            ["cn-", "us-gov-", "us-iso", "eu-isoe-"].iter().any(|p| self.region().starts_with(p));
        match is_outside {
            false => Ok(()),
            true => Err(Error::usage(format!("AWS offers no MLflow Apps in {}", self.region())).hint(
                "MLflow Apps are not available in China and GovCloud: choose a region of the partition aws",
            )),
        }
    }

    /// Returns the App with the name of `new`, and creates it if it does not exist. The ARN is stored before the wait
    /// begins.
    ///
    /// AWS offers no client token for this request. If an answer is lost, mlferry therefore looks for an App with this
    /// name before it sends the request again.
    pub async fn create(
        &self,
        new: &NewApp,
        state: &StateDir,
        mut tell: impl FnMut(&Provisioning),
    ) -> Result<CreatedApp> {
        self.check(new)?;
        let started = Instant::now();
        loop {
            if let Some(arn) = self.same_app(new).await? {
                Pending::save(state, &arn)?;
                return Ok(CreatedApp { arn, found: true });
            }
            let error = match self.plane.create_app(new).await {
                Ok(arn) => {
                    Pending::save(state, &arn)?;
                    return Ok(CreatedApp { arn, found: false });
                }
                Err(error) => error,
            };
            let (waited, for_role) = (started.elapsed(), is_role_not_known_yet(&error));
            let may_repeat = for_role || error.class() == Class::Transient;
            if !may_repeat || waited + self.retry_policy.interval > self.retry_policy.most_for_role {
                return Err(error);
            }
            let (reason, seconds) = (error.to_string(), waited.as_secs_f64());
            tracing::warn!("{reason}; trying again in {:?}", self.retry_policy.interval);
            if for_role {
                tell(&Provisioning::AppRoleAwaited { reason, seconds });
            }
            tokio::time::sleep(self.retry_policy.interval).await;
        }
    }

    /// Returns the App with the name of `new`. Returns an error if that App has another artifact store or another role.
    async fn same_app(&self, new: &NewApp) -> Result<Option<Arn>> {
        let is_app = |one: &AppSummary| one.resource == Resource::App;
        let Some(there) = self.find(&new.name).await?.filter(is_app) else { return Ok(None) };
        let arn = Arn::parse(&there.arn)?;
        let there = self.plane.describe(&arn).await?;
        let store = |uri: &str| uri.trim_end_matches('/').to_owned();
        let other = match () {
            () if store(&there.artifact_store_uri) != store(&new.artifact_store_uri) => {
                &there.artifact_store_uri
            }
            () if there.role_arn != new.role_arn => &there.role_arn,
            () => return Ok(Some(arn)),
        };
        Err(Error::permanent(format!("an App named {:?} already exists, with {other}: {arn}", new.name))
            .hint("use that one by its ARN, or give the new one another name"))
    }

    /// Sends the change and waits until it is applied.
    pub async fn update(
        &self,
        arn: &Arn,
        change: &AppChange,
        tell: impl FnMut(&Provisioning),
    ) -> Result<AppDescription> {
        if arn.resource() == Resource::TrackingServer {
            return Err(Error::usage(format!("{arn} is a tracking server, not an App"))
                .hint("change it with `aws sagemaker update-mlflow-tracking-server`"));
        }
        self.plane.update_app(arn, change).await?;
        let there = self.wait(arn, tell).await?;
        match there.listed.status.as_str() {
            "UpdateFailed" => Err(Error::permanent(format!(
                "{arn}: the update failed; the App keeps its previous configuration"
            ))),
            _ => Ok(there),
        }
    }

    /// Polls the App until it can be used.
    pub async fn wait(&self, arn: &Arn, mut tell: impl FnMut(&Provisioning)) -> Result<AppDescription> {
        let started = Instant::now();
        loop {
            let waited = started.elapsed();
            match self.plane.describe(arn).await {
                Ok(there) => {
                    let status = there.listed.status.clone();
                    tell(&Provisioning::AppStatus {
                        arn: arn.to_string(),
                        status,
                        seconds: waited.as_secs_f64(),
                    });
                    match there.listed.readiness() {
                        Readiness::Working if there.listed.status != "Deleting" => {}
                        Readiness::Ready => return Ok(there),
                        _ => return Err(never_ready(arn, &there)),
                    }
                }
                Err(error) if error.class() == Class::Transient => tracing::warn!("{error}; trying again"),
                Err(error) => return Err(error),
            }
            if waited + self.retry_policy.interval > self.retry_policy.most {
                let seconds = self.retry_policy.most.as_secs();
                return Err(Error::transient(format!("{arn} is not ready after {seconds} s")).hint(format!(
                    "AWS is still working on it: run `mlferry app wait {arn}` to wait again"
                )));
            }
            tokio::time::sleep(self.retry_policy.interval).await;
        }
    }
}

/// The error for an App that will never be ready. SageMaker gives no reason for a failed creation (AWS:
/// DescribeMlflowApp has no `FailureReason`).
fn never_ready(arn: &Arn, there: &AppDescription) -> Error {
    let AppDescription { listed, role_arn, artifact_store_uri, .. } = there;
    let error = Error::permanent(format!("{arn} is {}", listed.status));
    match listed.readiness() {
        Readiness::Stopped => error.hint(format!(
            "start it: aws sagemaker start-mlflow-tracking-server --tracking-server-name {}",
            arn.id()
        )),
        _ if listed.status == "CreateFailed" => error.hint(format!(
            "SageMaker gives no reason; usually the role {role_arn} does not trust sagemaker.amazonaws.com, it may not \
             use {artifact_store_uri}, or that bucket is not in {}. Fix this, delete this App \
             (aws sagemaker delete-mlflow-app --arn …) and create it again",
            arn.region()
        )),
        _ => error.hint("choose or create another one: `mlferry app list`"),
    }
}
