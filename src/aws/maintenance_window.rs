use jiff::civil::Weekday;
use jiff::{Timestamp, tz::TimeZone};

use crate::error::{Error, Result};

const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];
const MINUTES_OF_A_WEEK: i32 = 7 * 24 * 60;
/// AWS does not document how long maintenance takes. One hour from the start is assumed.
const MINUTES: i32 = 60;

/// When AWS may update an App, once a week, in UTC (AWS: CreateMlflowApp, `WeeklyMaintenanceWindowStart`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// Minutes since Monday, 00:00.
    minutes: i32,
}

impl MaintenanceWindow {
    /// Reads `Tue:03:30`; AWS's own documentation shows `TUE:03:30`, which its model refuses.
    pub fn parse(text: &str) -> Result<Self> {
        read(text).ok_or_else(|| {
            let hint = match capitalised(text).filter(|better| read(better).is_some()) {
                Some(better) => format!("write it as {better}"),
                None => "it is a day and a time in UTC: Tue:03:30".to_owned(),
            };
            Error::usage(format!("{text:?} is not the start of a maintenance window")).hint(hint)
        })
    }

    /// Whether AWS may be running maintenance now.
    pub fn is_open(self, now: Timestamp) -> bool {
        let now = now.to_zoned(TimeZone::UTC);
        let day = i32::from(now.weekday().to_monday_zero_offset());
        let minutes = (day * 24 + i32::from(now.hour())) * 60 + i32::from(now.minute());
        (minutes - self.minutes).rem_euclid(MINUTES_OF_A_WEEK) < MINUTES
    }
}

fn read(text: &str) -> Option<MaintenanceWindow> {
    let mut parts = text.split(':');
    let (day, hour, minute) = (parts.next()?, parts.next()?, parts.next()?);
    let (_, day) = DAYS.iter().find(|(name, _)| *name == day)?;
    let number = |text: &str, most: i32| {
        let two_digits = text.len() == 2 && text.chars().all(|c| c.is_ascii_digit());
        text.parse::<i32>().ok().filter(|n| two_digits && *n <= most)
    };
    let (hour, minute) = (number(hour, 23)?, number(minute, 59)?);
    let day = i32::from(day.to_monday_zero_offset());
    parts.next().is_none().then_some(MaintenanceWindow { minutes: (day * 24 + hour) * 60 + minute })
}

fn capitalised(text: &str) -> Option<String> {
    let (first, rest) = text.split_at_checked(1)?;
    Some(first.to_ascii_uppercase() + &rest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_day_and_a_time() {
        for fine in ["Mon:00:00", "Tue:03:30", "Sun:23:59"] {
            MaintenanceWindow::parse(fine).unwrap();
        }
        for bad in ["", "Tue", "Tue:3:30", "Tue:24:00", "Tue:03:60", "Tue:03:30:00", "Tag:03:30", "Tue:+1:30"]
        {
            assert_eq!(MaintenanceWindow::parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
        let error = MaintenanceWindow::parse("TUE:03:30").unwrap_err();
        assert_eq!(error.get_hint(), Some("write it as Tue:03:30"));
    }

    #[test]
    fn a_window_is_open_for_an_hour_even_over_the_end_of_a_week() {
        let is_open = |window: &str, now: &str| {
            MaintenanceWindow::parse(window).unwrap().is_open(now.parse::<Timestamp>().unwrap())
        };
        // 2026-11-24 is a Tuesday.
        assert!(is_open("Tue:03:30", "2026-11-24T03:30:00Z"));
        assert!(is_open("Tue:03:30", "2026-11-24T04:29:59Z"));
        assert!(!is_open("Tue:03:30", "2026-11-24T04:30:00Z"));
        assert!(!is_open("Tue:03:30", "2026-11-25T03:30:00Z"));
        assert!(is_open("Sun:23:30", "2026-11-23T00:15:00Z"));
    }
}
