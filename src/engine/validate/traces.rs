//! Traces with their spans and assessments, and what runs are linked to them.

use std::collections::{BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt, stream};

use super::pairs::{Pairs, value};
use super::trace_fields::{span_fields, trace_fields};
use super::{ArtifactCheck, Compare, Difference, FieldDifference};
use crate::entities::{
    Choice, Experiment, ExperimentId, FileEntry, Kind, Readable, Spans, Trace, TraceLinks, Unreadable,
};
use crate::error::{Error, Result};
use crate::rest::Pages;

/// Traces that are compared side by side.
const AT_ONCE: usize = 8;

/// An experiment that was chosen, and its partner.
type Both = (Experiment, Choice, Option<Experiment>);

impl Compare {
    pub(super) async fn traces(&self, experiments: &[Both], pairs: &Pairs) -> Result<()> {
        if self.plan.skip_traces {
            return Ok(());
        }
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
        for (source, choice, target) in experiments {
            if let Some(target) = target.as_ref().filter(|_| ours.contains(&source.id)) {
                self.links_of((source, &ours), choice, (target, &theirs), pairs).await?;
            }
        }
        Ok(())
    }

    /// Reads both sides page by page; what waits for its partner is held. True when the source has any.
    async fn traces_of(&self, (ours, choice, theirs): &Both, pairs: &Pairs) -> Result<bool> {
        if !self.plan.takes_traces(choice) {
            return Ok(false);
        }
        let mut source = self.source.traces(ours);
        let mut target: Pages<'_, Readable<Trace>> = match theirs {
            Some(theirs) => self.target.traces(theirs),
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
                .for_each_concurrent(AT_ONCE, |(a, b)| self.trace(&ours.name, a, b, pairs))
                .await;
            if !self.context.may_go_on().await {
                return Ok(any);
            }
        }
        let missing: Vec<Trace> =
            here.into_values().filter(|trace| self.plan.takes_trace(choice, trace)).collect();
        self.context.plan(Kind::Trace, missing.len() + there.len()).await;
        for trace in missing {
            let missing = Difference::missing(Kind::Trace, trace.label(), &trace.id);
            self.found(missing.of_experiment(&ours.name)).await;
        }
        for trace in there.into_values() {
            let extra = Difference::extra(Kind::Trace, trace.label(), &trace.id);
            self.found(extra.of_experiment(&ours.name)).await;
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
            (Ok(a), Ok(b)) => {
                let mut fields = trace_fields(ours, theirs, pairs);
                match both_spans(a.as_ref(), b.as_ref(), &theirs.experiment_id, pairs) {
                    Ok(differ) => {
                        fields.extend(differ);
                        Difference::pair(Kind::Trace, ours.label(), &ours.id, &theirs.id, fields)
                    }
                    Err(error) => unreadable(ours, Some(&error), None),
                }
            }
            _ => unreadable(ours, source.as_ref().err(), target.as_ref().err()),
        };
        self.found(difference.of_experiment(experiment)).await;
        if let (Ok(Some(spans)), true) = (&source, self.artifacts != ArtifactCheck::None) {
            for path in spans.attachments() {
                let file = FileEntry::new(path, None);
                self.context.plan(Kind::Artifact, 1).await;
                let difference = self.file_bytes((ours.owner(), &file), (theirs.owner(), &file)).await;
                self.found(difference.of_experiment(experiment)).await;
            }
        }
    }

    /// Counts as one more item of the experiment when links are there.
    async fn links_of(
        &self,
        (ours, of): (&Experiment, &[ExperimentId]),
        choice: &Choice,
        (theirs, of_theirs): (&Experiment, &[ExperimentId]),
        pairs: &Pairs,
    ) -> Result<()> {
        let source: Vec<TraceLinks> = self.source.trace_links(ours, of).try_concat().await?;
        let source: Vec<_> = source.into_iter().filter(|one| choice.takes(&one.run_id)).collect();
        if source.is_empty() {
            return Ok(());
        }
        let target: Vec<TraceLinks> = self.target.trace_links(theirs, of_theirs).try_concat().await?;
        let there: HashMap<_, BTreeSet<String>> =
            target.into_iter().map(|one| (one.run_id, one.trace_ids.into_iter().collect())).collect();
        self.context.plan(Kind::Trace, source.len()).await;
        for TraceLinks { run_id, trace_ids } in source {
            let found = pairs.runs.get(&run_id).and_then(|run| there.get(run)).cloned().unwrap_or_default();
            let expected: BTreeSet<String> = trace_ids.into_iter().collect();
            let mut fields = Vec::new();
            if !expected.is_subset(&found) {
                let text = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
                value(&mut fields, "linked traces", &text(&expected), &text(&found));
            }
            let name = format!("links of run {run_id}");
            let pair = Difference::pair(Kind::Trace, &name, run_id.as_str(), run_id.as_str(), fields);
            self.found(pair.of_experiment(&ours.name)).await;
        }
        Ok(())
    }
}

fn both_spans(
    ours: Option<&Spans>,
    theirs: Option<&Spans>,
    experiment: &ExperimentId,
    pairs: &Pairs,
) -> Result<Vec<FieldDifference>> {
    let differ = |source: &str, target: &str| {
        let (source, target) = (Some(source.to_owned()), Some(target.to_owned()));
        vec![FieldDifference { field: "spans".to_owned(), source, target }]
    };
    match (ours, theirs) {
        (None, None) => Ok(Vec::new()),
        (Some(_), None) => Ok(differ("there", "none")),
        (None, Some(_)) => Ok(differ("none", "there")),
        (Some(a), Some(b)) if a == b => Ok(Vec::new()),
        (Some(a), Some(b)) => Ok(span_fields(&a.parse()?, &b.parse()?, experiment, pairs)),
    }
}

fn unreadable(trace: &Trace, source: Option<&Error>, target: Option<&Error>) -> Difference {
    let text = |error: Option<&Error>| error.map(ToString::to_string);
    let (source, target) = (text(source), text(target));
    let field = FieldDifference { field: "reading its spans".to_owned(), source, target };
    Difference::unreadable(Kind::Trace, trace.label(), &trace.id, field)
}
