//! A time range that selects runs and other objects by their start.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::error::{Error, Result};

/// The time from `since` (included) to `until` (excluded). `None` means that the range has no limit on that side. Two
/// adjacent ranges have no overlap and no gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    pub since: Option<UnixMillis>,
    pub until: Option<UnixMillis>,
}

impl TimeRange {
    /// Returns an error if the range is empty.
    pub fn new(since: Option<UnixMillis>, until: Option<UnixMillis>) -> Result<Self> {
        match (since, until) {
            (Some(since), Some(until)) if since >= until => {
                Err(Error::usage(format!("nothing starts at or after {since} and before {until}"))
                    .hint("the start of a time window must be before its end"))
            }
            _ => Ok(Self { since, until }),
        }
    }

    /// True when the range has no limits.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// True when `start` is in the range. `start` is in milliseconds since 1970. An object without a start time counts
    /// as earlier than all others.
    pub fn takes(&self, start: Option<i64>) -> bool {
        let start = UnixMillis(start.unwrap_or(i64::MIN));
        self.since.is_none_or(|since| since <= start) && self.until.is_none_or(|until| start < until)
    }
}

/// A time in milliseconds since 1970. It is read from a date, a date and time (UTC by default), RFC 3339, or
/// milliseconds. It is written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub i64);

/// A number with fewer digits is probably a year, a date without hyphens, or a time in seconds. As milliseconds, it
/// would be a time in 1973 or earlier.
const DIGITS_OF_MILLISECONDS: usize = 12;

impl FromStr for UnixMillis {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let wrong = || {
            Error::usage(format!("{text:?} is not a time")).hint(
                "write 2024-05-01, 2024-05-01 13:00:00 (UTC), 2024-05-01T13:00:00+02:00, or milliseconds since 1970",
            )
        };
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let millis = text.parse().map_err(|_| wrong())?;
            return if text.len() >= DIGITS_OF_MILLISECONDS { Ok(Self(millis)) } else { Err(wrong()) };
        }
        let in_utc = || text.parse::<DateTime>().and_then(|time| time.to_zoned(TimeZone::UTC));
        let timestamp = text.parse::<Timestamp>().or_else(|_| in_utc().map(|time| time.timestamp()));
        Ok(Self(timestamp.map_err(|_| wrong())?.as_millisecond()))
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            // The year is after 9999.
            Err(_) => self.0.fmt(f),
        }
    }
}

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixMillis {
    /// Also accepts the native date and time types of TOML.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => text,
            other => other.to_string(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAY: i64 = 1_714_521_600_000;

    fn moment(text: &str) -> Option<i64> {
        text.parse().ok().map(|UnixMillis(millis)| millis)
    }

    #[test]
    fn every_format_is_read() {
        for text in ["2024-05-01", "2024-05-01 00:00:00", "2024-05-01T02:00:00+02:00", "1714521600000"] {
            assert_eq!(moment(text), Some(MAY), "{text}");
        }
        assert_eq!(moment("2024-05-01 13:00:00"), Some(MAY + 13 * 3_600_000));
        assert_eq!(moment(" 2024-05-01T00:00:00.789Z "), Some(MAY + 789));
    }

    #[test]
    fn ambiguous_texts_are_refused() {
        for text in ["", "2024", "20240501", "1714521600", "yesterday", "2024-13-01", "99999999999999999999"]
        {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!("soon".parse::<UnixMillis>().unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_moment_is_read_back_as_it_is_written() {
        for millis in [MAY, MAY + 1, 0, -5, i64::MAX] {
            assert_eq!(moment(&UnixMillis(millis).to_string()), Some(millis));
        }
    }

    #[test]
    fn adjacent_ranges_have_no_overlap_and_no_gap() {
        let (before, after) = (
            TimeRange { until: Some(UnixMillis(MAY)), ..TimeRange::default() },
            TimeRange { since: Some(UnixMillis(MAY)), ..TimeRange::default() },
        );
        for start in [None, Some(i64::MIN), Some(0), Some(MAY - 1), Some(MAY), Some(i64::MAX)] {
            assert!(before.takes(start) != after.takes(start), "{start:?}");
            assert!(TimeRange::default().takes(start));
        }
        assert!(before.takes(None), "an unknown start is the earliest");
        assert!(TimeRange::new(Some(UnixMillis(MAY)), Some(UnixMillis(MAY))).is_err());
    }
}
