//! Traces. They are moved after all runs and models, because traces name runs and models.

use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};

use super::Copy;
use super::experiment::Moved;
use crate::entities::{ExperimentId, FileEntry, Kind, RunId, Spans, Trace, TraceLinks, Unreadable};
use crate::error::{Error, Result};
use crate::writers::{Existing, OpenTrace, TargetExperiment};

/// The maximum number of experiments that are processed concurrently.
const MAX_CONCURRENT_EXPERIMENTS: usize = 2;
/// The maximum number of traces that are looked up together.
const TRACES_PER_GROUP: usize = 100;
/// The maximum number of traces that are moved concurrently, in each of these experiments.
const MAX_CONCURRENT_TRACES: usize = 8;

impl Copy {
    /// Moves the traces of these experiments. Returns notes for the user.
    pub(super) async fn traces(&self, moved: &[Moved]) -> Result<Vec<String>> {
        if self.plan.skip_traces {
            return Ok(Vec::new());
        }
        let with_traces = Mutex::new(Vec::new());
        let all = stream::iter(moved).map(Ok::<_, Error>);
        all.try_for_each_concurrent(MAX_CONCURRENT_EXPERIMENTS, |of| self.note_traces_of(of, &with_traces))
            .await?;
        let with_traces = with_traces.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.context.is_stopping() {
            return Ok(Vec::new());
        }
        let mut notes = Vec::new();
        // A run may be linked to traces in other experiments.
        for of in moved.iter().filter(|_| !with_traces.is_empty()) {
            notes.extend(self.links_of(of, &with_traces).await?);
        }
        Ok(notes)
    }

    async fn note_traces_of(&self, of: &Moved, with_traces: &Mutex<Vec<ExperimentId>>) -> Result<()> {
        if self.traces_of(of).await? {
            with_traces.lock().unwrap_or_else(PoisonError::into_inner).push(of.experiment.id.clone());
        }
        Ok(())
    }

    /// Moves the traces of one experiment. Returns true when traces of this experiment are selected.
    async fn traces_of(&self, of: &Moved) -> Result<bool> {
        if !self.plan.takes_traces(&of.choice) {
            return Ok(false);
        }
        let (mut pages, mut any) = (self.source.traces(&of.experiment), false);
        loop {
            if !self.context.may_go_on().await {
                return Ok(any);
            }
            match pages.try_next().await {
                Ok(None) => return Ok(any),
                Ok(Some(page)) => {
                    let mut chosen = Vec::new();
                    for trace in page {
                        match trace {
                            Ok(trace) if self.plan.takes_trace(&of.choice, &trace) => {
                                chosen.push(self.with_new_prompts(trace));
                            }
                            Ok(_) => {}
                            Err(unreadable) => self.report_unread_trace(of, unreadable).await?,
                        }
                    }
                    any |= !chosen.is_empty();
                    self.journal.plan(Kind::Trace, chosen.iter().map(|trace| trace.id.as_str()))?;
                    self.context.plan(Kind::Trace, chosen.len()).await;
                    for group in chosen.chunks(TRACES_PER_GROUP) {
                        self.trace_group(of, group).await?;
                    }
                }
                Err(error) => {
                    let id = format!("traces of experiment {}", of.experiment.id);
                    let error = error.at("its traces cannot be listed");
                    self.fail_list(Kind::Trace, &id, &of.experiment, &error).await;
                    return Ok(any);
                }
            }
        }
    }

    /// Replaces the old labels by the new labels in links to versions of a prompt that has another name on the target,
    /// or other numbers.
    fn with_new_prompts(&self, trace: Trace) -> Trace {
        let renumbered = self.renumbered.lock().unwrap_or_else(PoisonError::into_inner);
        let renamed = |label: String| {
            let renamed = || {
                let (name, number) = label.rsplit_once('/')?;
                Some(format!("{}/{number}", self.plan.rename_models.get(name)?))
            };
            renumbered.get(&label).cloned().or_else(renamed).unwrap_or(label)
        };
        let linked_prompts = trace.linked_prompts.into_iter().map(renamed).collect();
        Trace { linked_prompts, ..trace }
    }

    async fn trace_group(&self, of: &Moved, traces: &[Trace]) -> Result<()> {
        let opened = match &of.place {
            Ok(place) if self.context.may_go_on().await => {
                self.target.open_traces(place, traces).await.map(|opened| (place, opened))
            }
            Ok(_) => return Ok(()),
            Err(error) => {
                for trace in traces {
                    let item = (trace.id.as_str(), trace.label());
                    self.fail_item_of(&of.experiment, Kind::Trace, item, error).await?;
                }
                return Ok(());
            }
        };
        match opened {
            Ok((place, opened)) => {
                stream::iter(traces.iter().zip(opened))
                    .map(Ok)
                    .try_for_each_concurrent(MAX_CONCURRENT_TRACES, |(trace, open)| {
                        self.trace(place, trace, open)
                    })
                    .await
            }
            Err(error) => {
                for trace in traces {
                    self.fail_trace(trace, &error).await?;
                }
                Ok(())
            }
        }
    }

    async fn trace(&self, place: &TargetExperiment, trace: &Trace, open: Result<OpenTrace>) -> Result<()> {
        let (kind, id, name) = (Kind::Trace, trace.id.as_str(), trace.label());
        match open {
            Err(error) => self.fail_trace(trace, &error).await,
            Ok(open) if open.found == Existing::Everything => {
                self.journal.done(kind, id, Some(id), None)?;
                self.context.skipped(kind, id, name, "already there").await;
                Ok(())
            }
            Ok(open) => {
                if !self.context.may_go_on().await {
                    return Ok(());
                }
                self.context.started(kind, id, name).await;
                let written = match self.write_trace(place, trace, open).await {
                    Ok(()) => self.target.refused(kind, id).map_or(Ok(()), Err),
                    error => error,
                };
                match written {
                    Ok(()) => {
                        self.journal.done(kind, id, Some(id), None)?;
                        self.context.done(kind, id, name).await;
                        Ok(())
                    }
                    Err(error) => self.fail_trace(trace, &error).await,
                }
            }
        }
    }

    /// Writes a trace. A trace whose spans cannot be read is written without them, and counts as failed.
    async fn write_trace(&self, place: &TargetExperiment, trace: &Trace, open: OpenTrace) -> Result<()> {
        let OpenTrace { mut writer, .. } = open;
        let (spans, lost) = match self.source.spans(trace).await {
            Ok(spans) => (Ok(spans), None),
            Err(error) => (Err(error.to_string()), Some(error)),
        };
        let files = writer.begin(&spans).await?;
        let attachments: Vec<FileEntry> = match &spans {
            Ok(Some(spans)) => attached(spans),
            Ok(None) | Err(_) => Vec::new(),
        };
        let mut missing = Vec::new();
        if !attachments.is_empty() {
            let target = format!("{}/{}", place.id, trace.id);
            let listed = stream::once(async { Ok(attachments.into_iter().map(Ok).collect()) }).boxed();
            let files = self.write_listed(trace.owner(), &target, files.as_ref(), listed).await?;
            missing = files.missing.into_iter().map(|(path, _)| path).collect();
        }
        missing.extend(lost.iter().map(|_| "spans".to_owned()));
        writer.close(missing).await?;
        lost.map_or(Ok(()), Err)
    }

    async fn report_unread_trace(&self, of: &Moved, unreadable: Unreadable) -> Result<()> {
        self.context.plan(Kind::Trace, 1).await;
        self.report_unreadable(std::iter::once(unreadable), Some(&of.experiment.id)).await
    }

    async fn fail_trace(&self, trace: &Trace, error: &Error) -> Result<()> {
        self.fail(Kind::Trace, (&trace.id, trace.label()), Some(&trace.experiment_id), error).await
    }

    /// Writes the links from runs to traces. Returns notes about runs that are not on the target. Links that cannot be
    /// read or written are reported as a failed item.
    async fn links_of(&self, of: &Moved, with_traces: &[ExperimentId]) -> Result<Vec<String>> {
        match self.write_links(of, with_traces).await {
            Ok(unknown) => {
                let note =
                    |run| format!("run {run} is not on the target: its links to traces are not written");
                Ok(unknown.iter().map(note).collect())
            }
            Err(error) => {
                let id = format!("links of experiment {}", of.experiment.id);
                let error = error.at("the links of its runs to traces");
                self.fail_list(Kind::Trace, &id, &of.experiment, &error).await;
                Ok(Vec::new())
            }
        }
    }

    async fn write_links(&self, of: &Moved, with_traces: &[ExperimentId]) -> Result<Vec<RunId>> {
        let experiment = &of.experiment;
        let all: Vec<TraceLinks> = self.source.trace_links(experiment, with_traces).try_concat().await?;
        let links: Vec<TraceLinks> = all.into_iter().filter(|one| of.choice.takes(&one.run_id)).collect();
        if links.is_empty() { Ok(Vec::new()) } else { self.target.link_traces(&experiment.id, &links).await }
    }
}

fn attached(spans: &Spans) -> Vec<FileEntry> {
    spans.attachments().into_iter().map(|path| FileEntry::new(path, None)).collect()
}
