//! The control plane of SageMaker in one region: the code that both kinds of managed MLflow share.

use aws_sdk_sagemaker::Client;
use aws_sdk_sagemaker::primitives::DateTime;
use secrecy::SecretString;
use serde::Serialize;

use super::failure::Request;
use super::{Arn, Resource, Session};
use crate::error::{Error, Result};

/// How long a link to the UI stays valid before its first use, in seconds. It is the maximum that AWS allows (AWS:
/// CreatePresignedMlflowAppUrl, `ExpiresInSeconds`).
pub(super) const LINK_SECONDS: i32 = 300;

/// The client for Apps and tracking servers of one region.
#[derive(Clone)]
pub struct ControlPlane {
    pub(super) client: Client,
    pub(super) region: String,
    session: Session,
}

/// An App or a tracking server, as a list contains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppSummary {
    #[serde(serialize_with = "kind")]
    pub resource: Resource,
    pub arn: String,
    pub name: String,
    /// The status in SageMaker's terms: `Creating`, `Created` …
    pub status: String,
    pub mlflow_version: Option<String>,
    pub creation_time: Option<String>,
}

/// Everything that SageMaker reports about an App or a tracking server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppDescription {
    #[serde(flatten)]
    pub listed: AppSummary,
    pub artifact_store_uri: String,
    pub role_arn: String,
    /// Encrypts the App's metadata; fixed when it is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// New registered models are copied to the SageMaker Model Registry.
    pub registers_models: bool,
    pub weekly_maintenance_window_start: Option<String>,
    pub maintenance_status: Option<String>,
    pub last_modified_time: Option<String>,
    /// Whether a tracking server is running. Absent for an App.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

/// What a status means for the user of an App or a tracking server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// It is being created, updated or deleted: AWS finishes this without the user.
    Working,
    /// A tracking server that can be started.
    Stopped,
    Failed,
    Gone,
}

impl Readiness {
    /// AWS: DescribeMlflowApp, `Status`; DescribeMlflowTrackingServer, `TrackingServerStatus`. After a failed update
    /// the previous configuration stays in use.
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

    /// All active and failed Apps and tracking servers, Apps first.
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

    /// A link that opens the UI once, within five minutes. It signs in anyone who has it, so it must not appear in a
    /// log. `SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN` applies to it, as it does to MLflow's own calls (sagemaker-mlflow 0.5.0,
    /// `presigned_url.py`).
    pub async fn link(&self, arn: &Arn) -> Result<SecretString> {
        let assumed = Self::new(&self.session.clone().with_assumed_role().await?, &self.region);
        let link = match arn.resource() {
            Resource::App => assumed.app_link(arn).await?,
            Resource::TrackingServer => assumed.tracking_server_link(arn.id()).await?,
        };
        link.map(SecretString::from).ok_or_else(|| Error::permanent("SageMaker returned no link to the UI"))
    }

    pub(super) fn asked<'a>(&'a self, action: &'static str, of: &'a str) -> Request<'a> {
        Request { action, of, region: &self.region }
    }
}

/// A time as RFC 3339.
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
    fn every_status_has_a_meaning() {
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
