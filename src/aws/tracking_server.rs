//! Managed tracking servers, through the control plane. They are only sources of migrations; mlferry does not create
//! any.

use aws_sdk_sagemaker::types::IsTrackingServerActive;

use super::control_plane::{LINK_SECONDS, moment};
use super::failure::failure;
use super::{AppDescription, AppSummary, ControlPlane, Resource};
use crate::error::Result;

impl ControlPlane {
    pub(super) async fn tracking_servers(&self) -> Result<Vec<AppSummary>> {
        let mut pages = self.client.list_mlflow_tracking_servers().into_paginator().send();
        let mut servers = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|e| failure(self.asked("sagemaker:ListMlflowTrackingServers", ""), &e))?;
            servers.extend(page.tracking_server_summaries.unwrap_or_default().into_iter().map(|one| {
                AppSummary {
                    resource: Resource::TrackingServer,
                    creation_time: moment(one.creation_time()),
                    arn: one.tracking_server_arn.unwrap_or_default(),
                    name: one.tracking_server_name.unwrap_or_default(),
                    status: one
                        .tracking_server_status
                        .map(|status| status.as_str().to_owned())
                        .unwrap_or_default(),
                    mlflow_version: one.mlflow_version,
                }
            }));
        }
        Ok(servers)
    }

    pub(super) async fn tracking_server(&self, name: &str) -> Result<AppDescription> {
        let asked = self.asked("sagemaker:DescribeMlflowTrackingServer", name);
        let call = self.client.describe_mlflow_tracking_server().tracking_server_name(name);
        let answer = call.send().await.map_err(|e| failure(asked, &e))?;
        Ok(AppDescription {
            registers_models: answer.automatic_model_registration == Some(true),
            maintenance_status: answer
                .tracking_server_maintenance_status
                .as_ref()
                .map(|s| s.as_str().to_owned()),
            last_modified_time: moment(answer.last_modified_time()),
            is_active: answer.is_active.as_ref().map(|active| *active == IsTrackingServerActive::Active),
            listed: AppSummary {
                resource: Resource::TrackingServer,
                creation_time: moment(answer.creation_time()),
                arn: answer.tracking_server_arn.unwrap_or_default(),
                name: answer.tracking_server_name.unwrap_or_else(|| name.to_owned()),
                status: answer.tracking_server_status.map(|s| s.as_str().to_owned()).unwrap_or_default(),
                mlflow_version: answer.mlflow_version,
            },
            artifact_store_uri: answer.artifact_store_uri.unwrap_or_default(),
            role_arn: answer.role_arn.unwrap_or_default(),
            kms_key_id: None,
            weekly_maintenance_window_start: answer.weekly_maintenance_window_start,
        })
    }

    pub(super) async fn tracking_server_link(&self, name: &str) -> Result<Option<String>> {
        let asked = self.asked("sagemaker:CreatePresignedMlflowTrackingServerUrl", name);
        let call = self.client.create_presigned_mlflow_tracking_server_url();
        let call = call.tracking_server_name(name).expires_in_seconds(LINK_SECONDS);
        Ok(call.send().await.map_err(|e| failure(asked, &e))?.authorized_url)
    }
}
