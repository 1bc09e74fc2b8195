//! Reads a source while the user selects objects from it. This module only reads, and only on demand: a stream that is
//! not polled sends no request.

mod details;
mod sizes;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::Endpoint;
use super::check::first;
use super::selection::choose::choose;
use crate::entities::{
    Count, EvaluationDataset, Experiment, ModelVersion, Readable, RegisteredModel, Run, Unreadable,
};
use crate::error::Result;
use crate::io::Pages;
use crate::plan::Plan;
use crate::readers::Reader;

pub use details::{DetailKey, Details, Drawn, RunDetails, read_details};
pub use sizes::{ArtifactSize, Sampled, measure, sample};

/// The traces of an experiment are counted up to this number, by whole pages.
const MAX_TRACES: u64 = 500;

/// One page of the objects that are selected by name, in the order of the source.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    pub experiments: Vec<Experiment>,
    /// Registered models and prompts.
    pub models: Vec<RegisteredModel>,
    pub datasets: Vec<EvaluationDataset>,
    /// The objects of these kinds that the source cannot return.
    pub unreadable: Vec<Unreadable>,
    /// True when more pages follow.
    pub more: bool,
}

/// Returns all objects that are selected by name, page by page. The first item of the stream holds the first page of
/// each kind.
pub fn holdings(of: &dyn Reader) -> BoxStream<'_, Result<Holdings>> {
    let listing = Listing {
        experiments: of.experiments().fuse().boxed(),
        models: of.registered_models().fuse().boxed(),
        datasets: of.evaluation_datasets().fuse().boxed(),
        ended: false,
    };
    stream::try_unfold(listing, Listing::next).boxed()
}

struct Listing<'a> {
    experiments: Pages<'a, Readable<Experiment>>,
    models: Pages<'a, Readable<RegisteredModel>>,
    datasets: Pages<'a, Readable<EvaluationDataset>>,
    ended: bool,
}

impl Listing<'_> {
    async fn next(mut self) -> Result<Option<(Holdings, Self)>> {
        if self.ended {
            return Ok(None);
        }
        let (experiments, models, datasets) = futures::try_join!(
            self.experiments.try_next(),
            self.models.try_next(),
            self.datasets.try_next()
        )?;
        let more = experiments.is_some() || models.is_some() || datasets.is_some();
        self.ended = !more;
        let mut unreadable = Vec::new();
        let holdings = Holdings {
            experiments: readable(experiments, &mut unreadable),
            models: readable(models, &mut unreadable),
            datasets: readable(datasets, &mut unreadable),
            unreadable,
            more,
        };
        Ok(Some((holdings, self)))
    }
}

fn readable<T>(page: Option<Vec<Readable<T>>>, unreadable: &mut Vec<Unreadable>) -> Vec<T> {
    let keep = |item: Readable<T>| item.map_err(|lost| unreadable.push(lost)).ok();
    page.unwrap_or_default().into_iter().filter_map(keep).collect()
}

/// One page of the content of an experiment.
#[derive(Clone, Debug)]
pub struct Contents {
    pub runs: Vec<Run>,
    /// True when more pages follow.
    pub more: bool,
    /// The number of runs of this page that the source cannot return.
    pub unreadable: u64,
    /// The number of traces. Only set on the first page.
    pub traces: Option<Count>,
}

/// Returns the content of an experiment, page by page. The last page is empty.
pub fn contents<'a>(of: &'a dyn Reader, experiment: &'a Experiment) -> BoxStream<'a, Result<Contents>> {
    let looking =
        ContentPages { of, experiment, pages: of.listed_runs(experiment), begun: false, ended: false };
    stream::try_unfold(looking, ContentPages::next).boxed()
}

struct ContentPages<'a> {
    of: &'a dyn Reader,
    experiment: &'a Experiment,
    pages: Pages<'a, Readable<Run>>,
    begun: bool,
    ended: bool,
}

impl ContentPages<'_> {
    async fn next(mut self) -> Result<Option<(Contents, Self)>> {
        if self.ended {
            return Ok(None);
        }
        let (page, traces) = match std::mem::replace(&mut self.begun, true) {
            true => (self.pages.try_next().await?, None),
            false => {
                let (page, traces) =
                    futures::join!(self.pages.try_next(), first(self.of.traces(self.experiment), MAX_TRACES));
                // If the traces cannot be counted, the user can still select runs.
                (
                    page?,
                    Some(traces.map_or_else(|error| Count::unknown(error.to_string()), |(tally, _)| tally)),
                )
            }
        };
        self.ended = page.is_none();
        let page = page.unwrap_or_default();
        let listed = page.len();
        let runs: Vec<Run> = page.into_iter().flatten().collect();
        let unreadable = (listed - runs.len()) as u64;
        Ok(Some((Contents { more: !self.ended, unreadable, runs, traces }, self)))
    }
}

/// Returns the versions of a registered model or prompt, by ascending number.
pub async fn versions(of: &Endpoint, model: &RegisteredModel) -> Result<Vec<ModelVersion>> {
    of.reader()?.model_versions(model).await
}

/// Returns the objects that the plan does not select but that a selected version needs. Each entry contains the id or
/// name of the object, and the version as `name/number`.
pub async fn needed(of: &Endpoint, plan: &Plan) -> Result<Vec<(String, String)>> {
    let chosen = choose(of.reader()?.as_ref(), plan).await?;
    Ok(chosen.needed.into_iter().collect())
}
