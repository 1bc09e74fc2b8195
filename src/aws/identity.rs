use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use jiff::fmt::rfc2822;

use super::Session;
use super::failure::{Request, failure};
use crate::error::{Error, Result};

/// The identity that signs requests, as STS reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    /// A user, or a session of a role: `arn:aws:sts::123456789012:assumed-role/Role/session`.
    pub arn: String,
}

/// The answer of STS, and the difference to its clock.
pub struct CallerIdentity {
    pub identity: Result<Identity>,
    /// How far this machine's clock is ahead of AWS's, in seconds; `None` when no answer had a date.
    pub clock_ahead: Option<i64>,
}

impl Identity {
    /// The name of the role behind a session; `None` for users. Its path is not part of a session's ARN.
    pub fn role_name(&self) -> Option<&str> {
        let (_, after) = self.arn.split_once(":assumed-role/")?;
        after.split('/').next()
    }
}

/// Asks STS for the identity of the credentials. No policy can deny this call (AWS: GetCallerIdentity), so a failure is
/// caused by the credentials, the clock or the network.
pub async fn identity(session: &Session, region: &str) -> CallerIdentity {
    let asked = Request { action: "sts:GetCallerIdentity", of: "", region };
    let clock = Clock::default();
    let config = aws_sdk_sts::config::Builder::from(session.sdk())
        .region(aws_sdk_sts::config::Region::new(region.to_owned()))
        .interceptor(clock.clone())
        .build();
    let answer = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
    let identity =
        answer.map_err(|e| failure(asked, &e)).and_then(|answer| match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(Identity { account, arn }),
            _ => Err(Error::permanent("STS did not return the owner of these credentials")),
        });
    CallerIdentity { identity, clock_ahead: *clock.0.lock().unwrap_or_else(PoisonError::into_inner) }
}

/// Reads the date of the last answer.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<Mutex<Option<i64>>>);

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let ahead = context.response().headers().get("date").and_then(seconds_ahead_of);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
        Ok(())
    }
}

fn seconds_ahead_of(date: &str) -> Option<i64> {
    let server = rfc2822::parse(date).ok()?.timestamp().as_second();
    let local = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(i64::try_from(local).ok()? - server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_names_its_role() {
        let of = |arn: &str| Identity { account: "1".into(), arn: arn.into() };
        assert_eq!(of("arn:aws:sts::1:assumed-role/Admin/ann@example.com").role_name(), Some("Admin"));
        assert_eq!(of("arn:aws:iam::1:user/ann").role_name(), None);
    }

    #[test]
    fn the_date_of_an_answer_is_understood() {
        assert!(seconds_ahead_of("Tue, 24 Nov 2020 05:30:00 GMT").unwrap() > 100_000_000);
        assert_eq!(seconds_ahead_of("soon"), None);
    }
}
