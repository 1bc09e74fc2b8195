use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;

use super::patterns;
use crate::error::{Error, Result};

const VARIABLE: &str = "SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN";
const TTL_VARIABLE: &str = "SAGEMAKER_MLFLOW_ASSUME_ROLE_TTL_SECONDS";
/// The name under which the official plugin assumes a role (sagemaker-mlflow 0.5.0, `auth.py`): trust policies may
/// require it.
const SESSION_NAME: &str = "AuthBotoSagemakerMlFlow";
/// How long the plugin keeps the credentials of a role, and the limits of that time (sagemaker-mlflow 0.5.0,
/// `auth.py`), in seconds.
const TTL: u64 = 3_300;
const TTL_LIMITS: (u64, u64) = (300, 3_600);

/// The role that `SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    pub arn: String,
    /// How long one session of the role is used.
    pub most: Duration,
}

impl AssumedRole {
    /// Reads the variables. `None` when the role is not set.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) when one of the variables is invalid.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let get = |name: &str| {
            variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let Some(arn) = get(VARIABLE) else { return Ok(None) };
        patterns::role(&arn).map_err(|e| e.at(VARIABLE))?;
        let ttl = match get(TTL_VARIABLE) {
            None => TTL,
            Some(text) => text.parse::<u64>().map_err(|_| {
                Error::usage(format!("{TTL_VARIABLE}: {text:?} is not a number of seconds"))
                    .hint("give a number from 300 to 3600")
            })?,
        };
        Ok(Some(Self { arn, most: Duration::from_secs(ttl.clamp(TTL_LIMITS.0, TTL_LIMITS.1)) }))
    }

    /// A provider that requests sessions of the role from STS, with the credentials of `base`.
    pub async fn provider(&self, base: &SdkConfig) -> AssumeRoleProvider {
        AssumeRoleProvider::builder(&self.arn).session_name(SESSION_NAME).configure(base).build().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:iam::123456789012:role/of/mlflow";

    fn of(arn: &str, ttl: &str) -> Result<Option<AssumedRole>> {
        AssumedRole::of(|name| Some(if name == VARIABLE { arn } else { ttl }.to_owned()))
    }

    #[test]
    fn the_variables_are_the_plugins() {
        assert_eq!(of("", "").unwrap(), None);
        for (ttl, seconds) in [("", 3_300), ("900", 900), ("1", 300), ("99999", 3_600)] {
            let role = of(&format!(" {ARN} "), ttl).unwrap().unwrap();
            assert_eq!((role.arn.as_str(), role.most.as_secs()), (ARN, seconds), "{ttl}");
        }
        for (arn, ttl, named) in [(ARN, "soon", TTL_VARIABLE), ("mlflow", "", VARIABLE)] {
            let error = of(arn, ttl).unwrap_err();
            assert!(error.to_string().starts_with(named), "{error}");
            assert_eq!((error.exit_code(), error.get_hint().is_some()), (2, true));
        }
    }
}
