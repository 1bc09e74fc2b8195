use super::progress::Reporter;
use super::{find, registers_models, show};
use crate::cli::app::{Create, Update, Wait};
use crate::commands::{Printer, confirm};
use crate::engine::{AppChange, Arn, COST, NewApp, Pending, Provision, StateDir};
use crate::error::{Error, Result};

/// Prints the ARN as soon as it is known, because the user may interrupt the wait.
pub async fn create(args: Create, state: &StateDir, printer: &Printer) -> Result<u8> {
    let provision = Provision::open(args.region.region.as_deref()).await?.with_patience(args.waiting.into());
    let (no_wait, yes) = (args.no_wait, args.yes);
    let new = wanted(args);
    provision.check(&new)?;
    if provision.find(&new.name).await?.is_none() && !yes {
        announce(&new, provision.region(), printer);
        if !confirm::confirm("Create it?")? {
            return Err(Error::stopped());
        }
    }
    let mut reporter = Reporter::new(printer);
    let made = provision.create(&new, state, |progress| reporter.show(progress)).await?;
    printer.news(&match made.found {
        true => format!("{} exists already: {}", new.name, made.arn),
        false => format!("creating {}", made.arn),
    });
    printer.object("app_made", &serde_json::json!({ "arn": made.arn.to_string(), "found": made.found }));
    if no_wait {
        printer.result(&made.arn.to_string());
        return Ok(0);
    }
    until_ready(&provision, &made.arn, state, &mut reporter, printer).await
}

fn wanted(args: Create) -> NewApp {
    NewApp {
        name: args.name,
        artifact_store_uri: args.artifact_store_uri,
        role_arn: args.role_arn,
        kms_key_id: args.kms_key_id,
        tags: args.tags.into_iter().collect(),
        weekly_maintenance_window_start: args.weekly_maintenance_window_start,
        registers_models: registers_models(args.model_registration_mode),
    }
}

fn announce(new: &NewApp, region: &str, printer: &Printer) {
    printer.news(&format!("This creates the MLflow App {:?} in {region},", new.name));
    printer.news(&format!("  with its artifacts in {}", new.artifact_store_uri));
    printer.news(&format!("  working with the role {}.", new.role_arn));
    printer.news(COST);
    printer.news("It takes two to five minutes.");
}

pub async fn wait(args: Wait, state: &StateDir, printer: &Printer) -> Result<u8> {
    let text = match args.app {
        Some(app) => app,
        None => Pending::load(state)?.map(|arn| arn.to_string()).ok_or_else(|| {
            Error::usage("no App is named, and no App is pending").hint("give the ARN or the name of an App")
        })?,
    };
    let (provision, arn) = find(&text, args.region.region.as_deref()).await?;
    let provision = provision.with_patience(args.waiting.into());
    until_ready(&provision, &arn, state, &mut Reporter::new(printer), printer).await
}

async fn until_ready(
    provision: &Provision,
    arn: &Arn,
    state: &StateDir,
    reporter: &mut Reporter<'_>,
    printer: &Printer,
) -> Result<u8> {
    let waited = provision.wait(arn, |progress| reporter.show(progress)).await;
    Pending::clear_if_done(state, arn, &waited)?;
    let there = waited?;
    printer.object("app", &there);
    printer.result(&there.listed.arn);
    Ok(0)
}

pub async fn update(args: Update, printer: &Printer) -> Result<u8> {
    let (provision, arn) = find(&args.one.app, args.one.region.region.as_deref()).await?;
    let provision = provision.with_patience(args.waiting.into());
    let change = AppChange {
        registers_models: args.model_registration_mode.map(registers_models),
        weekly_maintenance_window_start: args.weekly_maintenance_window_start,
    };
    let mut reporter = Reporter::new(printer);
    let there = provision.update(&arn, &change, |progress| reporter.show(progress)).await?;
    show::print(&there, printer);
    Ok(0)
}
