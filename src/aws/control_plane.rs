//! The control plane of SageMaker in one region: what both kinds of managed MLflow have in common.

use aws_sdk_sagemaker::Client;
use aws_sdk_sagemaker::primitives::DateTime;
use secrecy::SecretString;
use serde::Serialize;

use super::failure::Asked;
use super::{Arn, Resource, Session};
use crate::error::{Error, Result};

/// How long a link to the UI waits for its first use, in seconds; the most that AWS allows (AWS:
/// CreatePresignedMlflowAppUrl, `ExpiresInSeconds`).
pub(super) const LINK_SECONDS: i32 = 300;

/// Asks SageMaker about Apps and tracking servers of one region.
#[derive(Clone)]
pub struct ControlPlane {
    pub(super) client: Client,
    pub(super) region: String,
    session: Session,
}

/// An App or a tracking server, as it stands in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppSummary {
    #[serde(serialize_with = "kind")]
    pub resource: Resource,
    pub arn: String,
    pub name: String,
    /// SageMaker's own word: `Creating`, `Created` …
    pub status: String,
    pub mlflow_version: Option<String>,
    pub creation_time: Option<String>,
}

/// All that SageMaker tells of an App or a tracking server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppDescription {
    #[serde(flatten)]
    pub listed: AppSummary,
    pub artifact_store_uri: String,
    pub role_arn: String,
    /// Encrypts the App's metadata; fixed when it is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Registered models are copied to the SageMaker Model Registry as they are made.
    pub registers_models: bool,
    pub weekly_maintenance_window_start: Option<String>,
    pub maintenance_status: Option<String>,
    pub last_modified_time: Option<String>,
    /// Of a tracking server: whether it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

/// What a status means for somebody who wants to use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// It will be ready, or gone, without anybody doing anything.
    Working,
    /// A tracking server that can be started.
    Stopped,
    Failed,
    Gone,
}

impl Readiness {
    /// AWS: DescribeMlflowApp, `Status`; DescribeMlflowTrackingServer, `TrackingServerStatus`. After a failed update
    /// the former configuration goes on.
    pub fn of(status: &str) -> Self {
        match status {
            "Created"
            | "Updated"
            | "UpdateFailed"
            | "Started"
            | "MaintenanceComplete"
            | "MaintenanceFailed"
            | "StopFailed" => Self::Ready,
            "Creating" | "Updating" | "Starting" | "Stopping" | "MaintenanceInProgress" | "Deleting" => {
                Self::Working
            }
            "Stopped" | "StartFailed" => Self::Stopped,
            "Deleted" => Self::Gone,
            _ => Self::Failed,
        }
    }
}

impl AppSummary {
    pub fn readiness(&self) -> Readiness {
        Readiness::of(&self.status)
    }
}

impl ControlPlane {
    pub fn new(session: &Session, region: &str) -> Self {
        let region = region.to_owned();
        let config = aws_sdk_sagemaker::config::Builder::from(session.sdk())
            .region(aws_sdk_sagemaker::config::Region::new(region.clone()))
            .build();
        Self { client: Client::from_conf(config), region, session: session.clone() }
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// Active and failed ones, Apps first, all pages.
    pub async fn list(&self) -> Result<Vec<AppSummary>> {
        let (mut apps, servers) = tokio::try_join!(self.apps(), self.tracking_servers())?;
        apps.extend(servers);
        Ok(apps)
    }

    pub async fn describe(&self, arn: &Arn) -> Result<AppDescription> {
        match arn.resource() {
            Resource::App => self.app(arn).await,
            Resource::TrackingServer => self.tracking_server(arn.id()).await,
        }
    }

    /// A link that opens the UI, once, within five minutes. Whoever holds it is signed in: it belongs in no log.
    /// `SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN` applies to it, as it does to MLflow's own calls (sagemaker-mlflow 0.5.0,
    /// `presigned_url.py`).
    pub async fn link(&self, arn: &Arn) -> Result<SecretString> {
        let assumed = Self::new(&self.session.clone().with_assumed_role().await?, &self.region);
        let link = match arn.resource() {
            Resource::App => assumed.app_link(arn).await?,
            Resource::TrackingServer => assumed.tracking_server_link(arn.id()).await?,
        };
        link.map(SecretString::from).ok_or_else(|| Error::permanent("SageMaker gave no link to the UI"))
    }

    pub(super) fn asked<'a>(&'a self, action: &'static str, of: &'a str) -> Asked<'a> {
        Asked { action, of, region: &self.region }
    }
}

/// A moment as RFC 3339.
pub(super) fn moment(time: Option<&DateTime>) -> Option<String> {
    let time = jiff::Timestamp::from_second(time?.secs()).ok()?;
    Some(time.to_string())
}

fn kind<S: serde::Serializer>(resource: &Resource, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match resource {
        Resource::App => "mlflow_app",
        Resource::TrackingServer => "mlflow_tracking_server",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_model_means_something() {
        let table = [
            ("Creating", Readiness::Working),
            ("Created", Readiness::Ready),
            ("CreateFailed", Readiness::Failed),
            ("Updated", Readiness::Ready),
            ("UpdateFailed", Readiness::Ready),
            ("DeleteFailed", Readiness::Failed),
            ("Deleted", Readiness::Gone),
            ("Stopped", Readiness::Stopped),
            ("Starting", Readiness::Working),
            ("a word of next year", Readiness::Failed),
        ];
        for (status, readiness) in table {
            assert_eq!(Readiness::of(status), readiness, "{status}");
        }
    }
}
