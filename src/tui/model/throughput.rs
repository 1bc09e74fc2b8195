//! The number of items that ended in each interval of the last minutes, for a sparkline.

use std::collections::VecDeque;
use std::time::Duration;

/// The time that one column of the sparkline covers.
const BUCKET: Duration = Duration::from_secs(3);
/// Number of columns: they cover three minutes.
const MAX_BUCKETS: usize = 60;

#[derive(Clone, Debug, Default)]
pub struct Throughput {
    /// The oldest interval comes first. The last one is still being filled.
    buckets: VecDeque<u64>,
    /// Index of the interval that is being filled, counted since the wizard opened.
    current: u64,
    seen: u64,
}

impl Throughput {
    /// `ended` is the total number of items that have ended so far.
    pub fn add(&mut self, now: Duration, ended: u64) {
        let number = now.as_secs() / BUCKET.as_secs();
        if self.buckets.is_empty() {
            self.current = number;
            self.buckets.push_back(0);
            // Items that ended before the first reading have no known time.
            self.seen = ended;
        }
        let passed = usize::try_from(number.saturating_sub(self.current)).unwrap_or(MAX_BUCKETS);
        self.buckets.extend(std::iter::repeat_n(0, passed.min(MAX_BUCKETS)));
        while self.buckets.len() > MAX_BUCKETS {
            self.buckets.pop_front();
        }
        self.current = number.max(self.current);
        if let Some(last) = self.buckets.back_mut() {
            *last += ended.saturating_sub(self.seen);
        }
        self.seen = ended;
    }

    /// At most `most` of the newest intervals, each relative to the largest (0 to 1). Empty while there is too little
    /// data.
    pub fn heights(&self, most: usize) -> Vec<f64> {
        let whole = self.buckets.len().saturating_sub(1);
        let shown = self.buckets.iter().take(whole).skip(whole.saturating_sub(most));
        let greatest = shown.clone().copied().max().unwrap_or_default();
        match greatest {
            0 => Vec::new(),
            _ => shown.map(|count| *count as f64 / greatest as f64).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_a_stretch_of_time_and_the_unfinished_one_is_not_shown() {
        let mut history = Throughput::default();
        for second in 0..12_u64 {
            // One item a second, and none from the sixth second on.
            history.add(Duration::from_secs(second), second.min(6));
        }
        assert_eq!(history.heights(60), [2.0 / 3.0, 1.0, 1.0 / 3.0]);
        assert_eq!(history.heights(1), [1.0]);
        assert!(Throughput::default().heights(60).is_empty());
    }

    #[test]
    fn a_long_silence_is_shown_as_one_and_takes_no_room() {
        let mut history = Throughput::default();
        history.add(Duration::ZERO, 5);
        history.add(Duration::from_secs(1), 8);
        history.add(Duration::from_secs(86_400), 9);
        assert_eq!(history.buckets.len(), MAX_BUCKETS);
        assert!(history.heights(60).is_empty());
    }
}
