//! Reads the source for the tree: page by page, and only as far as the screen needs.

use std::sync::Arc;

use futures::{StreamExt, stream};
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

use crate::engine::browse::{DetailKey, Details, Sampled};
use crate::engine::{Endpoint, browse, open};
use crate::entities::{Experiment, ExperimentId, RunId};
use crate::error::Result;
use crate::tui::effect::Msg;
use crate::tui::model::endpoint::EndpointRef;

/// Number of runs that are measured in parallel, and number of results per message.
const MAX_CONCURRENT_SIZES: usize = 4;
const MAX_SIZES_PER_MESSAGE: usize = 50;

/// The open source of the tree, with its location.
pub type SourceCache = tokio::sync::Mutex<Option<(String, Arc<Endpoint>)>>;

/// Opens the source again and sends its contents page by page.
pub async fn holdings(at: EndpointRef, browsed: &SourceCache, messages: &Sender<Msg>) {
    let of = at.location.clone();
    let send = async |result| messages.send(Msg::SourcePage { of: of.clone(), result }).await.is_ok();
    let reader = match reopen(at, browsed).await.and_then(|endpoint| endpoint.reader()) {
        Ok(reader) => reader,
        Err(error) => {
            send(Err(error)).await;
            return;
        }
    };
    let mut pages = browse::holdings(reader.as_ref());
    while let Some(page) = pages.next().await
        && send(page).await
    {}
}

async fn reopen(at: EndpointRef, browsed: &SourceCache) -> Result<Arc<Endpoint>> {
    // Other requests for the source wait on this lock until it is open.
    let mut browsed = browsed.lock().await;
    let endpoint = Arc::new(open(&at.uri, at.end, at.access).await?);
    *browsed = Some((at.location, Arc::clone(&endpoint)));
    Ok(endpoint)
}

/// The open source of the tree. Another source is opened on demand.
pub async fn opened(at: EndpointRef, browsed: &SourceCache) -> Result<Arc<Endpoint>> {
    let known = {
        let browsed = browsed.lock().await;
        browsed
            .as_ref()
            .filter(|(location, _)| *location == at.location)
            .map(|(_, endpoint)| Arc::clone(endpoint))
    };
    match known {
        Some(endpoint) => Ok(endpoint),
        None => Ok(Arc::new(open(&at.uri, at.end, at.access).await?)),
    }
}

/// Sends the contents of an experiment up to `wanted` runs. `wanted` may grow until its sender is dropped.
pub async fn contents(
    at: EndpointRef,
    browsed: &SourceCache,
    experiment: Experiment,
    mut wanted: watch::Receiver<usize>,
    messages: &Sender<Msg>,
) {
    let (of, id) = (at.location.clone(), experiment.id.clone());
    let send = async |result| {
        let experiment: ExperimentId = id.clone();
        messages.send(Msg::ExperimentPage { of: of.clone(), experiment, result }).await.is_ok()
    };
    let reader = match opened(at, browsed).await.and_then(|endpoint| endpoint.reader()) {
        Ok(reader) => reader,
        Err(error) => {
            send(Err(error)).await;
            return;
        }
    };
    let (mut pages, mut sent) = (browse::contents(reader.as_ref(), &experiment), 0);
    while let Some(page) = pages.next().await {
        sent += page.as_ref().map_or(0, |page| page.runs.len());
        if !send(page).await || wanted.wait_for(|wanted| *wanted > sent).await.is_err() {
            return;
        }
    }
}

pub async fn read_details(source: Result<Arc<Endpoint>>, subject: &DetailKey) -> Result<Details> {
    browse::read_details(source?.reader()?.as_ref(), subject).await
}

/// Returns an empty sample if the source cannot be opened.
pub async fn sample(source: Result<Arc<Endpoint>>, experiments: Vec<Experiment>) -> Sampled {
    match source.and_then(|source| source.reader()) {
        Ok(reader) => browse::sample(reader.as_ref(), experiments).await,
        Err(_) => Sampled::default(),
    }
}

/// Sends the size of the files of each run, or the reason why it is unknown.
pub async fn measure(
    at: EndpointRef,
    browsed: &SourceCache,
    experiment: ExperimentId,
    runs: Vec<RunId>,
    messages: &Sender<Msg>,
) {
    let of = at.location.clone();
    let send = async |weights| {
        let (of, experiment) = (of.clone(), experiment.clone());
        messages.send(Msg::SizesMeasured { of, experiment, weights }).await.is_ok()
    };
    let reader = match opened(at, browsed).await.and_then(|endpoint| endpoint.reader()) {
        Ok(reader) => reader,
        Err(error) => {
            let reason = error.to_string();
            send(runs.into_iter().map(|run| (run, Err(reason.clone()))).collect()).await;
            return;
        }
    };
    let measured = stream::iter(runs).map(|run| {
        let reader = Arc::clone(&reader);
        async move {
            let weight = browse::measure(reader.as_ref(), &run).await;
            (run, weight.map_err(|error| error.to_string()))
        }
    });
    let mut measured = measured.buffer_unordered(MAX_CONCURRENT_SIZES).ready_chunks(MAX_SIZES_PER_MESSAGE);
    while let Some(sizes) = measured.next().await
        && send(sizes).await
    {}
}
