//! Checks permissions through IAM, without performing the actions: the App's role, and the policies of both roles. The
//! result is only advice, because policies of buckets, organisations and VPC endpoints apply too.

use serde_json::Value;

use super::report::Report;
use crate::aws::{AppDescription, Arn, Identity, Policy, Resource, Roles, Scope};
use crate::engine::Level;

pub struct Facts<'a> {
    pub arn: &'a Arn,
    pub there: &'a AppDescription,
    pub scope: &'a Scope,
    pub roles: &'a Roles,
}

/// The policy that the user of mlferry needs at this end.
fn policy(arn: &Arn) -> Policy {
    match arn.resource() {
        Resource::App => Policy::MigrationPrincipal,
        Resource::TrackingServer => Policy::TrackingServerSource,
    }
}

/// The part of the policy that allows these actions. It is shown to a user who does not have these permissions.
pub fn statement(arn: &Arn, actions: &[&str], scope: &Scope) -> Option<Value> {
    policy(arn).statement(actions, scope).inspect_err(|e| tracing::warn!("{e}")).ok()
}

/// The ARN of the user or the role to simulate in IAM. The ARN of a session does not contain the path of its role, so
/// the role is looked up (all SSO roles have a path).
pub async fn principal(who: &Identity, roles: &Roles) -> Option<String> {
    match who.role_name() {
        None => who.arn.contains(":user/").then(|| who.arn.clone()),
        Some(name) => match roles.get(name).await {
            Ok(role) => Some(role.arn),
            Err(error) => {
                tracing::info!("{error}");
                None
            }
        },
    }
}

/// Checks the permissions of all roles. `role` is the role that is assumed for MLflow calls, if there is one. In that
/// case, the role calls MLflow instead of the principal.
pub async fn check(facts: &Facts<'_>, principal: Option<&str>, role: Option<&str>, report: &mut Report<'_>) {
    if report.is_target() && facts.arn.resource() == Resource::App {
        trust(facts, report).await;
        let app = &facts.there.role_arn;
        simulate(facts, app, Policy::AppRole, "App's role", &of_app_role(facts.scope), report).await;
    }
    let (mut own, calls) = (of_migration(facts, report.is_target()), of_calls(facts.arn));
    match role {
        None => own.push(calls),
        Some(role) => simulate(facts, role, policy(facts.arn), "assumed role", &[calls], report).await,
    }
    match principal {
        None => report.warn(
            "permissions",
            "not simulated: these credentials may not look up their own role",
            "allow iam:GetRole on it, or continue: the checks above are more reliable",
        ),
        Some(principal) => {
            simulate(facts, principal, policy(facts.arn), "permissions", &own, report).await;
        }
    }
}

async fn trust(facts: &Facts<'_>, report: &mut Report<'_>) {
    const CHECK: &str = "role trust";
    let Some(name) = facts.there.role_arn.rsplit('/').next() else { return };
    match facts.roles.get(name).await {
        Ok(role) if role.trusts_sagemaker => report.ok(CHECK, format!("{name} can be assumed by SageMaker")),
        Ok(_) => report.fail(
            CHECK,
            format!("the App's role {name} cannot be assumed by sagemaker.amazonaws.com"),
            "give it the trust policy that `mlferry app policy app-role-trust` prints",
        ),
        Err(error) => {
            let statement = Policy::MigrationPrincipal.statement(&["iam:GetRole"], facts.scope).ok();
            report.error(Level::Warning, CHECK, &error, statement);
        }
    }
}

/// The actions, and the resource that they apply to.
type Needed = (Vec<&'static str>, String);

async fn simulate(
    facts: &Facts<'_>,
    principal: &str,
    policy: Policy,
    check: &'static str,
    needed: &[Needed],
    report: &mut Report<'_>,
) {
    let mut is_fine = true;
    for (actions, resource) in needed {
        match facts.roles.denied(principal, actions, resource).await {
            Ok(denied) if denied.is_empty() => {}
            Ok(denied) => {
                is_fine = false;
                let denied: Vec<&str> = denied.iter().map(String::as_str).collect();
                let statement = policy.statement(&denied, facts.scope).ok();
                let text =
                    format!("the policies of {principal} do not allow {} on {resource}", denied.join(", "));
                report.denied(check, text, statement);
            }
            Err(error) => {
                let statement =
                    Policy::MigrationPrincipal.statement(&["iam:SimulatePrincipalPolicy"], facts.scope);
                return report.error(Level::Warning, check, &error, statement.ok());
            }
        }
    }
    if is_fine {
        report.ok(check, format!("the policies of {principal} allow all needed actions"));
    }
}

/// The actions of the MLflow API.
fn of_calls(arn: &Arn) -> Needed {
    let actions = match arn.resource() {
        Resource::App => vec!["sagemaker:CallMlflowAppApi"],
        Resource::TrackingServer => vec![
            "sagemaker-mlflow:SearchExperiments",
            "sagemaker-mlflow:SearchRuns",
            "sagemaker-mlflow:GetMetricHistory",
            "sagemaker-mlflow:ListArtifacts",
            "sagemaker-mlflow:SearchRegisteredModels",
            "sagemaker-mlflow:SearchModelVersions",
            "sagemaker-mlflow:SearchTraces",
        ],
    };
    (actions, arn.to_string())
}

/// All other actions that a migration needs: actions of the control plane and of the store.
fn of_migration(facts: &Facts<'_>, writes: bool) -> Vec<Needed> {
    let describe = match facts.arn.resource() {
        Resource::App => "sagemaker:DescribeMlflowApp",
        Resource::TrackingServer => "sagemaker:DescribeMlflowTrackingServer",
    };
    let mut needed = vec![(vec![describe], facts.arn.to_string())];
    let Some((bucket, objects)) = store(facts.scope) else { return needed };
    let on_objects = match writes {
        true => {
            vec!["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        }
        false => vec!["s3:GetObject"],
    };
    needed.push((on_objects, objects));
    needed.push((vec!["s3:ListBucket", "s3:GetBucketLocation"], bucket));
    needed
}

/// The actions that the App's role needs on the store.
fn of_app_role(scope: &Scope) -> Vec<Needed> {
    let Some((bucket, objects)) = store(scope) else { return Vec::new() };
    vec![(vec!["s3:GetObject", "s3:PutObject"], objects), (vec!["s3:ListBucket"], bucket)]
}

/// The ARNs of the store's bucket, and of the objects below the store's prefix.
fn store(scope: &Scope) -> Option<(String, String)> {
    let (partition, bucket) = (scope.partition.as_deref()?, scope.bucket.as_deref()?);
    let prefix = scope.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map(|prefix| format!("{prefix}/")).unwrap_or_default();
    let bucket = format!("arn:{partition}:s3:::{bucket}");
    let objects = format!("{bucket}/{prefix}*");
    Some((bucket, objects))
}
