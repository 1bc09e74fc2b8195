//! Measures a few runs, to estimate the amount of data to move.

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::entities::{Experiment, FileEntry, Owner, Run, RunId};
use crate::error::{Error, Result};
use crate::readers::Reader;

/// The maximum number of files of a run that are listed. For a run with more files, the size is a lower bound.
const MAX_FILES: usize = 10_000;
/// The maximum number of runs of each experiment that are read for a sample.
const MAX_RUNS: usize = 4;
/// The maximum number of points of a sampled run that are counted.
const MAX_POINTS: u64 = 20_000;
const MAX_CONCURRENT_RUNS: usize = 4;

/// The number and size of the files of some runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArtifactSize {
    pub files: u64,
    /// The total size of the files whose size is known.
    pub bytes: u64,
    /// True when the real size may be greater.
    pub at_least: bool,
}

/// The content of a few runs, to estimate the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sampled {
    pub runs: u64,
    pub files: u64,
    pub bytes: u64,
    /// Metric points.
    pub points: u64,
}

/// Lists the files of a run or a logged model, the largest first, and measures them.
pub(super) async fn files_of(of: &dyn Reader, owner: Owner<'_>) -> Result<(Vec<FileEntry>, ArtifactSize)> {
    let mut pages = of.files(owner);
    let (mut files, mut size) = (Vec::new(), ArtifactSize::default());
    while let Some(page) = pages.try_next().await? {
        // An unreadable folder may contain more files.
        size.at_least |= page.iter().any(Result::is_err);
        files.extend(page.into_iter().flatten());
        if files.len() >= MAX_FILES {
            size.at_least = true;
            break;
        }
    }
    for file in &files {
        size.files += 1;
        size.bytes = size.bytes.saturating_add(file.size.unwrap_or(0));
        size.at_least |= file.size.is_none();
    }
    files.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    Ok((files, size))
}

/// Measures the files of one run.
pub async fn measure(of: &dyn Reader, id: &RunId) -> Result<ArtifactSize> {
    let run = of.run(id).await?.ok_or_else(|| Error::permanent(format!("run {id} no longer exists")))?;
    Ok(files_of(of, run.owner()).await?.1)
}

/// Reads a few runs of each of these experiments. A run that cannot be read is not part of the sample.
pub async fn sample(of: &dyn Reader, experiments: Vec<Experiment>) -> Sampled {
    let runs = stream::iter(experiments).map(|experiment| async move {
        let runs = of.first_runs(&experiment, MAX_RUNS).await;
        runs.map_or_else(|_| Vec::new(), |(runs, _)| runs.into_iter().flatten().collect())
    });
    let runs: Vec<Run> = runs.buffer_unordered(MAX_CONCURRENT_RUNS).concat().await;
    let samples = stream::iter(runs).map(|run| sample_run(of, run)).buffer_unordered(MAX_CONCURRENT_RUNS);
    samples.filter_map(async |sample| sample.ok()).fold(Sampled::default(), async |a, b| a.plus(b)).await
}

async fn sample_run(of: &dyn Reader, run: Run) -> Result<Sampled> {
    let (files, points) = futures::try_join!(files_of(of, run.owner()), points_of(of, &run))?;
    Ok(Sampled { runs: 1, files: files.1.files, bytes: files.1.bytes, points })
}

async fn points_of(of: &dyn Reader, run: &Run) -> Result<u64> {
    if run.latest.is_empty() {
        return Ok(0);
    }
    let (one, mut points) = ([run.clone()], 0);
    let mut chunks = of.histories(&one);
    while points < MAX_POINTS
        && let Some(chunk) = chunks.try_next().await?
    {
        points += chunk.map_or(0, |chunk| chunk.points.len() as u64);
    }
    Ok(points)
}

impl Sampled {
    fn plus(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            files: self.files + other.files,
            bytes: self.bytes.saturating_add(other.bytes),
            points: self.points + other.points,
        }
    }
}
