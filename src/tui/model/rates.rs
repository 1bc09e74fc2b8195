//! The current speed from readings of the last seconds, and the remaining time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::engine::{Counts, ProgressSnapshot};
use crate::entities::Kind;

/// Long enough for stable values, short enough to show that a server has become slow.
const WINDOW: Duration = Duration::from_secs(30);
/// Readings that are closer together add no information.
const MIN_SPACING: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Default)]
pub struct RateMeter {
    samples: VecDeque<(Duration, ProgressSnapshot)>,
}

impl RateMeter {
    pub fn add(&mut self, now: Duration, reading: ProgressSnapshot) {
        let is_close = |(last, _): &(Duration, ProgressSnapshot)| now.saturating_sub(*last) < MIN_SPACING;
        // The first reading stays because the window begins there.
        if self.samples.len() > 1 && self.samples.iter().rev().nth(1).is_some_and(is_close) {
            self.samples.pop_back();
        }
        self.samples.push_back((now, reading));
        while self.samples.len() > 2
            && self.samples.front().is_some_and(|(first, _)| now.saturating_sub(*first) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// The growth per second of the counter that `of` selects.
    pub fn per_second(&self, of: impl Fn(&ProgressSnapshot) -> u64) -> f64 {
        let (Some((start, first)), Some((end, last))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let seconds = end.saturating_sub(*start).as_secs_f64();
        if seconds < MIN_SPACING.as_secs_f64() {
            return 0.0;
        }
        of(last).saturating_sub(of(first)) as f64 / seconds
    }

    /// Remaining seconds. `None` while the total is unknown or nothing moves.
    pub fn remaining(&self) -> Option<f64> {
        let (_, last) = self.samples.back()?;
        if !last.all_planned {
            return None;
        }
        let pending: u64 = last.counts.iter().map(Counts::pending).sum();
        let speed = self.per_second(finished_items);
        (speed > 0.0).then(|| pending as f64 / speed)
    }
}

pub fn finished_items(reading: &ProgressSnapshot) -> u64 {
    reading.counts.iter().map(Counts::finished).sum()
}

pub fn runs(reading: &ProgressSnapshot) -> u64 {
    reading.of(Kind::Run).finished()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(done: u64, planned: u64, all_planned: bool) -> ProgressSnapshot {
        let mut reading = ProgressSnapshot { all_planned, ..ProgressSnapshot::default() };
        reading.counts[Kind::Run.index()] = Counts { planned, done, ..Counts::default() };
        reading
    }

    #[test]
    fn speed_is_of_the_last_seconds() {
        let mut rates = RateMeter::default();
        for second in 0..100_u64 {
            // Ten items a second at first, then one item a second.
            let done = if second < 60 { second * 10 } else { 600 + (second - 60) };
            rates.add(Duration::from_secs(second), reading(done, 1_000, true));
        }
        assert!((rates.per_second(runs) - 1.0).abs() < 0.2);
        assert!(rates.samples.len() < 40);
    }

    #[test]
    fn the_end_is_not_guessed() {
        let mut rates = RateMeter::default();
        assert_eq!(rates.remaining(), None);
        rates.add(Duration::ZERO, reading(0, 10, false));
        rates.add(Duration::from_secs(10), reading(5, 10, false));
        assert_eq!(rates.remaining(), None);
        rates.add(Duration::from_secs(11), reading(6, 11, true));
        let left = rates.remaining().unwrap();
        assert!((8.0..11.0).contains(&left), "{left}");
    }

    #[test]
    fn frequent_readings_take_no_room() {
        let mut rates = RateMeter::default();
        for tick in 0..10_000_u64 {
            rates.add(Duration::from_millis(tick * 10), reading(tick, 10_000, true));
        }
        assert!(rates.samples.len() < 70, "{}", rates.samples.len());
    }
}
