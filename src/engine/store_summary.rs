use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::Endpoint;
use crate::entities::Count;
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
}

/// Counts what is in a store.
pub async fn summarize(endpoint: &Endpoint, store: &StoreLocation) -> Result<StoreSummary> {
    let reader = endpoint.reader()?;
    let (experiments, unreadable) = read_all(reader.experiments()).await?;
    let (models, more) = read_all(reader.registered_models()).await?;
    let counted = stream::iter(&experiments).map(|experiment| {
        let reader = &reader;
        async move {
            let (mut count, mut pages) = (0, reader.listed_runs(experiment));
            while let Some(page) = pages.try_next().await? {
                count += page.len();
                if count > MAX_RUNS {
                    break;
                }
            }
            Ok::<_, Error>(count)
        }
    });
    let runs: Vec<usize> = counted.buffered(MAX_CONCURRENT_EXPERIMENTS).try_collect().await?;
    let path = store.path().map(Path::to_owned);
    let size = move || path.map_or(0, |path| size_of(&path));
    Ok(StoreSummary {
        experiments: Count::exactly((experiments.len() + unreadable.len()) as u64),
        runs: Count::counted(runs.iter().sum::<usize>() as u64, runs.iter().any(|count| *count > MAX_RUNS)),
        models: Count::exactly((models.len() + more.len()) as u64),
        bytes: tokio::task::spawn_blocking(size).await.map_err(|e| Error::permanent(e.to_string()))?,
    })
}

fn size_of(path: &Path) -> u64 {
    let (mut bytes, mut paths, mut seen) = (0, vec![PathBuf::from(path)], 0);
    while let Some(path) = paths.pop()
        && seen < MAX_FILES
    {
        seen += 1;
        let Ok(about) = std::fs::symlink_metadata(&path) else { continue };
        match about.is_dir() {
            true => {
                let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
                paths.extend(entries.map(|entry| entry.path()));
            }
            false => bytes += about.len(),
        }
    }
    bytes
}
