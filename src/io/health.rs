use std::fmt;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};

/// The state of a server at one moment. Times in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Health {
    #[default]
    Fine,
    /// It was recently overloaded, and gets at most `limit` requests at a time.
    Slowed { why: Slowdown, limit: u64 },
    /// Requests are open, but no byte has arrived for this many seconds.
    Silent { seconds: u64 },
    /// It has been unreachable for `seconds`. The wait ends in `left` seconds.
    Gone { why: Absence, seconds: u64, left: u64 },
}

/// Why a server is unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Connections to it are refused.
    Refused,
    /// It accepts requests, but does not answer.
    Silent,
    /// A gateway in front of it answers instead: 502, 503, 504, or a 404 that is not MLflow's.
    Status(u16),
    /// There is no network route to it, or connections break.
    Network,
    /// The store of its files does not answer. The server itself may be reachable.
    Store,
}

impl Absence {
    pub fn of(error: &Error) -> Self {
        match error.get_code() {
            Some(Code::Http(answered)) => Self::Status(answered.status),
            Some(Code::Io(ErrorKind::ConnectionRefused)) => Self::Refused,
            Some(Code::Io(ErrorKind::TimedOut)) => Self::Silent,
            _ => Self::Network,
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connections are refused"),
            Self::Silent => f.write_str("it does not answer"),
            Self::Status(status) => write!(f, "a gateway answers {status}"),
            Self::Network => f.write_str("the connection fails"),
            Self::Store => f.write_str("the store of its files does not answer"),
        }
    }
}

/// Why a server gets fewer parallel requests than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slowdown {
    /// Its pool of database connections is exhausted.
    NoConnections,
    DatabaseBusy,
    /// It answered 429, or AWS throttled the request.
    TooManyRequests,
    /// It answered 503 or 504, or not in time.
    Overloaded,
}

impl fmt::Display for Slowdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoConnections => "its database has no free connections",
            Self::DatabaseBusy => "its database is busy",
            Self::TooManyRequests => "it reports too many requests",
            Self::Overloaded => "it is overloaded",
        })
    }
}

impl Health {
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// One line in plain words about the server called `name` ("target"). `None` when there is no problem.
    pub fn describe(self, name: &str) -> Option<String> {
        match self {
            Self::Fine => None,
            Self::Slowed { why, limit } => {
                let requests = if limit == 1 { "one request" } else { &format!("{limit} requests") };
                Some(format!("the {name} gets at most {requests} at a time: {why}"))
            }
            Self::Silent { seconds } => Some(format!("the {name} has been silent for {}", time(seconds))),
            Self::Gone { why, seconds, left } => Some(format!(
                "the {name} has been unreachable for {} ({why}); the work resumes when it answers, waiting {} more",
                time(seconds),
                time(left)
            )),
        }
    }
}

/// `25 s`, `3 min 20 s`, `1 h 5 min`.
fn time(seconds: u64) -> String {
    match seconds {
        s if s < 60 => format!("{s} s"),
        s if s < 3_600 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_a_slow_server_is_shown() {
        let table = [
            (Health::Silent { seconds: 25 }, "the target has been silent for 25 s"),
            (
                Health::Slowed { why: Slowdown::NoConnections, limit: 4 },
                "the target gets at most 4 requests at a time: its database has no free connections",
            ),
            (
                Health::Slowed { why: Slowdown::Overloaded, limit: 1 },
                "the target gets at most one request at a time: it is overloaded",
            ),
            (
                Health::Gone { why: Absence::Status(503), seconds: 200, left: 3_400 },
                "the target has been unreachable for 3 min 20 s (a gateway answers 503); the work resumes when it answers, waiting 56 min 40 s more",
            ),
        ];
        for (health, line) in table {
            assert_eq!(health.describe("target").as_deref(), Some(line));
        }
        assert_eq!(Health::Fine.describe("target"), None);
    }
}
