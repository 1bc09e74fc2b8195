//! Checks the identity that signs requests, and whether this machine's clock allows signed requests.

use super::report::Report;
use crate::aws::{Arn, CallerIdentity, Identity, Session, identity};
use crate::engine::Level;

/// Requests whose date is off by more than this are refused (AWS: Signature Version 4), in seconds.
const MAX_SKEW_SECONDS: i64 = 300;
/// A smaller difference is not reported.
const MIN_SKEW_SHOWN: i64 = 30;

/// Returns `None` when no request can be signed.
pub async fn check(arn: &Arn, session: &Session, report: &mut Report<'_>) -> Option<Identity> {
    let CallerIdentity { identity, clock_ahead } = identity(session, arn.region()).await;
    let who = match identity {
        Ok(who) => who,
        Err(error) => {
            match clock_ahead {
                // A refusal that the clock causes only mentions signatures.
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
            "fine if it is shared with your account (AWS RAM) and the bucket's policy lets you in; else choose another \
             profile with AWS_PROFILE",
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
    const HINT: &str = "set the clock, best by a time service (NTP)";
    let off = ahead.abs();
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    let text = format!("this machine's clock is {} {way} AWS's", length(off));
    match off {
        off if off <= MIN_SKEW_SHOWN => report.ok(CHECK, "agrees with AWS's"),
        off if off <= MAX_SKEW_SECONDS => {
            report.warn(CHECK, format!("{text}; up to 5 minutes are taken"), HINT)
        }
        _ => report.fail(CHECK, format!("{text}, which refuses requests that are dated like this"), HINT),
    }
}

fn length(seconds: i64) -> String {
    match seconds {
        s if s < 120 => format!("{s} s"),
        s if s < 7_200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}
