//! Checks an MLflow App or a managed tracking server, from the credentials to the artifact store.

use jiff::Timestamp;

use super::permissions::statement;
use super::report::Report;
use super::{EndResult, account, permissions, store};
use crate::aws::{
    AppDescription, Arn, ControlPlane, MaintenanceWindow, Readiness, Resource, Roles, Scope, Session,
};
use crate::engine::endpoint::open_managed;
use crate::engine::{Endpoint, Level};
use crate::error::Class;
use crate::rest::Access;

pub async fn inspect(arn: Arn, access: Access, report: &mut Report<'_>) -> EndResult {
    let session = match Session::open(Some(arn.region())).await {
        Ok(session) => session,
        Err(error) => {
            report.error(Level::Failure, "identity", &error, None);
            return EndResult::default();
        }
    };
    let Some(who) = account::check(&arn, &session, report).await else { return EndResult::default() };
    let mut scope = Scope::of(&arn);
    let there = match describe(&arn, &session, &scope, report).await {
        Described::Usable(there) => Some(there),
        Described::Unknown => None,
        Described::Unusable => return EndResult::default(),
    };
    let Some(caller) = caller(&session, report).await else { return EndResult::default() };
    let role = caller.assumed_role().map(str::to_owned);
    let sessions = (session.clone(), caller);
    let Some(endpoint) = data_plane(&arn, sessions, access, &scope, report).await else {
        return EndResult::default();
    };
    let registers_models = there.as_ref().filter(|there| there.registers_models).map(|_| arn.clone());
    match there {
        None => report.warn(
            "artifact store",
            "not checked, because the bucket is unknown",
            "grant the permission that is missing above",
        ),
        Some(there) => {
            scope = scope.with_store(&there.artifact_store_uri);
            scope.app_role = role_name(&there.role_arn);
            let roles = Roles::new(&session, arn.region());
            let principal = permissions::principal(&who, &roles).await;
            scope.migration_role = principal.as_deref().and_then(role_name);
            store::check(&arn, &session, &there.artifact_store_uri, &scope, report).await;
            let facts = permissions::Facts { arn: &arn, there: &there, scope: &scope, roles: &roles };
            permissions::check(&facts, principal.as_deref(), role.as_deref(), report).await;
        }
    }
    EndResult { endpoint: Some(endpoint), registers_models }
}

/// The path and the name of a role, taken from its ARN.
fn role_name(arn: &str) -> Option<String> {
    arn.split_once(":role/").map(|(_, name)| name.to_owned())
}

enum Described {
    Usable(Box<AppDescription>),
    /// These credentials are not allowed to request the description.
    Unknown,
    Unusable,
}

async fn describe(arn: &Arn, session: &Session, scope: &Scope, report: &mut Report<'_>) -> Described {
    let check = what(arn);
    let there = match ControlPlane::new(session, arn.region()).describe(arn).await {
        Ok(there) => there,
        Err(error) => {
            let is_denied = error.class() == Class::Forbidden;
            let level = if is_denied { Level::Warning } else { Level::Failure };
            let action = match arn.resource() {
                Resource::App => "sagemaker:DescribeMlflowApp",
                Resource::TrackingServer => "sagemaker:DescribeMlflowTrackingServer",
            };
            report.error(level, check, &error, statement(arn, &[action], scope));
            return if is_denied { Described::Unknown } else { Described::Unusable };
        }
    };
    let listed = &there.listed;
    let version = listed.mlflow_version.as_deref().unwrap_or("of an unknown version");
    let text = format!("{} is {}, MLflow {version}", listed.name, listed.status);
    let is_stopped = there.is_active == Some(false) || listed.readiness() == Readiness::Stopped;
    match listed.readiness() {
        _ if is_stopped => report.fail(
            check,
            format!("{text}, and is not running"),
            format!("aws sagemaker start-mlflow-tracking-server --tracking-server-name {}", arn.id()),
        ),
        Readiness::Ready if listed.status.ends_with("Failed") => {
            report.warn(
                check,
                text,
                "it keeps its previous configuration; fix the update after the migration",
            );
        }
        Readiness::Ready => report.ok(check, text),
        Readiness::Working => report.fail(check, text, format!("wait for it: mlferry app wait {arn}")),
        _ => report.fail(check, text, "choose or create another one: mlferry app list, mlferry app create"),
    }
    maintenance(&there, report);
    match is_stopped || listed.readiness() != Readiness::Ready {
        true => Described::Unusable,
        false => Described::Usable(Box::new(there)),
    }
}

fn maintenance(there: &AppDescription, report: &mut Report<'_>) {
    if there.maintenance_status.as_deref() == Some("MaintenanceInProgress") {
        return report.fail("maintenance", "AWS is updating it right now", "try again in an hour");
    }
    let Some(text) = &there.weekly_maintenance_window_start else { return };
    let Ok(window) = MaintenanceWindow::parse(text) else { return };
    match window.is_open(Timestamp::now()) {
        true => report.warn(
            "maintenance",
            format!(
                "its weekly maintenance window has begun ({text} UTC): AWS may update it, and it may pause"
            ),
            "start in an hour; if a migration is interrupted, run the same command again to resume it",
        ),
        false => report.ok("maintenance", format!("not now; weekly, {text} UTC")),
    }
}

/// Returns the session that signs MLflow calls. It has the same credentials, or those of a role that they assume for
/// these calls.
async fn caller(session: &Session, report: &mut Report<'_>) -> Option<Session> {
    const CHECK: &str = "assumed role";
    match session.clone().with_assumed_role().await {
        Ok(caller) => {
            if let Some(role) = caller.assumed_role() {
                report.ok(CHECK, format!("{role} calls MLflow"));
            }
            Some(caller)
        }
        Err(error) => {
            report.error(Level::Failure, CHECK, &error, None);
            None
        }
    }
}

async fn data_plane(
    arn: &Arn,
    (session, caller): (Session, Session),
    access: Access,
    scope: &Scope,
    report: &mut Report<'_>,
) -> Option<Endpoint> {
    match open_managed(arn.clone(), session, caller, access).await {
        Ok(server) => {
            let version = server.probe.version.map(|version| format!(" as MLflow {version}"));
            let milliseconds = server.probe.latency.as_millis();
            report.ok("data plane", format!("answers{} in {milliseconds} ms", version.unwrap_or_default()));
            Some(Endpoint::Server(server))
        }
        Err(error) => {
            let actions: &[&str] = match arn.resource() {
                Resource::App => &["sagemaker:CallMlflowAppApi"],
                Resource::TrackingServer => &["sagemaker-mlflow:SearchExperiments"],
            };
            report.error(Level::Failure, "data plane", &error, statement(arn, actions, scope));
            None
        }
    }
}

fn what(arn: &Arn) -> &'static str {
    match arn.resource() {
        Resource::App => "App",
        Resource::TrackingServer => "tracking server",
    }
}
