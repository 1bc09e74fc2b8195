//! Checks the identity that signs requests, and whether this machine's clock allows signed requests.

use super::report::Report;
use crate::aws::{Arn, CallerIdentity, Identity, Session, identity};
use crate::engine::Level;

/// AWS refuses requests whose date differs by more than this from its own time, in seconds (AWS: Signature Version 4).
const MAX_SKEW_SECONDS: i64 = 300;
/// A smaller difference is not reported.
const MIN_SKEW_SHOWN: i64 = 30;

/// Checks the identity and the clock. Returns `None` when no request can be signed.
pub async fn check(arn: &Arn, session: &Session, report: &mut Report<'_>) -> Option<Identity> {
    let CallerIdentity { identity, clock_ahead } = identity(session, arn.region()).await;
    let who = match identity {
        Ok(who) => who,
        Err(error) => {
            match clock_ahead {
                // If the clock is wrong, the message of AWS only mentions signatures.
                Some(ahead) if ahead.abs() > MAX_SKEW_SECONDS => clock(ahead, report),
                _ => report.error(Level::Failure, "identity", &error, None),
            }
            return None;
        }
    };
    report.ok("identity", who.arn.clone());
    if who.account != arn.account() {
        report.warn(
            "account",
            format!("these credentials belong to account {}, the App to {}", who.account, arn.account()),
            "this is fine if the App is shared with your account (AWS RAM) and the bucket's policy allows access; \
             otherwise choose another profile with AWS_PROFILE",
        );
    }
    match clock_ahead {
        Some(ahead) => clock(ahead, report),
        None => report.warn("clock", "AWS returned no date", "check this machine's clock"),
    }
    Some(who)
}

fn clock(ahead: i64, report: &mut Report<'_>) {
    const CHECK: &str = "clock";
    const HINT: &str = "set the clock, preferably with a time service (NTP)";
    let off = ahead.abs();
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    let text = format!("this machine's clock is {} {direction} AWS's", length(off));
    match off {
        off if off <= MIN_SKEW_SHOWN => report.ok(CHECK, "agrees with AWS's"),
        off if off <= MAX_SKEW_SECONDS => {
            report.warn(CHECK, format!("{text}; AWS accepts up to 5 minutes"), HINT)
        }
        _ => report.fail(CHECK, format!("{text}: AWS refuses requests with this date"), HINT),
    }
}

fn length(seconds: i64) -> String {
    match seconds {
        s if s < 120 => format!("{s} s"),
        s if s < 7_200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}
