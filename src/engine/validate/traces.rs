//! Traces with their spans and assessments, and the links from runs to traces.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt, stream};

use super::found::Found;
use super::pairs::Pairs;
use super::trace_fields::{span_fields, tags_made_of, trace_fields};
use super::unread::whole_list;
use super::{ArtifactCheck, Compare, Difference, FieldDifference};
use crate::entities::{
    Experiment, ExperimentId, FileEntry, Kind, Readable, RunId, Spans, Trace, TraceLinks, Unreadable, tag,
};
use crate::error::{Error, Result};
use crate::io::Pages;
use crate::plan::ExperimentSelection;

/// The maximum number of traces that are compared concurrently.
const MAX_CONCURRENT_TRACES: usize = 8;

/// A selected experiment, and its partner.
type Both = (Experiment, ExperimentSelection, Option<Experiment>);

impl Compare {
    pub(super) async fn traces(&self, experiments: &[Both], pairs: &Pairs) -> Result<()> {
        if self.plan.skip_traces {
            let count = experiments.len() as u64;
            self.not_compared(Kind::Experiment, "traces", "the selection excludes them", count);
            return Ok(());
        }
        let partners: HashMap<&RunId, &RunId> =
            pairs.runs.iter().map(|(source, target)| (target, source)).collect();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for both in experiments {
            if !self.context.may_go_on().await {
                return Ok(());
            }
            if self.traces_of(both, pairs).await? {
                ours.push(both.0.id.clone());
                theirs.extend(both.2.as_ref().map(|experiment| experiment.id.clone()));
            }
        }
        if !ours.is_empty() && (!self.plan.is_everything() || !self.plan.except_experiments.is_empty()) {
            let what = "links of runs to traces of experiments that are not selected";
            self.not_compared(Kind::Trace, what, "the selection excludes them", ours.len() as u64);
        }
        for (source, choice, target) in experiments {
            // A run may be linked to traces in other experiments.
            if let Some(target) = target.as_ref().filter(|_| !ours.is_empty()) {
                self.links_of((source, &ours), choice, (target, &theirs), &partners).await?;
            }
        }
        Ok(())
    }

    /// Reads both sides page by page. A trace waits in memory for its partner. Returns true when the source has traces.
    async fn traces_of(&self, (ours, choice, theirs): &Both, pairs: &Pairs) -> Result<bool> {
        if !self.plan.takes_traces(choice) {
            return Ok(false);
        }
        let list = |of: &Experiment, pages| whole_list(Kind::Trace, format!("experiment {}", of.id), pages);
        let mut source = list(ours, self.source.traces(ours));
        let mut target: Pages<'_, Readable<Trace>> = match theirs {
            Some(theirs) => list(theirs, self.target.traces(theirs)),
            None => stream::empty().boxed(),
        };
        let (mut here, mut there) = (HashMap::new(), HashMap::new());
        let mut any = false;
        loop {
            let (from_source, from_target) = futures::try_join!(source.try_next(), target.try_next())?;
            if from_source.is_none() && from_target.is_none() {
                break;
            }
            let mut ready: Vec<(Trace, Trace)> = Vec::new();
            let from_target = self.readable_traces(&ours.name, from_target.unwrap_or_default(), false).await;
            for trace in from_target {
                match here.remove(&trace.id) {
                    Some(partner) => ready.push((partner, trace)),
                    None => drop(there.insert(trace.id.clone(), trace)),
                }
            }
            let from_source = self.readable_traces(&ours.name, from_source.unwrap_or_default(), true).await;
            for trace in from_source {
                any = true;
                match there.remove(&trace.id) {
                    Some(partner) => ready.push((trace, partner)),
                    None => drop(here.insert(trace.id.clone(), trace)),
                }
            }
            ready.retain(|(trace, _)| self.plan.takes_trace(choice, trace));
            self.context.plan(Kind::Trace, ready.len()).await;
            stream::iter(&ready)
                .for_each_concurrent(MAX_CONCURRENT_TRACES, |(a, b)| self.trace(&ours.name, a, b, pairs))
                .await;
            if !self.context.may_go_on().await {
                return Ok(any);
            }
        }
        let missing: Vec<Trace> =
            here.into_values().filter(|trace| self.plan.takes_trace(choice, trace)).collect();
        self.context.plan(Kind::Trace, missing.len()).await;
        for trace in missing {
            let missing = Difference::missing(Kind::Trace, trace.label(), &trace.id);
            self.found(missing.of_experiment(&ours.name)).await;
        }
        for trace in there.into_values() {
            let extra = Difference::extra(Kind::Trace, trace.label(), &trace.id);
            self.extra(extra.of_experiment(&ours.name), false).await;
        }
        Ok(any)
    }

    async fn readable_traces(
        &self,
        experiment: &str,
        page: Vec<Readable<Trace>>,
        is_source: bool,
    ) -> Vec<Trace> {
        let mut traces = Vec::with_capacity(page.len());
        for trace in page {
            match trace {
                Ok(trace) => traces.push(trace),
                Err(Unreadable { id, reason, .. }) => {
                    let (source, target) =
                        if is_source { (Some(reason), None) } else { (None, Some(reason)) };
                    let field = FieldDifference { field: "reading it".to_owned(), source, target };
                    self.context.plan(Kind::Trace, 1).await;
                    let difference = Difference::unreadable(Kind::Trace, &id, &id, field);
                    self.found(difference.of_experiment(experiment)).await;
                }
            }
        }
        traces
    }

    async fn trace(&self, experiment: &str, ours: &Trace, theirs: &Trace, pairs: &Pairs) {
        if !self.context.may_go_on().await {
            return;
        }
        let (source, target) = futures::join!(self.source.spans(ours), self.target.spans(theirs));
        let difference = match (&source, &target) {
            (Ok(a), Ok(b)) => match compared((ours, a.as_ref()), (theirs, b.as_ref()), pairs) {
                Ok(found) => self.pair(Kind::Trace, ours.label(), (&ours.id, &theirs.id), found),
                Err(error) => unreadable(ours, Some(&error), None),
            },
            _ => unreadable(ours, source.as_ref().err(), target.as_ref().err()),
        };
        self.found(difference.of_experiment(experiment)).await;
        if let Ok(Some(spans)) = &source {
            if self.artifacts == ArtifactCheck::None {
                let count = spans.attachments().len() as u64;
                return self.not_compared(
                    Kind::Trace,
                    "files that spans refer to",
                    "--artifacts none",
                    count,
                );
            }
            for path in spans.attachments() {
                let file = FileEntry::new(path, None);
                self.context.plan(Kind::Artifact, 1).await;
                let difference = self.file_bytes((ours.owner(), &file), (theirs.owner(), &file)).await;
                self.found(difference.of_experiment(experiment)).await;
            }
        }
    }

    /// Reports links that cannot be read as one item of the experiment.
    async fn unread_links(&self, of: &Experiment, error: Error, is_source: bool) {
        let (kind, id) = (Kind::Trace, format!("links of experiment {}", of.id));
        self.unread(vec![Unreadable { kind, id, reason: error.to_string() }], is_source).await;
    }

    /// Compares the links from runs to traces. Each run with links on either side is a separate item of the experiment.
    /// `partners` maps the target's runs to the source's runs.
    async fn links_of(
        &self,
        (ours, of): (&Experiment, &[ExperimentId]),
        choice: &ExperimentSelection,
        (theirs, of_theirs): (&Experiment, &[ExperimentId]),
        partners: &HashMap<&RunId, &RunId>,
    ) -> Result<()> {
        let source: Result<Vec<TraceLinks>> = self.source.trace_links(ours, of).try_concat().await;
        let target: Result<Vec<TraceLinks>> = self.target.trace_links(theirs, of_theirs).try_concat().await;
        let (source, target) = match (source, target) {
            (Ok(source), Ok(target)) => (source, target),
            (Err(error), _) if error.is_about_object() => {
                self.unread_links(ours, error, true).await;
                return Ok(());
            }
            (_, Err(error)) if error.is_about_object() => {
                self.unread_links(ours, error, false).await;
                return Ok(());
            }
            (source, target) => (source?, target?),
        };
        let mut all: BTreeMap<RunId, [BTreeSet<String>; 2]> = BTreeMap::new();
        for TraceLinks { run_id, trace_ids } in source {
            all.entry(run_id).or_default()[0].extend(trace_ids);
        }
        for TraceLinks { run_id, trace_ids } in target {
            // A run that only the target has is reported as an extra run.
            if let Some(run) = partners.get(&run_id) {
                all.entry((*run).clone()).or_default()[1].extend(trace_ids);
            }
        }
        all.retain(|run, _| choice.takes(run));
        self.context.plan(Kind::Trace, all.len()).await;
        for (run, [expected, found]) in all {
            let mut fields = Found::new(Kind::Trace);
            let text = |ids: BTreeSet<String>| ids.into_iter().collect::<Vec<_>>().join(", ");
            fields.value("linked traces", text(expected), text(found));
            let name = format!("links of run {run}");
            let pair = self.pair(Kind::Trace, &name, (run.as_str(), run.as_str()), fields);
            self.found(pair.of_experiment(&ours.name)).await;
        }
        Ok(())
    }
}

/// Compares two traces with their spans. Equal spans are not parsed.
fn compared(
    (ours, our_spans): (&Trace, Option<&Spans>),
    (theirs, their_spans): (&Trace, Option<&Spans>),
    pairs: &Pairs,
) -> Result<Found> {
    let mut found = Found::new(Kind::Trace);
    let is_new = |key: &String| !tag::is_ours(key) && !ours.tags.contains_key(key);
    if our_spans == their_spans && !theirs.tags.keys().any(is_new) {
        trace_fields(&mut found, ours, theirs, &BTreeMap::new(), pairs);
        return Ok(found);
    }
    let parsed = |spans: Option<&Spans>| spans.map(Spans::parse).transpose();
    let (a, b) = (parsed(our_spans)?, parsed(their_spans)?);
    let made = a.as_deref().map(tags_made_of).unwrap_or_default();
    trace_fields(&mut found, ours, theirs, &made, pairs);
    match (&a, &b) {
        (Some(a), Some(b)) => span_fields(&mut found, a, b, &theirs.experiment_id, pairs),
        _ => found.option("spans", a.map(|_| "there"), b.map(|_| "there"), None),
    }
    Ok(found)
}

fn unreadable(trace: &Trace, source: Option<&Error>, target: Option<&Error>) -> Difference {
    let text = |error: Option<&Error>| error.map(ToString::to_string);
    let (source, target) = (text(source), text(target));
    let field = FieldDifference { field: "reading its spans".to_owned(), source, target };
    Difference::unreadable(Kind::Trace, trace.label(), &trace.id, field)
}
