//! `mlferry app …`: one function for each operation of the control plane.

mod create;
mod policy;
mod probe;
mod progress;
mod show;

use serde_json::json;

use super::Printer;
use super::endpoints::Endpoints;
use crate::cli::app::{App, AppCommand, Registration, Waiting};
use crate::engine::{Arn, Polling, Provision, StateDir};
use crate::error::{Class, Error, Result};

pub async fn app(args: App, state: StateDir, ends: &Endpoints<'_>, printer: &Printer) -> Result<u8> {
    let (name, code) = match args.command {
        AppCommand::List(args) => ("list", show::list(args, printer).await?),
        AppCommand::Describe(args) => ("describe", show::describe(args, printer).await?),
        AppCommand::Open(args) => ("open", show::open(args, printer).await?),
        AppCommand::Create(args) => ("create", create::create(args, &state, printer).await?),
        AppCommand::Wait(args) => ("wait", create::wait(args, &state, printer).await?),
        AppCommand::Update(args) => ("update", create::update(args, printer).await?),
        AppCommand::Probe(args) => ("probe", probe::probe(args, ends, printer).await?),
        AppCommand::Policy(args) => ("policy", policy::policy(&args, printer)?),
    };
    printer.object("outcome", &json!({ "step": "app", "command": name }));
    Ok(code)
}

/// Finds the App for an ARN or a name, and the region to send requests to.
async fn find(text: &str, region: Option<&str>) -> Result<(Provision, Arn)> {
    if text.starts_with("arn:") {
        let arn = Arn::parse(text)?;
        if let Some(region) = region.filter(|region| *region != arn.region()) {
            return Err(Error::usage(format!("{arn} is in {}, not in {region}", arn.region()))
                .hint("omit --region: the ARN contains the region"));
        }
        return Ok((Provision::of(&arn).await?, arn));
    }
    let provision = Provision::open(region).await?;
    let found = provision.find(text).await?.ok_or_else(|| {
        let region = provision.region();
        let message = format!("there is no App or tracking server named {text:?} in {region}");
        Error::new(Class::NotFound, message).hint(format!("`mlferry app list --region {region}` lists them"))
    })?;
    let arn = Arn::parse(&found.arn)?;
    Ok((provision, arn))
}

impl From<Waiting> for Polling {
    fn from(given: Waiting) -> Self {
        let (interval, most) = (given.poll_interval, given.timeout);
        let [interval, most] = [interval, most].map(std::time::Duration::from_secs_f64);
        Self { interval, most, most_for_role: most.min(Self::default().most_for_role) }
    }
}

fn registers_models(mode: Registration) -> bool {
    mode == Registration::Enabled
}
