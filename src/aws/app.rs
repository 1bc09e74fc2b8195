//! MLflow Apps, through the control plane.

use std::collections::BTreeMap;

use aws_sdk_sagemaker::config::Config;
use aws_sdk_sagemaker::config::retry::RetryConfig;
use aws_sdk_sagemaker::types::{ModelRegistrationMode, Tag};
use serde::Serialize;

use super::control_plane::{LINK_SECONDS, moment};
use super::failure::failure;
use super::{AppDescription, AppSummary, Arn, ControlPlane, MaintenanceWindow, Resource, patterns};
use crate::error::Result;

/// The settings of a new App.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewApp {
    pub name: String,
    /// `s3://bucket/prefix`, in the App's own region.
    pub artifact_store_uri: String,
    /// The role with which the App reads and writes the artifact store.
    pub role_arn: String,
    /// Encrypts the App's metadata; cannot be changed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// `Tue:03:30`, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly_maintenance_window_start: Option<String>,
    /// Copy registered models to the SageMaker Model Registry. An import needs this off: otherwise each version costs a
    /// second call, and names that the registry does not accept are refused.
    pub registers_models: bool,
}

/// The settings of an App that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppChange {
    pub registers_models: Option<bool>,
    pub weekly_maintenance_window_start: Option<String>,
}

impl NewApp {
    /// Checks every field against the pattern of AWS's service model.
    pub fn check(&self) -> Result<()> {
        patterns::name(&self.name)?;
        patterns::artifact_store(&self.artifact_store_uri)?;
        patterns::role(&self.role_arn)?;
        self.kms_key_id.as_deref().map_or(Ok(()), patterns::key)?;
        self.weekly_maintenance_window_start.as_deref().map(MaintenanceWindow::parse).transpose()?;
        patterns::tags(&self.tags)
    }
}

impl ControlPlane {
    pub(super) async fn apps(&self) -> Result<Vec<AppSummary>> {
        let mut pages = self.client.list_mlflow_apps().into_paginator().send();
        let mut apps = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| failure(self.asked("sagemaker:ListMlflowApps", ""), &e))?;
            apps.extend(page.summaries.unwrap_or_default().into_iter().map(|one| AppSummary {
                resource: Resource::App,
                creation_time: moment(one.creation_time()),
                arn: one.arn.unwrap_or_default(),
                name: one.name.unwrap_or_default(),
                status: one.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
                mlflow_version: one.mlflow_version,
            }));
        }
        Ok(apps)
    }

    pub(super) async fn app(&self, arn: &Arn) -> Result<AppDescription> {
        let arn = arn.to_string();
        let asked = self.asked("sagemaker:DescribeMlflowApp", &arn);
        let answer =
            self.client.describe_mlflow_app().arn(&arn).send().await.map_err(|e| failure(asked, &e))?;
        Ok(AppDescription {
            registers_models: answer.model_registration_mode
                == Some(ModelRegistrationMode::AutoModelRegistrationEnabled),
            maintenance_status: answer.maintenance_status.as_ref().map(|status| status.as_str().to_owned()),
            last_modified_time: moment(answer.last_modified_time()),
            is_active: None,
            listed: AppSummary {
                resource: Resource::App,
                creation_time: moment(answer.creation_time()),
                arn: answer.arn.unwrap_or(arn),
                name: answer.name.unwrap_or_default(),
                status: answer.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
                mlflow_version: answer.mlflow_version,
            },
            artifact_store_uri: answer.artifact_store_uri.unwrap_or_default(),
            role_arn: answer.role_arn.unwrap_or_default(),
            kms_key_id: answer.kms_key_id,
            weekly_maintenance_window_start: answer.weekly_maintenance_window_start,
        })
    }

    /// Creates an App. The call is sent once: it has no client token, so a second try could create a second App. After
    /// an error, the caller looks for the App by its name.
    pub async fn create_app(&self, new: &NewApp) -> Result<Arn> {
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags: Vec<Tag> = new.tags.iter().map(tag).collect();
        let made = self
            .client
            .create_mlflow_app()
            .name(&new.name)
            .artifact_store_uri(&new.artifact_store_uri)
            .role_arn(&new.role_arn)
            .set_kms_key_id(new.kms_key_id.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .set_weekly_maintenance_window_start(new.weekly_maintenance_window_start.clone())
            .model_registration_mode(mode(new.registers_models))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await
            .map_err(|e| failure(self.asked("sagemaker:CreateMlflowApp", &new.name), &e))?;
        Arn::parse(made.arn().unwrap_or_default())
    }

    /// Changes the settings of an App. Every change includes the current registration mode: without it, AWS would
    /// enable the registration of models (AWS: UpdateMlflowApp, `ModelRegistrationMode`).
    pub async fn update_app(&self, arn: &Arn, change: &AppChange) -> Result<()> {
        let window = change.weekly_maintenance_window_start.as_deref();
        window.map(MaintenanceWindow::parse).transpose()?;
        let registers_models = match change.registers_models {
            Some(registers_models) => registers_models,
            None => self.app(arn).await?.registers_models,
        };
        let arn = arn.to_string();
        let asked = self.asked("sagemaker:UpdateMlflowApp", &arn);
        self.client
            .update_mlflow_app()
            .arn(&arn)
            .model_registration_mode(mode(registers_models))
            .set_weekly_maintenance_window_start(change.weekly_maintenance_window_start.clone())
            .send()
            .await
            .map_err(|e| failure(asked, &e))?;
        Ok(())
    }

    pub(super) async fn app_link(&self, arn: &Arn) -> Result<Option<String>> {
        let arn = arn.to_string();
        let asked = self.asked("sagemaker:CreatePresignedMlflowAppUrl", &arn);
        let call = self.client.create_presigned_mlflow_app_url().arn(&arn).expires_in_seconds(LINK_SECONDS);
        Ok(call.send().await.map_err(|e| failure(asked, &e))?.authorized_url)
    }
}

fn mode(registers_models: bool) -> ModelRegistrationMode {
    match registers_models {
        true => ModelRegistrationMode::AutoModelRegistrationEnabled,
        false => ModelRegistrationMode::AutoModelRegistrationDisabled,
    }
}
