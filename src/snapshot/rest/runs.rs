//! The runs of an experiment, also where the server's list of them breaks or is silent. Over a folder of files (MLflow
//! 2.22 and 3.10, `store/tracking/file_store.py`) it breaks for all runs when one has a torn file, and leaves out one
//! without `meta.yaml`. What else names runs is then asked for, one by one.

use std::collections::HashSet;

use futures::stream;
use futures::{StreamExt, TryStreamExt};

use super::{RUNS_AT_ONCE, RestSnapshot};
use crate::artifacts::proxied_path;
use crate::entities::{Experiment, Kind, Readable, Run, RunId, Unreadable};
use crate::error::{Class, Error, Result};
use crate::rest::Pages;

struct Walk<'a> {
    pages: Pages<'a, Run>,
    seen: HashSet<RunId>,
    ended: bool,
}

impl RestSnapshot {
    /// Without the logged models of those that the server lists.
    pub(super) fn every_run<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        let is_file_store = experiment.id.is_of_file_store();
        let walk = Walk { pages: self.client.runs(&experiment.id, ""), seen: HashSet::new(), ended: false };
        let next = move |mut walk: Walk<'a>| async move {
            if walk.ended {
                return Ok(None);
            }
            let page = match walk.pages.try_next().await {
                Ok(Some(page)) => {
                    if is_file_store {
                        walk.seen.extend(page.iter().map(|run| run.id.clone()));
                    }
                    page.into_iter().map(Ok).collect()
                }
                Ok(None) => {
                    walk.ended = true;
                    if is_file_store { self.unlisted(experiment, &walk.seen).await? } else { Vec::new() }
                }
                Err(error) if is_about_data(&error) => {
                    walk.ended = true;
                    self.instead_of_list(experiment, &walk.seen, error).await?
                }
                Err(error) => return Err(error),
            };
            Ok(Some((page, walk)))
        };
        stream::try_unfold(walk, next).boxed()
    }

    /// Runs that have a folder of artifacts, and that the server knows of but cannot read.
    async fn unlisted(&self, experiment: &Experiment, seen: &HashSet<RunId>) -> Result<Vec<Readable<Run>>> {
        let folders = self.run_folders(experiment).await?;
        let found = self.ask_for(experiment, folders.difference(seen)).await?;
        // What a removed run has left behind is no run.
        Ok(found.into_iter().filter_map(|(id, run)| readable(experiment, id, run, false)).collect())
    }

    /// Runs that artifacts, logged models and other runs name. The last item says that there may be more.
    async fn instead_of_list(
        &self,
        experiment: &Experiment,
        seen: &HashSet<RunId>,
        error: Error,
    ) -> Result<Vec<Readable<Run>>> {
        let mut named = self.run_folders(experiment).await?;
        named.extend(self.makers_of_models(experiment).await?);
        let (mut asked, mut runs) = (seen.clone(), Vec::new());
        let mut are_certain = true;
        while !named.is_empty() {
            let new: Vec<RunId> = named.drain().filter(|id| asked.insert(id.clone())).collect();
            for (id, run) in self.ask_for(experiment, new.iter()).await? {
                named.extend(run.iter().filter_map(Run::parent));
                runs.extend(readable(experiment, id, run, are_certain));
            }
            // A parent may be elsewhere, or gone.
            are_certain = false;
        }
        if !runs.iter().any(Result::is_ok) {
            return Err(error);
        }
        runs.sort_by_key(|run| run.as_ref().map_or(i64::MAX, |run| run.start_time.unwrap_or(0)));
        let reason = format!(
            "the server cannot list its runs ({error}). Those with artifacts or logged models were found; if it has \
             others, they stay behind until the broken one is mended or moved away: the server's log names its file"
        );
        let id = format!("others of experiment {}", experiment.id);
        runs.push(Err(Unreadable { kind: Kind::Run, id, reason }));
        Ok(runs)
    }

    async fn ask_for(
        &self,
        experiment: &Experiment,
        ids: impl Iterator<Item = &RunId> + Send,
    ) -> Result<Vec<(RunId, Result<Run>)>> {
        let asked = ids.cloned().collect::<Vec<_>>().into_iter().map(|id| async move {
            match self.client.run(&id).await {
                Err(error) if !is_about_data(&error) => Err(error),
                answer => Ok((id, answer)),
            }
        });
        let answers: Vec<_> = stream::iter(asked).buffered(RUNS_AT_ONCE).try_collect().await?;
        let is_elsewhere = |run: &Run| run.experiment_id != experiment.id;
        Ok(answers.into_iter().filter(|(_, run)| !run.as_ref().is_ok_and(is_elsewhere)).collect())
    }

    /// The folders of runs below the experiment's artifacts, where the server passes those through.
    async fn run_folders(&self, experiment: &Experiment) -> Result<HashSet<RunId>> {
        let root = proxied_path(&experiment.artifact_location);
        let Some(root) = root.filter(|_| self.probe.capabilities.artifact_proxy) else {
            return Ok(HashSet::new());
        };
        match self.client.list_proxied(root, "").await {
            Ok((_, folders)) => {
                Ok(folders.into_iter().filter(|name| is_run_id(name)).map(RunId::from).collect())
            }
            Err(error) if is_about_data(&error) => Ok(HashSet::new()),
            Err(error) => Err(error),
        }
    }

    async fn makers_of_models(&self, experiment: &Experiment) -> Result<HashSet<RunId>> {
        if !self.probe.capabilities.logged_models {
            return Ok(HashSet::new());
        }
        match self.client.logged_models(&experiment.id).try_concat().await {
            Ok(models) => Ok(models.into_iter().filter_map(|model| model.source_run_id).collect()),
            Err(error) if is_about_data(&error) => Ok(HashSet::new()),
            Err(error) => Err(error),
        }
    }
}

/// It says something of this object, not of the connection or of who asks.
pub(super) fn is_about_data(error: &Error) -> bool {
    matches!(error.class(), Class::Permanent | Class::NotFound)
}

fn is_run_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn readable(experiment: &Experiment, id: RunId, run: Result<Run>, is_certain: bool) -> Option<Readable<Run>> {
    match run {
        Ok(run) => Some(Ok(run)),
        Err(error) if error.class() == Class::NotFound && !is_certain => None,
        Err(error) => {
            let reason =
                format!("the server does not show it in its experiment ({}): {error}", experiment.name);
            Some(Err(Unreadable { kind: Kind::Run, id: id.to_string(), reason }))
        }
    }
}
