//! A live tracking server.

mod files;
mod history;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::{About, Snapshot};
use crate::artifacts::{ByteStream, is_speakable, proxied_path, proxied_url_path};
use crate::entities::{
    Experiment, FileEntry, MetricChunk, ModelVersion, Owner, Readable, RegisteredModel, Run, RunId,
};
use crate::error::{Class, Result};
use crate::rest::{Client, Pages, Probe, Traffic};

pub struct RestSnapshot {
    client: Arc<Client>,
    about: About,
    probe: Probe,
}

impl RestSnapshot {
    /// `probe` is what the first look at `client`'s server found.
    pub fn new(client: Arc<Client>, probe: Probe) -> Self {
        let about = About {
            kind: "server",
            location: client.address().to_string(),
            version: probe.version,
            capabilities: Some(probe.capabilities),
        };
        Self { client, about, probe }
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

    fn experiments(&self) -> Pages<'_, Experiment> {
        self.client.experiments()
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        let pages = self.client.runs(&experiment.id, "");
        pages.map_ok(|page| page.into_iter().map(Ok).collect()).boxed()
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Run>, bool)> {
        self.client.first_runs(&experiment.id, most).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        match self.client.run(id).await {
            Ok(run) => Ok(Some(run)),
            Err(e) if e.class() == Class::NotFound => Ok(None),
            Err(e) => Err(e),
        }
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

    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        history::histories(&self.client, self.probe.capabilities.bulk_history_runs, runs)
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, FileEntry> {
        files::files(&self.client, owner)
    }

    /// Through the proxy where the root is the server's own, else through whatever the server itself can reach. The
    /// proxy of MLflow 3.10 answers 500 for names beyond ASCII, which the other route gives.
    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        is_speakable(&file.path)?;
        let proxied = proxied_path(owner.artifact_uri);
        match proxied.filter(|_| self.probe.capabilities.artifact_proxy && file.path.is_ascii()) {
            Some(root) => self.client.download_proxied(&proxied_url_path(root, &file.path)?).await,
            None => self.client.download(owner, &file.path).await,
        }
    }
}
