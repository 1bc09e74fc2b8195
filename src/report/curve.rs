//! The points of a metric on both sides, reduced to a number that can be drawn and stored.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::entities::PointIdentity;

/// The number of columns in a drawing. Each column keeps its lowest and its highest value.
pub const COLUMNS: usize = 200;
/// The maximum number of points that are listed.
const LISTED: usize = 100;

/// One metric of two matching runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    pub source_id: String,
    pub target_id: String,
    pub metric: String,
    /// The horizontal axis: `step`, or `time` (milliseconds since 1970) if all points have the same step.
    pub axis: &'static str,
    pub source: Series,
    pub target: Series,
    /// The first points that only one side has, or whose values differ.
    pub deviations: Vec<Deviation>,
    pub more_deviations: usize,
}

/// The points of one side, in the order of the axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    /// The total number of points.
    pub count: usize,
    /// The number of points that cannot be drawn: NaN and infinity. SQL stores save infinity as the largest number.
    pub not_drawn: usize,
    /// True when some points were removed.
    pub is_thinned: bool,
    /// The position on the axis and the value of each point.
    pub points: Vec<(i64, f64)>,
}

/// The values at one step and time, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    pub step: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

type Points = BTreeSet<PointIdentity>;

impl Curve {
    pub fn new(ids: (&str, &str), metric: &str, source: &Points, target: &Points) -> Self {
        let steps: BTreeSet<i64> = source.iter().chain(target).map(|(_, step, _)| *step).collect();
        let axis = if steps.len() > 1 { "step" } else { "time" };
        let place = |(time, step, bits): &PointIdentity| {
            (if axis == "step" { *step } else { *time }, f64::from_bits(*bits))
        };
        let places = || source.iter().chain(target).map(|point| place(point).0);
        let range = (places().min().unwrap_or(0), places().max().unwrap_or(0));
        let series = |points: &Points| Series::new(points.iter().map(place).collect(), range);
        let mut deviations = deviations(source, target);
        let more_deviations = deviations.len().saturating_sub(LISTED);
        deviations.truncate(LISTED);
        Self {
            source_id: ids.0.to_owned(),
            target_id: ids.1.to_owned(),
            metric: metric.to_owned(),
            axis,
            source: series(source),
            target: series(target),
            deviations,
            more_deviations,
        }
    }

    /// The lowest and the highest value of each axis. Returns `None` if no point can be drawn.
    pub fn bounds(&self) -> Option<[(f64, f64); 2]> {
        let all = || self.source.points.iter().chain(&self.target.points);
        let (x, _) = all().next()?;
        let first = (*x as f64, *x as f64);
        let across = all().fold(first, |(low, high), (x, _)| (low.min(*x as f64), high.max(*x as f64)));
        let up = all().fold((f64::MAX, f64::MIN), |(low, high), (_, y)| (low.min(*y), high.max(*y)));
        Some([across, up])
    }

    pub fn is_thinned(&self) -> bool {
        self.source.is_thinned || self.target.is_thinned
    }
}

impl Series {
    fn new(mut points: Vec<(i64, f64)>, range: (i64, i64)) -> Self {
        let count = points.len();
        points.retain(|(_, value)| value.is_finite() && value.abs() < f64::MAX);
        let not_drawn = count - points.len();
        points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let is_thinned = points.len() > 2 * COLUMNS;
        let points = if is_thinned { thinned(&points, range) } else { points };
        Self { count, not_drawn, is_thinned, points }
    }
}

/// Keeps the lowest and the highest point of each column, in the order of the axis.
fn thinned(points: &[(i64, f64)], (first, last): (i64, i64)) -> Vec<(i64, f64)> {
    let width = i128::from(last) - i128::from(first) + 1;
    let column = |x: i64| (i128::from(x) - i128::from(first)) * COLUMNS as i128 / width;
    let mut kept = Vec::with_capacity(2 * COLUMNS);
    for of_column in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let least = of_column.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let greatest = of_column.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let mut both: Vec<_> = [least, greatest].into_iter().flatten().copied().collect();
        both.sort_by_key(|(x, _)| *x);
        both.dedup();
        kept.extend(both);
    }
    kept
}

/// Lists points with the same step and time but different values together.
fn deviations(source: &Points, target: &Points) -> Vec<Deviation> {
    let mut missing: Vec<_> = source.difference(target).collect();
    let mut extra: Vec<_> = target.difference(source).collect();
    let by_step = |point: &&PointIdentity| (point.1, point.0);
    missing.sort_by_key(by_step);
    extra.sort_by_key(by_step);
    let words = |point: &PointIdentity| f64::from_bits(point.2).to_string();
    let (mut missing, mut extra) = (missing.into_iter().peekable(), extra.into_iter().peekable());
    let mut all = Vec::new();
    loop {
        let (ours, theirs) = (missing.peek().map(by_step), extra.peek().map(by_step));
        let Some(at) = [ours, theirs].into_iter().flatten().min() else { return all };
        let source = missing.next_if(|point| by_step(point) == at).map(words);
        let target = extra.next_if(|point| by_step(point) == at).map(words);
        all.push(Deviation { step: at.0, timestamp: at.1, source, target });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(all: impl IntoIterator<Item = (i64, f64)>) -> Points {
        all.into_iter().map(|(step, value)| (1_000 + step, step, value.to_bits())).collect()
    }

    #[test]
    fn different_values_are_listed_together_and_lost_points_alone() {
        let ours = points([(1, 0.5), (2, 0.4), (3, 0.3)]);
        let theirs = points([(1, 0.5), (2, 0.45), (4, f64::NAN)]);
        let curve = Curve::new(("a", "b"), "loss", &ours, &theirs);
        let seen: Vec<_> =
            curve.deviations.iter().map(|d| (d.step, d.source.as_deref(), d.target.as_deref())).collect();
        assert_eq!(seen, [(2, Some("0.4"), Some("0.45")), (3, Some("0.3"), None), (4, None, Some("NaN"))]);
        assert_eq!((curve.target.count, curve.target.not_drawn), (3, 1));
        assert_eq!(curve.bounds(), Some([(1.0, 3.0), (0.3, 0.5)]));
    }

    #[test]
    fn a_long_history_keeps_its_peaks() {
        let wave = |step: i64| if step == 54_321 { 9.0 } else { (step as f64 / 500.0).sin() };
        let ours = points((0..100_000).map(|step| (step, wave(step))));
        let curve = Curve::new(("a", "b"), "loss", &ours, &Points::new());
        assert!(curve.is_thinned() && curve.source.points.len() <= 2 * COLUMNS);
        assert!(curve.source.points.contains(&(54_321, 9.0)));
        assert!(curve.source.points.is_sorted_by_key(|(x, _)| *x));
        assert_eq!((curve.deviations.len(), curve.more_deviations), (LISTED, 100_000 - LISTED));
    }

    #[test]
    fn points_of_one_step_are_drawn_over_time() {
        let ours: Points = [(10, 0, 1.0_f64.to_bits()), (20, 0, 2.0_f64.to_bits())].into();
        let curve = Curve::new(("a", "b"), "loss", &ours, &ours);
        assert_eq!((curve.axis, curve.bounds()), ("time", Some([(10.0, 20.0), (1.0, 2.0)])));
        assert_eq!(Curve::new(("a", "b"), "loss", &Points::new(), &Points::new()).bounds(), None);
    }

    #[test]
    fn the_largest_and_smallest_steps_do_not_overflow() {
        let ours = points((0..1_000).map(|n| (n, 1.0)).chain([(i64::MIN / 2, 1.0), (i64::MAX / 2, -1.0)]));
        assert!(Curve::new(("a", "b"), "loss", &ours, &ours).source.points.len() <= 2 * COLUMNS);
    }
}
