//! The runs of an experiment, even if the server cannot list them or its list is incomplete. Over a folder of files
//! (MLflow 2.22 and 3.10, `store/tracking/file_store.py`), one torn file breaks the list of all runs, and a run without
//! `meta.yaml` is omitted. Then the runs that other objects name are requested one by one.

use std::collections::HashSet;

use futures::stream;
use futures::{StreamExt, TryStreamExt};

use super::{MAX_CONCURRENT_RUNS, RestReader};
use crate::artifacts::{folder, proxied_path};
use crate::entities::{Experiment, Kind, Readable, Run, RunId, Unreadable};
use crate::error::{Class, Error, Result};
use crate::io::{Listing, Pages};

struct Walk<'a> {
    list: Listing<'a, Run>,
    seen: HashSet<RunId>,
    ended: bool,
}

impl RestReader {
    /// All runs of the experiment. The runs of the server's list come without their logged models.
    pub(super) fn every_run<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        let is_file_store = experiment.id.is_of_file_store();
        let walk = Walk { list: self.client.runs(&experiment.id, ""), seen: HashSet::new(), ended: false };
        let next = move |mut walk: Walk<'a>| async move {
            if walk.ended {
                return Ok(None);
            }
            let page = match walk.list.try_next().await {
                Ok(Some(page)) => {
                    walk.seen.extend(page.iter().map(id_of));
                    page
                }
                Ok(None) => {
                    walk.ended = true;
                    if is_file_store { self.unlisted(experiment, &walk.seen).await? } else { Vec::new() }
                }
                Err(error) if self.fails_every_request(&error).await => return Err(error),
                Err(error) => {
                    walk.ended = true;
                    self.instead_of_list(experiment, &walk.seen, error).await?
                }
            };
            Ok(Some((page, walk)))
        };
        stream::try_unfold(walk, next).boxed()
    }

    /// Runs that have a folder of artifacts, but that the server cannot read.
    async fn unlisted(&self, experiment: &Experiment, seen: &HashSet<RunId>) -> Result<Vec<Readable<Run>>> {
        let folders = self.run_folders(experiment).await?;
        let found = self.ask_for(experiment, folders.difference(seen)).await?;
        // An id that is not found belongs to the remaining folder of a removed run.
        Ok(found.into_iter().filter_map(|(id, run)| readable(experiment, id, run, false)).collect())
    }

    /// Runs that artifacts, logged models and other runs name. The last item shows that there may be more.
    async fn instead_of_list(
        &self,
        experiment: &Experiment,
        seen: &HashSet<RunId>,
        error: Error,
    ) -> Result<Vec<Readable<Run>>> {
        let mut named = self.run_folders(experiment).await?;
        named.extend(local_run_folders(experiment).await);
        named.extend(self.makers_of_models(experiment).await?);
        named.extend(self.runs_of_versions().await?);
        let (mut asked, mut runs) = (seen.clone(), Vec::new());
        let mut are_certain = true;
        while !named.is_empty() {
            let new: Vec<RunId> = named.drain().filter(|id| asked.insert(id.clone())).collect();
            for (id, run) in self.ask_for(experiment, new.iter()).await? {
                named.extend(run.iter().filter_map(Run::parent));
                runs.extend(readable(experiment, id, run, are_certain));
            }
            // A parent may be in another experiment, or deleted.
            are_certain = false;
        }
        runs.sort_by_key(|run| run.as_ref().map_or(i64::MAX, |run| run.start_time.unwrap_or(0)));
        let reason = format!(
            "the server cannot list its runs ({error}). The runs that artifacts, logged models and versions name were \
             requested one by one; others are not migrated until the server can list them: its log shows the reason \
             and, over a folder of files, the file to repair or to move away"
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
                Err(error) if self.fails_every_request(&error).await => Err(error),
                answer => Ok((id, answer)),
            }
        });
        let answers: Vec<_> = stream::iter(asked).buffered(MAX_CONCURRENT_RUNS).try_collect().await?;
        let is_elsewhere = |run: &Run| run.experiment_id != experiment.id;
        Ok(answers.into_iter().filter(|(_, run)| !run.as_ref().is_ok_and(is_elsewhere)).collect())
    }

    /// The folders of runs below the experiment's artifacts, if the server proxies these artifacts.
    async fn run_folders(&self, experiment: &Experiment) -> Result<HashSet<RunId>> {
        let root = proxied_path(&experiment.artifact_location);
        let Some(root) = root.filter(|_| self.probe.capabilities.artifact_proxy) else {
            return Ok(HashSet::new());
        };
        match self.client.list_proxied(root, "").await {
            Ok((_, folders)) => {
                Ok(folders.into_iter().filter(|name| is_run_id(name)).map(RunId::from).collect())
            }
            Err(error) if self.fails_every_request(&error).await => Err(error),
            // This search only finds unlisted runs; runs that are known to be lost are reported in any case.
            Err(error) => {
                tracing::warn!(
                    "{}: folders of runs that no list shows are not looked for: {error}",
                    experiment.name
                );
                Ok(HashSet::new())
            }
        }
    }

    /// The runs that created logged models, if these can be read.
    async fn makers_of_models(&self, experiment: &Experiment) -> Result<HashSet<RunId>> {
        let mut makers = HashSet::new();
        if !self.probe.capabilities.logged_models {
            return Ok(makers);
        }
        let list = self.client.logged_models(&experiment.id);
        let mut models = self.to_its_end(Kind::LoggedModel, String::new(), list);
        while let Some(page) = models.try_next().await? {
            makers.extend(page.into_iter().flatten().filter_map(|model| model.source_run_id));
        }
        Ok(makers)
    }

    /// Runs of any experiment from which versions of registered models come, if these can be read.
    async fn runs_of_versions(&self) -> Result<HashSet<RunId>> {
        let mut runs = HashSet::new();
        if !self.probe.capabilities.model_registry {
            return Ok(runs);
        }
        let list = self.client.all_model_versions();
        let mut versions = self.to_its_end(Kind::ModelVersion, String::new(), list);
        while let Some(page) = versions.try_next().await? {
            runs.extend(page.into_iter().flatten().filter_map(|version| version.run_id));
        }
        Ok(runs)
    }
}

fn id_of(run: &Readable<Run>) -> RunId {
    match run {
        Ok(run) => run.id.clone(),
        Err(unreadable) => RunId::from(unreadable.id.as_str()),
    }
}

/// The folders of runs, if the experiment's folder is on this machine. Only names that are ids of runs are used, and
/// each of them is requested from the server.
async fn local_run_folders(experiment: &Experiment) -> Vec<RunId> {
    let folder = folder(&experiment.artifact_location);
    let Some(folder) = folder.filter(|folder| folder.ends_with(experiment.id.as_str())) else {
        return Vec::new();
    };
    // If the path belongs to another machine, it does not exist here.
    let Ok(mut entries) = tokio::fs::read_dir(&folder).await else { return Vec::new() };
    let mut runs = Vec::new();
    while let Ok(Some(entry)) = entries.next_entry().await {
        runs.extend(entry.file_name().to_str().filter(|name| is_run_id(name)).map(RunId::from));
    }
    runs
}

pub(super) fn is_run_id(name: &str) -> bool {
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
