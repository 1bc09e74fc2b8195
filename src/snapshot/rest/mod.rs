//! A live tracking server.

mod direct;
mod evaluation;
mod files;
mod history;
mod open_file;
mod runs;
mod traces;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use self::open_file::may_be_had_elsewhere;
use super::{About, Snapshot};
use crate::artifacts::{ByteStream, Stores};
use crate::aws::{Session, Vigil};
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, Kind, LoggedModel, MetricChunk, ModelId,
    ModelVersion, Other, Owner, Readable, Record, RegisteredModel, Run, RunId, S3Object, Scorer, Spans,
    Trace, TraceLinks, Unreadable, Window,
};
use crate::error::{Class, Result};
use crate::rest::{Client, Pages, Probe, Traffic};

pub struct RestSnapshot {
    client: Arc<Client>,
    about: About,
    probe: Probe,
    stores: Arc<Stores>,
    /// Roots that this machine seems to reach, and where it does not see what the server sees.
    by_server: Mutex<HashSet<String>>,
    has_models: OnceCell<bool>,
    /// The latest version of each, where the server tells all at once.
    scorers: OnceCell<Option<Vec<Scorer>>>,
}

/// Runs that are asked for one by one, side by side.
const RUNS_AT_ONCE: usize = 8;

impl RestSnapshot {
    /// `probe` is what the first look at `client`'s server found, `stores` those that hold its artifacts.
    pub fn new(client: Arc<Client>, stores: Arc<Stores>, probe: Probe) -> Self {
        let about = About {
            kind: "server",
            location: client.address().to_string(),
            version: probe.version,
            capabilities: Some(probe.capabilities),
        };
        let (by_server, has_models, scorers) = (Mutex::default(), OnceCell::new(), OnceCell::new());
        Self { client, about, probe, stores, by_server, has_models, scorers }
    }
}

impl RestSnapshot {
    /// Adds which logged models each run used and made, which its page in a search does not tell: a request a run,
    /// spared where the server has no logged model at all.
    async fn with_models(&self, page: Vec<Readable<Run>>) -> Result<Vec<Readable<Run>>> {
        if !self.has_models().await? {
            return Ok(page);
        }
        let asked = page.into_iter().map(|run| async move {
            let run = run?;
            match self.client.run(&run.id).await {
                Ok(Run { model_inputs, model_outputs, .. }) => Ok(Run { model_inputs, model_outputs, ..run }),
                // Listed, and yet not found: its files say so when they are asked for.
                Err(e) if e.class() == Class::NotFound => Ok(run),
                Err(e) => Err(Unreadable { kind: Kind::Run, id: run.id.to_string(), reason: e.to_string() }),
            }
        });
        Ok(stream::iter(asked).buffered(RUNS_AT_ONCE).collect().await)
    }

    async fn has_models(&self) -> Result<bool> {
        if !self.probe.capabilities.logged_models {
            return Ok(false);
        }
        let ask = || async {
            let all: Vec<Experiment> = self.client.experiments().try_concat().await?;
            let ids: Vec<_> = all.into_iter().map(|experiment| experiment.id).collect();
            self.client.any_logged_model(&ids).await
        };
        self.has_models.get_or_try_init(ask).await.copied()
    }
}

fn found<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.class() == Class::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[async_trait]
impl Snapshot for RestSnapshot {
    fn about(&self) -> &About {
        &self.about
    }

    fn traffic(&self) -> Traffic {
        self.client.meter().read()
    }

    fn news(&self) -> Vec<String> {
        self.stores.news()
    }

    fn vigils(&self) -> Vec<Vigil> {
        let client = self.client.session().map(Session::vigil);
        client.into_iter().chain([self.stores.vigil()]).cloned().collect()
    }

    fn experiments(&self) -> Pages<'_, Experiment> {
        self.client.experiments()
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.every_run(experiment).and_then(move |page| self.with_models(page)).boxed()
    }

    fn listed_runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.every_run(experiment)
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Run>, bool)> {
        match self.client.first_runs(&experiment.id, most).await {
            Err(error) if runs::is_about_data(&error) => {
                let mut found = Vec::new();
                let mut pages = self.every_run(experiment);
                while let Some(page) = pages.try_next().await? {
                    found.extend(page.into_iter().flatten());
                }
                found.truncate(most);
                // Nobody knows what else there is.
                Ok((found, true))
            }
            answer => answer,
        }
    }

    /// Without asking for the models of each.
    async fn runs_outside(&self, experiment: &Experiment, window: &Window) -> Result<Vec<RunId>> {
        let outside = |page: Vec<Readable<Run>>| {
            let runs = page.into_iter().flatten().filter(|run| !window.takes(run.start_time));
            runs.map(|run| run.id).collect::<Vec<_>>()
        };
        self.every_run(experiment).map_ok(outside).try_concat().await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        found(self.client.run(id).await)
    }

    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>> {
        if !self.probe.capabilities.logged_models {
            return stream::empty().boxed();
        }
        let pages = self.client.logged_models(&experiment.id);
        pages.map_ok(|page| page.into_iter().map(Ok).collect()).boxed()
    }

    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        if !self.probe.capabilities.logged_models {
            return Ok(None);
        }
        found(self.client.logged_model(id).await)
    }

    fn registered_models(&self) -> Pages<'_, RegisteredModel> {
        match self.probe.capabilities.model_registry {
            true => self.client.registered_models(self.probe.capabilities.prompts),
            false => stream::empty().boxed(),
        }
    }

    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        self.client.model_versions(&of.name, self.probe.capabilities.prompts).await
    }

    fn evaluation_datasets(&self) -> Pages<'_, EvaluationDataset> {
        if self.probe.capabilities.evaluation { self.datasets() } else { stream::empty().boxed() }
    }

    fn records<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        self.client.dataset_records(&dataset.id)
    }

    async fn scorers(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        if self.probe.capabilities.evaluation { self.every_scorer(experiment).await } else { Ok(Vec::new()) }
    }

    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        let pages = self.every_trace(experiment);
        pages.map_ok(|page| page.into_iter().map(Ok).collect()).boxed()
    }

    async fn spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        self.spans_of(trace).await
    }

    fn trace_links<'a>(
        &'a self,
        experiment: &'a Experiment,
        of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        self.links(experiment, of)
    }

    async fn others(&self) -> Result<Vec<Other>> {
        let all: Vec<Experiment> = self.client.experiments().try_concat().await?;
        let active = all.into_iter().filter(|experiment| !experiment.lifecycle.is_deleted());
        let ids: Vec<_> = active.map(|experiment| experiment.id).collect();
        Ok(self.client.others(&ids).await)
    }

    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        history::histories(&self.client, self.probe.capabilities.bulk_history_runs, runs)
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, FileEntry> {
        self.files_of(owner)
    }

    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        self.open_file(owner, file).await
    }

    async fn sha256(&self, owner: Owner<'_>, file: &FileEntry) -> Result<Option<String>> {
        match self.direct_root(&owner).await {
            // Then its bytes are read, wherever they may be had.
            Some(root) => root.sha256(&file.path).await.or_else(|error| match may_be_had_elsewhere(&error) {
                true => Ok(None),
                false => Err(error),
            }),
            None => Ok(None),
        }
    }

    async fn in_s3(&self, owner: Owner<'_>, file: &FileEntry) -> Option<S3Object> {
        self.direct_root(&owner).await?.in_s3(&file.path)
    }
}
