//! Finds names that the SageMaker Model Registry refuses, for an App that copies registered models to it.

use super::report::Report;
use crate::aws::Arn;
use crate::engine::{Endpoint, Level};
use crate::error::Result;
use crate::readers::read_all;

const CHECK: &str = "model registry";
/// The maximum length of a name in the pattern `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}` (AWS: CreateModelPackageGroup,
/// `ModelPackageGroupName`).
const MAX_NAME_LENGTH: usize = 63;
const MAX_SHOWN: usize = 3;

pub async fn check(arn: &Arn, source: Option<&Endpoint>, report: &mut Report<'_>) {
    let hint = format!(
        "switch it off for the migration: mlferry app update {arn} --model-registration-mode AutoModelRegistrationDisabled"
    );
    let slow = "the App copies each new registered model to the SageMaker Model Registry, which is slow";
    let refused = match source {
        None => Vec::new(),
        Some(source) => match refused(source).await {
            Ok(refused) => refused,
            Err(error) => return report.error(Level::Warning, CHECK, &error, None),
        },
    };
    if refused.is_empty() {
        return report.warn(CHECK, slow, hint);
    }
    let shown: Vec<String> = refused.iter().take(MAX_SHOWN).map(|name| format!("{name:?}")).collect();
    let more = match refused.len().saturating_sub(MAX_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    report.warn(CHECK, format!("{slow}; it refuses these names: {}{more}", shown.join(", ")), hint);
}

async fn refused(source: &Endpoint) -> Result<Vec<String>> {
    // If the list cannot be read, the steps that need it report the error.
    let (models, _) = read_all(source.reader()?.registered_models()).await?;
    Ok(models.into_iter().map(|model| model.name).filter(|name| !is_taken(name)).collect())
}

fn is_taken(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    name.len() <= MAX_NAME_LENGTH
        && name.starts_with(edge)
        && name.ends_with(edge)
        && name.chars().all(|c| edge(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::is_taken;

    #[test]
    fn the_registry_accepts_letters_digits_and_dashes() {
        for fine in ["churn", "my-model", "A1", &"x".repeat(63)] {
            assert!(is_taken(fine), "{fine}");
        }
        for bad in ["", "my_model", "my model", "-x", "x-", "größe", &"x".repeat(64)] {
            assert!(!is_taken(bad), "{bad}");
        }
    }
}
