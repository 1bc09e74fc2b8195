//! The runs of an experiment, page by page. A few threads read the folders, because each run consists of many small
//! files.
//!
//! A folder has no order, but a parent must come before its nested runs, and users expect the oldest runs first. So all
//! `meta.yaml` files are read first, of which only the ids and start times are kept: about 100 bytes for each run.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::Store;
use super::layout::ExperimentFolder;
use super::runs::Detail;
use crate::entities::{Experiment, Kind, Readable, Run, RunId, Unreadable};
use crate::error::{Error, Result};
use crate::io::{Pages, in_thread};
use crate::plan::TimeRange;

const RUNS_PER_PAGE: usize = 100;
const START_TIMES_PER_TASK: usize = 500;
/// The most threads that read runs at the same time.
pub const MAX_CONCURRENT_PAGES: usize = 4;

pub fn pages<'a>(
    store: &'a Arc<Store>,
    experiment: &'a Experiment,
    detail: Detail,
) -> Pages<'a, Readable<Run>> {
    let pages = async move {
        let (folder, names) = match sorted(store, experiment).await {
            Ok(found) => found,
            // Other experiments can still be read.
            Err(error) => {
                let of = format!("experiment {}", experiment.id);
                let rest = Unreadable::rest_of_list(Kind::Run, &of, error);
                return Ok::<_, Error>(stream::once(async { Ok(vec![Err(rest)]) }).boxed());
            }
        };
        let folder = Arc::new(folder);
        let read = move |names: Vec<String>| {
            let (store, folder) = (Arc::clone(store), Arc::clone(&folder));
            in_thread(move || Ok(store.read_runs(&folder, &names, detail)))
        };
        let chunks: Vec<Vec<String>> = names.chunks(RUNS_PER_PAGE).map(<[String]>::to_vec).collect();
        Ok(stream::iter(chunks).map(read).buffered(MAX_CONCURRENT_PAGES).boxed())
    };
    stream::once(pages).try_flatten().boxed()
}

/// The names of the run folders, by start time and name.
async fn sorted(store: &Arc<Store>, experiment: &Experiment) -> Result<(ExperimentFolder, Vec<String>)> {
    let (folder, mut timed) = timed(store, experiment).await?;
    timed.sort_unstable();
    Ok((folder, timed.into_iter().map(|(_, name)| name).collect()))
}

/// The names of the run folders, each with the start time.
async fn timed(
    store: &Arc<Store>,
    experiment: &Experiment,
) -> Result<(ExperimentFolder, Vec<(Option<i64>, String)>)> {
    let (reader, id) = (Arc::clone(store), experiment.id.clone());
    let listed = in_thread(move || {
        let folder = reader.experiment(&id)?;
        let names = reader.run_names(&folder)?;
        Ok((folder, names))
    });
    let (folder, names) = listed.await?;
    let chunks: Vec<Vec<String>> = names.chunks(START_TIMES_PER_TASK).map(<[String]>::to_vec).collect();
    let time = |names: Vec<String>| {
        let (store, folder) = (Arc::clone(store), folder.clone());
        in_thread(move || {
            let timed = names.into_iter().map(|name| (store.start_time(&folder, &name), name));
            Ok(timed.collect::<Vec<_>>())
        })
    };
    let timed = stream::iter(chunks).map(time).buffered(MAX_CONCURRENT_PAGES).try_concat().await?;
    Ok((folder, timed))
}

/// At most `most` runs in the order of their ids, and whether there are more. Only these runs are read.
pub async fn first(
    store: &Arc<Store>,
    experiment: &Experiment,
    most: usize,
) -> Result<(Vec<Readable<Run>>, bool)> {
    let (store, id) = (Arc::clone(store), experiment.id.clone());
    in_thread(move || {
        let folder = store.experiment(&id)?;
        let (mut found, mut datasets) = (Vec::new(), Default::default());
        for name in store.run_names(&folder)? {
            let runs = store.read_run(&folder, &name, &mut datasets, Detail::Whole);
            if !runs.is_empty() && found.len() >= most {
                return Ok((found, true));
            }
            found.extend(runs);
        }
        Ok((found, false))
    })
    .await
}

/// The number of runs. Runs that cannot be listed are not counted.
pub async fn count(store: &Arc<Store>, experiment: &Experiment) -> Result<usize> {
    let (store, id) = (Arc::clone(store), experiment.id.clone());
    in_thread(move || {
        let Ok(folder) = store.experiment(&id) else { return Ok(0) };
        let names = store.run_names(&folder).unwrap_or_default();
        Ok(names.iter().filter(|name| store.is_run(&folder, name)).count())
    })
    .await
}

/// The runs that did not start in this window.
pub async fn outside(store: &Arc<Store>, experiment: &Experiment, window: &TimeRange) -> Result<Vec<RunId>> {
    let (_, timed) = timed(store, experiment).await?;
    let outside = timed.into_iter().filter(|(start, _)| !window.takes(*start));
    Ok(outside.map(|(_, name)| RunId::from(name)).collect())
}

impl Store {
    fn read_runs(&self, folder: &ExperimentFolder, names: &[String], detail: Detail) -> Vec<Readable<Run>> {
        let mut datasets = Default::default();
        names.iter().flat_map(|name| self.read_run(folder, name, &mut datasets, detail)).collect()
    }
}
