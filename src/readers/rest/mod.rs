//! A live tracking server.

mod direct;
mod evaluation;
mod experiments;
mod files;
mod history;
mod listed;
mod open_file;
mod prompt_links;
mod runs;
mod strays;
mod traces;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use self::open_file::may_be_elsewhere;
use self::prompt_links::PromptLinks;
use super::{Reader, SourceInfo};
use crate::artifacts::{ArtifactStores, ByteStream};
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, Kind, LoggedModel, MetricChunk, ModelId,
    ModelVersion, Owner, Readable, Record, RegisteredModel, Run, RunId, S3Object, Scorer, Spans, Trace,
    TraceLinks, Unreadable, Unsupported,
};
use crate::error::{Class, Result};
use crate::io::CredentialWait;
use crate::io::{Pages, Traffic};
use crate::plan::TimeRange;
use crate::rest::{Client, Probe};

pub struct RestReader {
    client: Arc<Client>,
    about: SourceInfo,
    probe: Probe,
    stores: Arc<ArtifactStores>,
    /// Roots in which this machine does not see the same files as the server.
    by_server: Mutex<HashSet<String>>,
    has_models: OnceCell<bool>,
    /// The latest version of each scorer, if the server lists all at once.
    scorers: OnceCell<Option<Vec<Scorer>>>,
    prompt_links: OnceCell<PromptLinks>,
}

/// The most runs that are requested at the same time.
const MAX_CONCURRENT_RUNS: usize = 8;

impl RestReader {
    /// `probe` is the result of the first requests to the server of `client`; `stores` hold its artifacts.
    pub fn new(client: Arc<Client>, stores: Arc<ArtifactStores>, probe: Probe) -> Self {
        let about = SourceInfo {
            kind: "server",
            location: client.address().to_string(),
            version: probe.version,
            capabilities: Some(probe.capabilities),
        };
        Self {
            client,
            about,
            probe,
            stores,
            by_server: Mutex::default(),
            has_models: OnceCell::new(),
            scorers: OnceCell::new(),
            prompt_links: OnceCell::new(),
        }
    }
}

impl RestReader {
    /// Adds the logged models that each run used and created, because a page of the search does not contain them. This
    /// needs one request per run, and is skipped if the server has no logged models.
    async fn with_models(&self, page: Vec<Readable<Run>>) -> Result<Vec<Readable<Run>>> {
        if !self.has_models().await? {
            return Ok(page);
        }
        let asked = page.into_iter().map(|run| async move {
            let run = match run {
                Ok(run) => run,
                Err(unreadable) => return Ok(Err(unreadable)),
            };
            Ok(match self.client.run(&run.id).await {
                Ok(Run { model_inputs, model_outputs, .. }) => Ok(Run { model_inputs, model_outputs, ..run }),
                // The run is listed, but not found: the error is reported when its files are read.
                Err(e) if e.class() == Class::NotFound => Ok(run),
                Err(e) if self.fails_every_request(&e).await => return Err(e),
                Err(e) => Err(Unreadable { kind: Kind::Run, id: run.id.to_string(), reason: e.to_string() }),
            })
        });
        stream::iter(asked).buffered(MAX_CONCURRENT_RUNS).try_collect().await
    }

    async fn has_models(&self) -> Result<bool> {
        if !self.probe.capabilities.logged_models {
            return Ok(false);
        }
        let ask = || async {
            let all = self.every_experiment().try_concat().await?;
            let ids: Vec<_> = all.iter().flatten().map(|experiment| experiment.id.clone()).collect();
            match self.client.any_logged_model(&ids).await {
                // If the answer is unknown, each run is requested.
                Err(error) if !self.fails_every_request(&error).await => Ok(true),
                answer => Ok(answer? || ids.len() < all.len()),
            }
        };
        self.has_models.get_or_try_init(ask).await.copied()
    }
}

/// True if the id can belong to a file store. Every server has the first experiment, over any store.
fn may_be_of_files(id: &ExperimentId) -> bool {
    id.as_str() == "0" || id.is_of_file_store()
}

fn found<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.class() == Class::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[async_trait]
impl Reader for RestReader {
    fn about(&self) -> &SourceInfo {
        &self.about
    }

    fn traffic(&self) -> Traffic {
        self.client.meter().read()
    }

    fn take_notes(&self) -> Vec<String> {
        self.stores.take_notes()
    }

    fn credential_waits(&self) -> Vec<CredentialWait> {
        self.client.credential_waits().chain([self.stores.credential_wait()]).cloned().collect()
    }

    async fn answers(&self) -> Result<()> {
        self.client.answers().await
    }

    async fn lease(&self) -> Result<Option<String>> {
        self.client.lease().await
    }

    fn experiments(&self) -> Pages<'_, Readable<Experiment>> {
        self.every_experiment()
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.every_run(experiment).and_then(move |page| self.with_models(page)).boxed()
    }

    fn listed_runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.every_run(experiment)
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Readable<Run>>, bool)> {
        match self.client.first_runs(&experiment.id, most).await {
            Err(error) if !self.fails_every_request(&error).await => {
                // It is unknown whether there are more runs.
                Ok((self.every_run(experiment).try_concat().await?, true))
            }
            answer => answer,
        }
    }

    /// This does not request the models of each run.
    async fn runs_outside(&self, experiment: &Experiment, window: &TimeRange) -> Result<Vec<RunId>> {
        let outside = |page: Vec<Readable<Run>>| {
            let runs = page.into_iter().flatten().filter(|run| !window.takes(run.start_time));
            runs.map(|run| run.id).collect::<Vec<_>>()
        };
        self.every_run(experiment).map_ok(outside).try_concat().await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        self.classified(found(self.client.run(id).await)).await
    }

    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>> {
        if !self.probe.capabilities.logged_models {
            return stream::empty().boxed();
        }
        let list = self.client.logged_models(&experiment.id);
        self.to_its_end(Kind::LoggedModel, format!("experiment {}", experiment.id), list)
    }

    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        if !self.probe.capabilities.logged_models {
            return Ok(None);
        }
        self.classified(found(self.client.logged_model(id).await)).await
    }

    fn registered_models(&self) -> Pages<'_, Readable<RegisteredModel>> {
        if !self.probe.capabilities.model_registry {
            return stream::empty().boxed();
        }
        let models = self.client.registered_models();
        let models = self.to_its_end(Kind::RegisteredModel, String::new(), models);
        match self.probe.capabilities.prompts {
            true => models.chain(self.to_its_end(Kind::Prompt, String::new(), self.client.prompts())).boxed(),
            false => models,
        }
    }

    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        self.classified(self.client.model_versions(&of.name, self.probe.capabilities.prompts).await).await
    }

    fn evaluation_datasets(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        if self.probe.capabilities.evaluation { self.datasets() } else { stream::empty().boxed() }
    }

    fn records<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        self.client.dataset_records(&dataset.id)
    }

    async fn scorers(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        match self.probe.capabilities.evaluation {
            true => self.classified(self.every_scorer(experiment).await).await,
            false => Ok(Vec::new()),
        }
    }

    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        let traces = self.to_its_end(
            Kind::Trace,
            format!("experiment {}", experiment.id),
            self.every_trace(experiment),
        );
        self.with_prompts(experiment, traces)
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

    async fn others(&self) -> Result<Vec<Unsupported>> {
        let all: Vec<Readable<Experiment>> = self.every_experiment().try_concat().await?;
        let active = all.into_iter().flatten().filter(|experiment| !experiment.lifecycle.is_deleted());
        let active: Vec<Experiment> = active.collect();
        let ids: Vec<_> = active.iter().map(|experiment| experiment.id.clone()).collect();
        let over_files = !self.probe.capabilities.evaluation && ids.iter().all(may_be_of_files);
        let mut others = self.client.others(&ids, over_files).await;
        others.push(self.strays(&active).await?);
        Ok(others)
    }

    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        history::histories(&self.client, self.probe.capabilities.bulk_history_runs, runs)
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        self.files_of(owner)
    }

    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        self.open_file(owner, file).await
    }

    async fn sha256(&self, owner: Owner<'_>, file: &FileEntry) -> Result<Option<String>> {
        match self.direct_root(&owner).await {
            // If the store fails, the caller reads the bytes, from any place that has them.
            Some(root) => root.sha256(&file.path).await.or_else(|error| match may_be_elsewhere(&error) {
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
