//! The details of one run or version. Only a limited number of points of a long history is read.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::sizes::{ArtifactSize, files_of};
use crate::entities::{FileEntry, ModelVersion, Point, RegisteredModel, Run, RunId};
use crate::error::{Error, Result};
use crate::readers::Reader;

/// The maximum number of metrics that are drawn, in the order of their names. For other metrics, only the latest value
/// is shown.
const MAX_METRICS: usize = 12;
/// The maximum number of points that are read, for all metrics together.
const MAX_POINTS: usize = 20_000;
/// The maximum number of files that are listed by name. All files are counted.
const MAX_FILES: usize = 200;
/// The number of columns of a drawing.
const COLUMNS: usize = 40;

/// The object whose details are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetailKey {
    Run(RunId),
    /// The version with this number.
    Version(Box<RegisteredModel>, u64),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Details {
    Run(Box<RunDetails>),
    Version(Box<ModelVersion>),
}

/// The content of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDetails {
    /// The run with its params, tags and the latest point of each metric.
    pub run: Run,
    /// The drawn metrics, by name.
    pub drawn: BTreeMap<String, Drawn>,
    /// The largest files, the largest first, and the size of all files. An error text when the files cannot be listed.
    pub files: std::result::Result<(Vec<FileEntry>, ArtifactSize), String>,
}

/// A metric's history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Values from 0 (the smallest) to 1 (the greatest), in the order of the steps. Empty if no value is finite.
    pub heights: Vec<f64>,
    pub points: u64,
    /// True when the history has more points than were read.
    pub more: bool,
}

/// Reads the details of a run or version.
///
/// # Errors
/// If the run or version itself cannot be read, or no longer exists.
pub async fn read_details(of: &dyn Reader, subject: &DetailKey) -> Result<Details> {
    match subject {
        DetailKey::Run(id) => Ok(Details::Run(Box::new(details(of, id).await?))),
        DetailKey::Version(model, number) => {
            let versions = of.model_versions(model).await?;
            let version = versions.into_iter().find(|version| version.version == *number);
            let version = version
                .ok_or_else(|| Error::permanent(format!("{} v{number} no longer exists", model.name)))?;
            Ok(Details::Version(Box::new(version)))
        }
    }
}

async fn details(of: &dyn Reader, id: &RunId) -> Result<RunDetails> {
    let run = of.run(id).await?.ok_or_else(|| Error::permanent(format!("run {id} no longer exists")))?;
    let (files, drawn) = futures::join!(files_of(of, run.owner()), draw(of, &run));
    let files = files.map_err(|error| error.to_string()).map(|(mut files, size)| {
        files.truncate(MAX_FILES);
        (files, size)
    });
    Ok(RunDetails { drawn: drawn?, files, run })
}

async fn draw(of: &dyn Reader, run: &Run) -> Result<BTreeMap<String, Drawn>> {
    let latest = run.latest.iter().take(MAX_METRICS).map(|(key, point)| (key.clone(), *point)).collect();
    let run_to_read = [Run { latest, ..run.clone() }];
    let mut series: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    let (mut read, mut last) = (0, None);
    let mut chunks = of.histories(&run_to_read);
    while read < MAX_POINTS
        && let Some(chunk) = chunks.try_next().await?
    {
        // A metric that cannot be read is not drawn. Its latest value is still shown.
        let Ok(chunk) = chunk else { continue };
        read += chunk.points.len();
        series.entry(chunk.key.clone()).or_default().extend(chunk.points);
        last = Some(chunk.key);
    }
    let cut = last.filter(|_| read >= MAX_POINTS);
    let drawn = series.into_iter().map(|(key, points)| {
        let more = cut.as_ref() == Some(&key);
        (key, Drawn { points: points.len() as u64, heights: heights(points), more })
    });
    Ok(drawn.collect())
}

/// The last value of each column, scaled to 0..1.
fn heights(mut points: Vec<Point>) -> Vec<f64> {
    points.retain(|point| point.value.is_finite());
    points.sort_by_key(|point| (point.step, point.timestamp));
    let columns = COLUMNS.min(points.len());
    let ends = (1..=columns).map(|column| points[column * points.len() / columns - 1].value);
    let values: Vec<f64> = ends.collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // The values are halved, because the difference of two finite numbers can be infinite.
    let span = greatest / 2.0 - least / 2.0;
    let height = |value: f64| if span > 0.0 { (value / 2.0 - least / 2.0) / span } else { 0.5 };
    values.into_iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: impl IntoIterator<Item = f64>) -> Vec<Point> {
        let points = values.into_iter().enumerate();
        points.map(|(step, value)| Point { value, step: step as i64, timestamp: 0 }).collect()
    }

    #[test]
    fn a_history_is_drawn_from_its_least_to_its_greatest_value() {
        assert_eq!(heights(points([1.0, 3.0, 2.0])), [0.0, 1.0, 0.5]);
        assert_eq!(heights(points([f64::NAN, 7.0, 7.0])), [0.5, 0.5]);
        assert_eq!(heights(points([f64::MIN, f64::MAX])), [0.0, 1.0]);
        assert!(heights(points([f64::INFINITY])).is_empty());
    }

    #[test]
    fn a_long_history_is_drawn_up_to_its_last_value() {
        let drawn = heights(points((0..1_001).map(f64::from)));
        assert_eq!(drawn.len(), COLUMNS);
        assert_eq!(drawn.last(), Some(&1.0));
        assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
