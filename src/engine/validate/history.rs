//! Metric histories, compared as sets. First, every series is compared by a checksum that does not depend on the order.
//! Then, series that differ are compared point by point.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::TryStreamExt;

use super::found::Found;
use super::{Curve, FieldDifference};
use crate::entities::{Point, PointIdentity, Run, RunId};
use crate::error::{Error, Result};
use crate::readers::Reader;

/// The maximum number of points that are listed for a series that differs.
const MAX_EXAMPLES: usize = 3;

/// The summary of a series. Consecutive repeated points count once, because servers keep only one of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checksum {
    count: u64,
    sum: u64,
    last: Option<PointIdentity>,
    /// The points with the greatest step and time. There is more than one if several points have this step and time.
    latest: Vec<Point>,
}

impl Checksum {
    fn add(&mut self, point: &Point) {
        let identity = point.identity();
        let position = (point.step, point.timestamp);
        match self.latest.first().map(|latest| (latest.step, latest.timestamp)) {
            Some(latest) if position < latest => {}
            Some(latest) if position == latest => {
                if self.latest.iter().all(|known| known.identity() != identity) {
                    self.latest.push(*point);
                }
            }
            _ => self.latest = vec![*point],
        }
        if self.last != Some(identity) {
            self.count += 1;
            self.sum = self.sum.wrapping_add(point.fingerprint());
            self.last = Some(identity);
        }
    }

    /// True when a server with these points may show this point as the latest. Among the points with the greatest step
    /// and time, the server shows the one with the greatest value. If one of them is NaN, the server may show any of
    /// them, because NaN cannot be compared.
    fn may_be_latest(&self, point: &Point) -> bool {
        let has_nan = self.latest.iter().any(|known| known.value.is_nan());
        let has_point = self.latest.iter().any(|known| known.identity() == point.identity());
        has_point && (has_nan || self.latest.iter().all(|known| known.value <= point.value))
    }

    fn same(&self, other: &Self) -> bool {
        (self.count, self.sum) == (other.count, other.sum)
    }
}

/// Points that count as equal although the target has another value.
pub const INFINITE: &str = "points of a metric: ±infinity is ±1.797e308 there";
pub const STORED_AS_GREATEST: &str =
    "MLflow 1.30 to 3.18, store/tracking/sqlalchemy_store.py, sanitize_metric_value";

/// The checksums of some runs, and the runs that could not be read.
#[derive(Default)]
pub struct Checksums {
    pub series: HashMap<RunId, BTreeMap<String, Checksum>>,
    pub unreadable: HashMap<RunId, String>,
    /// The number of points with an infinite value.
    pub infinite: HashMap<RunId, u64>,
    pub points: u64,
}

pub async fn checksums(of: &dyn Reader, runs: &[Run]) -> Result<Checksums> {
    let mut all = Checksums::default();
    let mut chunks = of.histories(runs);
    while let Some(chunk) = chunks.try_next().await? {
        match chunk {
            Ok(chunk) => {
                all.points += chunk.points.len() as u64;
                let infinite = chunk.points.iter().filter(|point| point.value.is_infinite()).count() as u64;
                if infinite > 0 {
                    *all.infinite.entry(chunk.run_id.clone()).or_default() += infinite;
                }
                let series = all.series.entry(chunk.run_id).or_default().entry(chunk.key).or_default();
                chunk.points.iter().for_each(|point| series.add(point));
            }
            Err(unreadable) => drop(all.unreadable.insert(unreadable.id.into(), unreadable.reason)),
        }
    }
    Ok(all)
}

/// Compares the latest point of each metric, which lists and charts show first. The target may show another latest
/// point only if it is the latest of the target's own points. If the points themselves differ, the comparison of the
/// points reports that.
pub fn latest(
    found: &mut Found,
    ours: &Run,
    theirs: &Run,
    our_series: Option<&BTreeMap<String, Checksum>>,
    their_series: Option<&BTreeMap<String, Checksum>>,
) {
    for (key, a) in &ours.latest {
        let Some(b) = theirs.latest.get(key).filter(|b| a.identity() != b.identity()) else { continue };
        let series = |all: Option<&'_ BTreeMap<String, Checksum>>| all.and_then(|all| all.get(key)).cloned();
        let (source, target) = (series(our_series), series(their_series));
        let is_made = target.as_ref().is_some_and(|target| target.may_be_latest(b));
        let is_same = source.zip(target).is_some_and(|(source, target)| source.same(&target));
        if is_same || !is_made {
            let (a, b) = (show(&a.identity()), show(&b.identity()));
            let made = Some(b.clone()).filter(|_| is_made);
            found.unequal(format!("latest metric {key}"), Some(a), Some(b), made.as_deref());
        }
    }
    // Metrics for which only one side shows a latest point. Two cases are not reported here. If the target has no
    // points of a metric that the source shows, the comparison of the points reports it. If the target shows a metric
    // and has its points, it derives the latest point from them.
    let has_points = |key: &String| their_series.is_some_and(|all| all.contains_key(key));
    for (key, a) in ours.latest.iter().filter(|(key, _)| !theirs.latest.contains_key(*key)) {
        if has_points(key) {
            found.unequal(format!("latest metric {key}"), Some(show(&a.identity())), None, None);
        }
    }
    for (key, b) in theirs.latest.iter().filter(|(key, _)| !ours.latest.contains_key(*key)) {
        if !has_points(key) {
            found.unequal(format!("latest metric {key}"), None, Some(show(&b.identity())), None);
        }
    }
}

/// The metrics of one pair whose checksums differ.
pub fn suspects(
    source: Option<&BTreeMap<String, Checksum>>,
    target: Option<&BTreeMap<String, Checksum>>,
) -> BTreeSet<String> {
    let none = BTreeMap::new();
    let (source, target) = (source.unwrap_or(&none), target.unwrap_or(&none));
    let keys = source.keys().chain(target.keys());
    let differ = |key: &&String| match (source.get(*key), target.get(*key)) {
        (Some(a), Some(b)) => !a.same(b),
        _ => true,
    };
    keys.filter(differ).cloned().collect()
}

/// Reads one metric of both runs again and describes the difference. Returns `None` when only repeated points differ.
pub async fn compare(
    source: (&dyn Reader, &Run),
    target: (&dyn Reader, &Run),
    key: &str,
) -> Result<Option<(FieldDifference, Curve)>> {
    let (ours, theirs) = futures::try_join!(points(source, key), points(target, key))?;
    let missing: Vec<_> = ours.difference(&theirs).collect();
    let extra: Vec<_> = theirs.difference(&ours).collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(None);
    }
    let side = |all: &BTreeSet<PointIdentity>, own: &[&PointIdentity]| {
        let examples: Vec<String> = own.iter().take(MAX_EXAMPLES).map(|point| show(point)).collect();
        let only = if own.is_empty() {
            String::new()
        } else {
            format!(", {} only here: {}", own.len(), examples.join("; "))
        };
        Some(format!("{} points{only}", all.len()))
    };
    let field = FieldDifference {
        field: format!("metric {key}"),
        source: side(&ours, &missing),
        target: side(&theirs, &extra),
    };
    Ok(Some((field, Curve::new((source.1.id.as_str(), target.1.id.as_str()), key, &ours, &theirs))))
}

/// Returns one metric of two runs for a chart.
pub async fn curve(
    (source, source_id): (&dyn Reader, &str),
    (target, target_id): (&dyn Reader, &str),
    key: &str,
) -> Result<Curve> {
    let of = async |side: &dyn Reader, id: &str| {
        let gone = || Error::permanent(format!("{}: run {id} no longer exists", side.about().location));
        let run = side.run(&RunId::from(id)).await?.ok_or_else(gone)?;
        points((side, &run), key).await
    };
    let (ours, theirs) = futures::try_join!(of(source, source_id), of(target, target_id))?;
    Ok(Curve::new((source_id, target_id), key, &ours, &theirs))
}

async fn points((of, run): (&dyn Reader, &Run), key: &str) -> Result<BTreeSet<PointIdentity>> {
    let Some(latest) = run.latest.get(key) else {
        return Ok(BTreeSet::new());
    };
    let only = [Run { latest: [(key.to_owned(), *latest)].into(), ..run.clone() }];
    let mut all = BTreeSet::new();
    let mut chunks = of.histories(&only);
    while let Some(chunk) = chunks.try_next().await? {
        let chunk = chunk.map_err(|unreadable| Error::permanent(unreadable.reason))?;
        if chunk.key == key {
            all.extend(chunk.points.iter().map(Point::identity));
        }
    }
    Ok(all)
}

fn show((timestamp, step, bits): &PointIdentity) -> String {
    format!("step {step} at {timestamp} = {}", f64::from_bits(*bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(points: &[(i64, f64)]) -> Checksum {
        let mut sum = Checksum::default();
        points.iter().for_each(|(step, value)| sum.add(&Point { value: *value, timestamp: 0, step: *step }));
        sum
    }

    fn latest_of(points: &[(i64, f64)], shown: (i64, f64)) -> (Vec<String>, usize) {
        let point = |(step, value): (i64, f64)| Point { value, timestamp: 0, step };
        let run = |shown| Run { latest: [("k".to_owned(), point(shown))].into(), ..Run::default() };
        let series = |points| Some([("k".to_owned(), checksum(points))].into());
        let (ours, theirs): (Option<BTreeMap<_, _>>, _) = (series(&[(1, 0.5), (2, 0.25)]), series(points));
        let mut found = Found::new(crate::entities::Kind::Run);
        latest(&mut found, &run((2, 0.25)), &run(shown), ours.as_ref(), theirs.as_ref());
        (found.differ.into_iter().map(|one| one.field).collect(), found.normalised.len())
    }

    #[test]
    fn the_latest_point_must_be_one_of_the_points() {
        let same = &[(2, 0.25), (1, 0.5)];
        assert_eq!(latest_of(same, (2, 0.25)), (vec![], 0));
        assert_eq!(latest_of(same, (2, 999.0)).0, ["latest metric k"], "no point has this value");
        assert_eq!(latest_of(same, (1, 0.5)).0, ["latest metric k"], "an earlier point");
        assert_eq!(
            latest_of(&[(1, 0.5), (2, 0.25), (3, 0.1)], (3, 0.1)),
            (vec![], 0),
            "the points differ, and their comparison reports it"
        );
        let sum = checksum(&[(2, 0.25), (2, f64::NAN), (1, 7.0)]);
        assert!(
            [0.25, f64::NAN]
                .map(|value| sum.may_be_latest(&Point { value, timestamp: 0, step: 2 }))
                .iter()
                .all(|may| *may)
        );
        let sum = checksum(&[(2, 0.25), (2, 0.5)]);
        assert_eq!(
            [0.25, 0.5].map(|value| sum.may_be_latest(&Point { value, timestamp: 0, step: 2 })),
            [false, true]
        );
    }

    #[test]
    fn an_outdated_latest_point_of_the_source_is_not_a_difference() {
        let point = |step| Point { value: 1.0, timestamp: 0, step };
        let run = |step| Run { latest: [("k".to_owned(), point(step))].into(), ..Run::default() };
        let series: BTreeMap<_, _> = [("k".to_owned(), checksum(&[(1, 1.0), (2, 1.0)]))].into();
        let mut found = Found::new(crate::entities::Kind::Run);
        latest(&mut found, &run(1), &run(2), Some(&series), Some(&series));
        assert_eq!((found.differ.len(), found.normalised.len()), (0, 1));
    }

    #[test]
    fn order_and_repetition_do_not_matter_but_values_do() {
        let one = checksum(&[(1, 0.5), (2, f64::NAN), (3, f64::INFINITY)]);
        assert!(one.same(&checksum(&[(3, f64::MAX), (2, f64::NAN), (1, 0.5), (1, 0.5)])));
        assert!(!one.same(&checksum(&[(1, 0.5), (2, f64::NAN)])));
        assert!(!one.same(&checksum(&[(1, 0.5), (2, 0.0), (3, f64::INFINITY)])));
    }
}
