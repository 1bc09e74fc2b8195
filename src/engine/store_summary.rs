use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::Endpoint;
use crate::entities::{Count, Kind};
use crate::error::{Error, Result};
use crate::readers::{StoreLocation, read_all};

const MAX_CONCURRENT_EXPERIMENTS: usize = 8;
/// The user waits for the numbers.
const MAX_RUNS: usize = 100_000;
const MAX_FILES: usize = 200_000;

/// The contents of a store in a few numbers.
#[derive(Clone, Debug, Serialize)]
pub struct StoreSummary {
    pub experiments: Count,
    pub runs: Count,
    /// Registered models and prompts.
    pub models: Count,
    /// The size of the database, or of all files in the folder.
    pub bytes: u64,
    /// The number of experiments, models and folders that cannot be read, and the first reason.
    pub unreadable: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Counts what is in a store. `on_part` receives the numbers so far: the first of them soon, also for a large store. The
/// size is part of the result only.
pub async fn summarize(
    endpoint: &Endpoint,
    store: &StoreLocation,
    on_part: &mut (dyn FnMut(StoreSummary) + Send),
) -> Result<StoreSummary> {
    let reader = endpoint.reader()?;
    let path = store.path().map(Path::to_owned);
    let size = tokio::task::spawn_blocking(move || path.map(|path| Size::of(&path)).unwrap_or_default());
    let (experiments, unreadable) = read_all(reader.experiments()).await?;
    // A lost table of params, for example, is no experiment.
    let lost = unreadable.iter().filter(|one| one.kind == Kind::Experiment).count();
    let mut summary = StoreSummary {
        experiments: Count::exactly((experiments.len() + lost) as u64),
        runs: Count::counted(0, !experiments.is_empty()),
        models: Count::unknown("not counted yet"),
        bytes: 0,
        unreadable: unreadable.len(),
        reason: unreadable.first().map(|one| one.reason.clone()),
    };
    let counting: Vec<_> =
        experiments.iter().map(|experiment| reader.count_runs(experiment, MAX_RUNS)).collect();
    let mut counting = stream::iter(counting).buffered(MAX_CONCURRENT_EXPERIMENTS);
    let (mut runs, mut is_cut) = (0, false);
    on_part(summary.clone());
    while let Some(count) = counting.try_next().await? {
        runs += count as u64;
        is_cut |= count > MAX_RUNS;
        summary.runs = Count::counted(runs, true);
        on_part(summary.clone());
    }
    let (models, more) = read_all(reader.registered_models()).await?;
    let Size { bytes, mut refused } = size.await.map_err(|e| Error::permanent(e.to_string()))?;
    let reasons = unreadable.iter().chain(&more).map(|one| one.reason.clone());
    // Some of them are reported as unreadable experiments and models.
    let is_known = |path: &PathBuf| {
        let path = path.display().to_string();
        unreadable.iter().chain(&more).any(|one| one.reason.contains(&path))
    };
    refused.retain(|path| !is_known(path));
    let refused_reason = refused.first().map(|path| format!("{}: permission denied", path.display()));
    Ok(StoreSummary {
        runs: Count::counted(runs, is_cut),
        models: Count::exactly((models.len() + more.len()) as u64),
        bytes,
        unreadable: summary.unreadable + more.len() + refused.len(),
        reason: reasons.chain(refused_reason).next(),
        ..summary
    })
}

/// The size of all files below a path.
#[derive(Default)]
struct Size {
    bytes: u64,
    /// The folders that this user may not read.
    refused: Vec<PathBuf>,
}

impl Size {
    fn of(root: &Path) -> Self {
        let (mut size, mut paths, mut seen) = (Self::default(), vec![PathBuf::from(root)], 0);
        while let Some(path) = paths.pop()
            && seen < MAX_FILES
        {
            seen += 1;
            let Ok(about) = std::fs::symlink_metadata(&path) else { continue };
            if !about.is_dir() {
                size.bytes += about.len();
                continue;
            }
            match std::fs::read_dir(&path) {
                Ok(entries) => paths.extend(entries.flatten().map(|entry| entry.path())),
                Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                    size.refused.push(path);
                }
                Err(_) => {}
            }
        }
        size
    }
}
