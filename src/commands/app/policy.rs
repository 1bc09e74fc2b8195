use serde_json::json;

use crate::cli::app::{self, PolicyName};
use crate::commands::Printer;
use crate::engine::{Arn, Policy, Scope, check_role, unfilled};
use crate::error::{Error, Result};

/// Prints only JSON to stdout, so that the user can redirect it into a file.
pub fn policy(args: &app::Policy, printer: &Printer) -> Result<u8> {
    let scope = scope(args)?;
    let wanted = args.policy.map(Policy::from);
    for policy in Policy::ALL.into_iter().filter(|policy| wanted.is_none_or(|wanted| wanted == *policy)) {
        let document = policy.document(&scope)?;
        printer.object("policy", &json!({ "policy": policy, "document": document }));
        printer.news(&format!("{}:", policy.title()));
        printer.result(&serde_json::to_string_pretty(&document)?);
        let unfilled = unfilled(&document);
        if !unfilled.is_empty() {
            printer.news(&format!("to be filled in: {}", unfilled.join(", ")));
        }
    }
    Ok(0)
}

fn scope(args: &app::Policy) -> Result<Scope> {
    let of_arn = match &args.app {
        Some(app) => Scope::of(&Arn::parse(app)?),
        None => Scope::default(),
    };
    if let Some(account) =
        args.account.as_ref().filter(|a| a.len() != 12 || !a.chars().all(|c| c.is_ascii_digit()))
    {
        return Err(Error::usage(format!("{account:?} is not an account id: it must have 12 digits")));
    }
    let environment = || std::env::var("AWS_REGION").ok().filter(|region| !region.is_empty());
    Ok(Scope {
        region: of_arn.region.or_else(|| args.region.region.clone()).or_else(environment),
        account: of_arn.account.or_else(|| args.account.clone()),
        bucket: args.bucket.clone(),
        prefix: args.prefix.as_deref().map(|prefix| prefix.trim_matches('/').to_owned()),
        app_role: args.role.as_deref().map(role_name).transpose()?,
        migration_role: args.migration_role.as_deref().map(role_name).transpose()?,
        key: args.kms_key.clone(),
        ..of_arn
    })
}

/// The name of the role, with its path.
fn role_name(arn: &str) -> Result<String> {
    check_role(arn)?;
    Ok(arn.split_once(":role/").map_or(arn, |(_, name)| name).to_owned())
}

impl From<PolicyName> for Policy {
    fn from(given: PolicyName) -> Self {
        match given {
            PolicyName::MigrationPrincipal => Self::MigrationPrincipal,
            PolicyName::AppRole => Self::AppRole,
            PolicyName::AppRoleTrust => Self::AppRoleTrust,
            PolicyName::TrackingServerSource => Self::TrackingServerSource,
        }
    }
}
