//! The estimated cost of moving the selected runs, based on a sample.

use super::Model;
use crate::engine::CheckReport;
use crate::engine::browse::Sampled;

/// Requests to both ends together: for each run without its files and points, and for each file. Then the number of
/// points that one more request transfers.
const REQUESTS_PER_RUN: u64 = 10;
const REQUESTS_PER_FILE: u64 = 2;
const POINTS_PER_REQUEST: u64 = 1_000;
/// Assumed requests in flight while their number still rises to the limit of the servers.
const CONCURRENCY: f64 = 8.0;
/// Minimum time of an answer in seconds, even for a near server.
const MIN_LATENCY: f64 = 0.02;
/// Assumed transfer rate through one machine, in bytes per second.
const BYTES_PER_SECOND: f64 = 50e6;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub files: u64,
    pub bytes: u64,
    /// Metric points.
    pub points: u64,
    pub requests: u64,
    pub seconds: f64,
    /// Number of runs in the sample.
    pub sampled: u64,
}

/// `None` while the number of selected runs is unknown, or while no run has been sampled.
pub fn estimate(model: &Model) -> Option<Estimate> {
    let sampled = model.selection.sampled.filter(|sampled| sampled.runs > 0)?;
    let latency = |report: Option<&CheckReport>| report.and_then(|report| report.latency_ms).unwrap_or(0.0);
    let latency = latency(model.source.report()).max(latency(model.target.report())) / 1_000.0;
    Some(of(picked_runs(model)?, sampled, latency))
}

/// The number of selected runs in the tree. If some runs are not fetched yet: the number from the first check minus the
/// excluded runs, but only if every experiment is selected.
pub fn picked_runs(model: &Model) -> Option<u64> {
    let tree = model.selection.tree()?;
    let counted = tree.counted();
    if !counted.more {
        return Some(counted.runs);
    }
    let is_known = tree.takes_every_experiment() && !tree.skips_deleted();
    let report = model.source.report().filter(|report| is_known && !report.more_runs)?;
    report.runs.checked_sub(counted.left)
}

fn of(runs: u64, sampled: Sampled, latency: f64) -> Estimate {
    let of_all = |some: u64| (some as f64 / sampled.runs as f64 * runs as f64).round() as u64;
    let [files, bytes, points] = [sampled.files, sampled.bytes, sampled.points].map(of_all);
    let requests = runs * REQUESTS_PER_RUN + files * REQUESTS_PER_FILE + points.div_ceil(POINTS_PER_REQUEST);
    let seconds = requests as f64 * latency.max(MIN_LATENCY) / CONCURRENCY + bytes as f64 / BYTES_PER_SECOND;
    Estimate { files, bytes, points, requests, seconds, sampled: sampled.runs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_runs_are_taken_to_be_like_the_sampled_ones() {
        let sampled = Sampled { runs: 4, files: 8, bytes: 4_000_000, points: 2_000 };
        let guess = of(100, sampled, 0.1);
        assert_eq!((guess.files, guess.bytes, guess.points), (200, 100_000_000, 50_000));
        assert_eq!(guess.requests, 1_000 + 400 + 50);
        assert_eq!(guess.seconds.round(), (1_450.0 * 0.1 / 8.0 + 2.0_f64).round());
        assert_eq!(of(0, sampled, 0.1).requests, 0);
    }
}
