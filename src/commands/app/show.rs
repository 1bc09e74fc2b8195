use secrecy::ExposeSecret;
use serde_json::json;

use super::find;
use crate::cli::app::{List, One};
use crate::commands::Printer;
use crate::engine::{AppDescription, AppSummary, Provision, Resource};
use crate::error::Result;

pub async fn list(args: List, printer: &Printer) -> Result<u8> {
    let provision = Provision::open(args.region.region.as_deref()).await?;
    let all = provision.list().await?;
    all.iter().for_each(|one| printer.object("app", one));
    let region = provision.region();
    for (resource, title, none) in [
        (
            Resource::App,
            "MLflow Apps: serverless, the target of a migration",
            "none: `mlferry app create` creates one",
        ),
        (Resource::TrackingServer, "MLflow tracking servers: the older kind, paid by the hour", "none"),
    ] {
        printer.result(&format!("{title} ({region})"));
        let of_kind: Vec<&AppSummary> = all.iter().filter(|one| one.resource == resource).collect();
        if of_kind.is_empty() {
            printer.result(&format!("  {none}"));
        }
        for one in of_kind {
            let version = one.mlflow_version.as_deref().unwrap_or("-");
            printer.result(&format!("  {:<14} MLflow {version:<8} {}", one.status, one.name));
            printer.result(&format!("    {}", one.arn));
        }
    }
    Ok(0)
}

pub async fn describe(args: One, printer: &Printer) -> Result<u8> {
    let (provision, arn) = find(&args.app, args.region.region.as_deref()).await?;
    print(&provision.describe(&arn).await?, printer);
    Ok(0)
}

pub fn print(there: &AppDescription, printer: &Printer) {
    printer.object("app", there);
    let AppDescription { listed, .. } = there;
    let yes_or_no = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
    let lines = [
        ("name", Some(listed.name.clone())),
        ("kind", Some(listed.resource.to_string())),
        ("ARN", Some(listed.arn.clone())),
        ("status", Some(listed.status.clone())),
        ("running", there.is_active.and_then(yes_or_no)),
        ("MLflow", listed.mlflow_version.clone()),
        ("artifact store", Some(there.artifact_store_uri.clone())),
        ("role", Some(there.role_arn.clone())),
        ("KMS key", there.kms_key_id.clone()),
        ("registers models", yes_or_no(there.registers_models)),
        ("maintenance", there.weekly_maintenance_window_start.as_ref().map(|start| format!("{start} UTC"))),
        ("last maintenance", there.maintenance_status.clone()),
        ("created", listed.creation_time.clone()),
        ("last modified", there.last_modified_time.clone()),
    ];
    for (title, value) in lines {
        if let Some(value) = value {
            printer.result(&format!("{title:<17} {value}"));
        }
    }
}

/// The link goes to stdout and, in a terminal, to the clipboard. It is never written to a log.
pub async fn open(args: One, printer: &Printer) -> Result<u8> {
    let (provision, arn) = find(&args.app, args.region.region.as_deref()).await?;
    let link = provision.link(&arn).await?;
    printer.object("app_link", &json!({ "arn": arn.to_string(), "url": link.expose_secret() }));
    printer.result(link.expose_secret());
    if printer.copy(link.expose_secret()) {
        printer.news("copied to the clipboard, if the terminal allows it");
    }
    printer.news("the link opens the UI once, within five minutes, for anyone who has it");
    Ok(0)
}
