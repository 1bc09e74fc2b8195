//! Metric histories, compared as sets: first by an order-free checksum of every series, then point by point where
//! that differs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::TryStreamExt;

use super::{Curve, FieldDifference};
use crate::entities::{Point, PointIdentity, Run, RunId};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// Points that are named of a series that differs.
const EXAMPLES: usize = 3;

/// A series as far as its checksum tells. Repeated points that follow each other count once: servers keep one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    count: u64,
    sum: u64,
    last: Option<PointIdentity>,
}

impl Checksum {
    fn add(&mut self, point: &Point) {
        let identity = point.identity();
        if self.last != Some(identity) {
            self.count += 1;
            self.sum = self.sum.wrapping_add(point.fingerprint());
            self.last = Some(identity);
        }
    }

    fn same(&self, other: &Self) -> bool {
        (self.count, self.sum) == (other.count, other.sum)
    }
}

/// The checksums of some runs, and what could not be read.
#[derive(Default)]
pub struct Checksums {
    pub series: HashMap<RunId, BTreeMap<String, Checksum>>,
    pub unreadable: HashMap<RunId, String>,
    pub points: u64,
}

pub async fn checksums(of: &dyn Snapshot, runs: &[Run]) -> Result<Checksums> {
    let mut all = Checksums::default();
    let mut chunks = of.histories(runs);
    while let Some(chunk) = chunks.try_next().await? {
        match chunk {
            Ok(chunk) => {
                all.points += chunk.points.len() as u64;
                let series = all.series.entry(chunk.run_id).or_default().entry(chunk.key).or_default();
                chunk.points.iter().for_each(|point| series.add(point));
            }
            Err(unreadable) => drop(all.unreadable.insert(unreadable.id.into(), unreadable.reason)),
        }
    }
    Ok(all)
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

/// Reads one metric of both runs again and names what differs; nothing when only repeated points did.
pub async fn compare(
    source: (&dyn Snapshot, &Run),
    target: (&dyn Snapshot, &Run),
    key: &str,
) -> Result<Option<(FieldDifference, Curve)>> {
    let (ours, theirs) = futures::try_join!(points(source, key), points(target, key))?;
    let missing: Vec<_> = ours.difference(&theirs).collect();
    let extra: Vec<_> = theirs.difference(&ours).collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(None);
    }
    let side = |all: &BTreeSet<PointIdentity>, own: &[&PointIdentity]| {
        let examples: Vec<String> = own.iter().take(EXAMPLES).map(|point| show(point)).collect();
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

/// One metric of two runs, to be looked at.
pub async fn curve(
    (source, source_id): (&dyn Snapshot, &str),
    (target, target_id): (&dyn Snapshot, &str),
    key: &str,
) -> Result<Curve> {
    let of = async |side: &dyn Snapshot, id: &str| {
        let gone = || Error::permanent(format!("{}: run {id} is not there any more", side.about().location));
        let run = side.run(&RunId::from(id)).await?.ok_or_else(gone)?;
        points((side, &run), key).await
    };
    let (ours, theirs) = futures::try_join!(of(source, source_id), of(target, target_id))?;
    Ok(Curve::new((source_id, target_id), key, &ours, &theirs))
}

async fn points((of, run): (&dyn Snapshot, &Run), key: &str) -> Result<BTreeSet<PointIdentity>> {
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

    #[test]
    fn order_and_repetition_do_not_matter_but_values_do() {
        let one = checksum(&[(1, 0.5), (2, f64::NAN), (3, f64::INFINITY)]);
        assert!(one.same(&checksum(&[(3, f64::MAX), (2, f64::NAN), (1, 0.5), (1, 0.5)])));
        assert!(!one.same(&checksum(&[(1, 0.5), (2, f64::NAN)])));
        assert!(!one.same(&checksum(&[(1, 0.5), (2, 0.0), (3, f64::INFINITY)])));
    }
}
