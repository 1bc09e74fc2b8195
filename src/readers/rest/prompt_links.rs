//! The prompt versions that a trace is linked to. No route returns them for a trace, but a search for each version
//! finds its traces.

use std::collections::{BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt, stream};

use super::RestReader;
use crate::entities::{Experiment, ExperimentId, Kind, Readable, Trace, Unreadable};
use crate::error::{Error, Result};
use crate::io::{Pages, strict};
use crate::readers::read_all;

/// The most versions that are searched for at the same time.
const MAX_CONCURRENT_REQUESTS: usize = 8;
/// The most experiments in one search.
const EXPERIMENTS: usize = 100;

/// The versions as `name/number`, by the id of the trace; and the reason why some may be missing.
#[derive(Default)]
pub struct PromptLinks {
    of: HashMap<String, BTreeSet<String>>,
    lost: Option<String>,
}

impl RestReader {
    /// Adds the links to the traces, and at the end an item for links that could not be found.
    pub(super) fn with_prompts<'a>(
        &'a self,
        experiment: &'a Experiment,
        traces: Pages<'a, Readable<Trace>>,
    ) -> Pages<'a, Readable<Trace>> {
        if !self.probe.capabilities.prompt_links {
            return traces;
        }
        let next = move |(mut traces, mut lost): (Pages<'a, Readable<Trace>>, Option<String>)| async move {
            let Some(mut page) = traces.try_next().await? else {
                let kind = Kind::Trace;
                let id = format!("links to prompts of experiment {}", experiment.id);
                let last = lost.take().map(|reason| vec![Err(Unreadable { kind, id, reason })]);
                return Ok(last.map(|page| (page, (stream::empty().boxed(), None))));
            };
            if page.iter().any(Result::is_ok) {
                let links = self.prompt_links.get_or_try_init(|| self.read_prompt_links()).await?;
                lost = links.lost.clone();
                for trace in page.iter_mut().flatten() {
                    trace.linked_prompts = links.of.get(&trace.id).cloned().unwrap_or_default();
                }
            }
            Ok(Some((page, (traces, lost))))
        };
        stream::try_unfold((traces, None), next).boxed()
    }

    async fn read_prompt_links(&self) -> Result<PromptLinks> {
        let (prompts, unread) =
            read_all(self.to_its_end(Kind::Prompt, String::new(), self.client.prompts())).await?;
        let mut links =
            PromptLinks { lost: unread.into_iter().next().map(|one| one.reason), ..PromptLinks::default() };
        if prompts.is_empty() {
            return Ok(links);
        }
        let (experiments, _) = read_all(self.every_experiment()).await?;
        let ids: Vec<ExperimentId> = experiments.into_iter().map(|one| one.id).collect();
        let asked = prompts.iter().map(|prompt| self.links_of_prompt(&prompt.name, &ids));
        let asked: Vec<_> = asked.collect();
        let mut answers = stream::iter(asked).buffer_unordered(MAX_CONCURRENT_REQUESTS);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(found) => {
                    for (trace, version) in found {
                        links.of.entry(trace).or_default().insert(version);
                    }
                }
                Err(error) if self.fails_every_request(&error).await => return Err(error),
                Err(error) => links.lost = Some(error.to_string()),
            }
        }
        Ok(links)
    }

    async fn links_of_prompt(
        &self,
        name: &str,
        experiments: &[ExperimentId],
    ) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for version in self.client.model_versions(name, true).await? {
            for ids in experiments.chunks(EXPERIMENTS) {
                let traces = self.client.traces_of_prompt(ids.to_vec(), name, version.version)?;
                let traces: Vec<Trace> = strict(traces).try_concat().await?;
                found.extend(traces.into_iter().map(|trace| (trace.id, version.label())));
            }
        }
        Ok::<_, Error>(found)
    }
}
