//! Traces keep their ids. So a trace that is found elsewhere on the target must not be changed: starting it again would
//! move it out of its experiment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::files::{ArtifactUploader, RestFiles, Text};
use super::refused::{Refusals, Refused, in_parts, is_refusal};
use super::{MAX_TRIES, RestWriter};
use crate::entities::{
    Assessment, ExperimentId, FileEntry, Kind, RunId, SPANS_FILE, Span, Spans, Trace, TraceLinks,
    canonical_json, is_plain_id, rewrite, tag, trace_key,
};
use crate::error::{Class, Error, Result};
use crate::io::strict;
use crate::rest::{Capabilities, Client, span_request};
use crate::writers::{Existing, FileWriter, OpenTrace, SpansRead, TargetExperiment, TraceWriter};

/// The most experiments in one search for traces that may be in any experiment.
const EXPERIMENTS_PER_SEARCH: usize = 1_000;

impl RestWriter {
    /// Finds the copies of these traces that earlier imports made. Returns one result for each trace, in the same
    /// order.
    pub(super) async fn find_traces(
        &self,
        place: &TargetExperiment,
        traces: &[Trace],
    ) -> Result<Vec<Result<OpenTrace>>> {
        if !self.can.traces_v3 {
            let error = || {
                Error::permanent("the target does not accept traces with their own ids")
                    .hint("use MLflow 3.2 or newer")
            };
            return Ok(traces.iter().map(|_| Err(error())).collect());
        }
        let mut existing = self.existing_traces(place, traces).await?;
        let opened: Vec<Result<OpenTrace>> =
            traces.iter().map(|trace| self.open(place, trace, existing.remove(&trace.id))).collect();
        if opened.iter().flatten().any(|open| open.found != Existing::Everything) {
            self.reopen_experiment(place).await?;
        }
        Ok(opened)
    }

    async fn existing_traces(
        &self,
        place: &TargetExperiment,
        traces: &[Trace],
    ) -> Result<HashMap<String, Trace>> {
        let ids: Vec<String> = traces
            .iter()
            .filter(|trace| is_plain_id(&trace.id))
            .map(|trace| format!("'{}'", trace.id))
            .collect();
        let filter = format!("request_id IN ({})", ids.join(", "));
        let mut existing = HashMap::new();
        let all = self.every_experiment.get_or_try_init(|| self.experiment_ids()).await?;
        let here = std::slice::from_ref(&place.id);
        for experiments in std::iter::once(here).chain(all.chunks(EXPERIMENTS_PER_SEARCH)) {
            if ids.is_empty() || existing.len() == ids.len() {
                break;
            }
            let found: Vec<Trace> = strict(self.client.traces(experiments, &filter)).try_concat().await?;
            existing.extend(found.into_iter().map(|trace| (trace.id.clone(), trace)));
        }
        Ok(existing)
    }

    pub(super) async fn add_trace_links(&self, links: &[TraceLinks]) -> Result<Vec<RunId>> {
        let mut unknown = Vec::new();
        for TraceLinks { run_id, trace_ids } in links {
            let Some(run) = self.id_map.target_of(run_id) else {
                unknown.push(run_id.clone());
                continue;
            };
            // MLflow 3.4 refuses to link a trace that is already linked.
            let existing = self.linked_to(&run).await?;
            let missing: Vec<String> =
                trace_ids.iter().filter(|id| !existing.contains(*id)).cloned().collect();
            let link = |part: Vec<String>| self.link(&run, part);
            for (trace, error) in in_parts(missing, link).await? {
                self.note(format!("run {run_id} was not linked to the trace {trace}: {error}"));
            }
        }
        Ok(unknown)
    }

    /// Links a run to traces. MLflow 3.4 refuses existing links, which may come from a try whose reply was lost.
    async fn link(&self, run: &RunId, traces: Vec<String>) -> Result<()> {
        match self.client.link_traces(run, &traces).await {
            Err(e) if matches!(e.class(), Class::Permanent | Class::Transient) => {
                let existing = self.linked_to(run).await?;
                if traces.iter().all(|id| existing.contains(id)) { Ok(()) } else { Err(e) }
            }
            other => other,
        }
    }

    async fn linked_to(&self, run: &RunId) -> Result<HashSet<String>> {
        let all = self.every_experiment.get_or_try_init(|| self.experiment_ids()).await?;
        let filter = format!("run_id = '{run}'");
        let mut linked = HashSet::new();
        for experiments in all.chunks(EXPERIMENTS_PER_SEARCH) {
            let found: Vec<Trace> = strict(self.client.traces(experiments, &filter)).try_concat().await?;
            linked.extend(found.into_iter().map(|trace| trace.id));
        }
        Ok(linked)
    }

    async fn experiment_ids(&self) -> Result<Vec<ExperimentId>> {
        let all: Vec<_> = strict(self.client.experiments()).try_concat().await?;
        Ok(all.into_iter().map(|experiment| experiment.id).collect())
    }

    fn open(&self, place: &TargetExperiment, trace: &Trace, existing: Option<Trace>) -> Result<OpenTrace> {
        if !is_plain_id(&trace.id) {
            return Err(Error::permanent(format!(
                "the id {:?} of this trace cannot be used in a search",
                trace.id
            )));
        }
        let written = self.written(place, trace);
        let whole = fingerprint(&written)?;
        let found = match &existing {
            None => Existing::Nothing,
            Some(existing) if existing.experiment_id != place.id => {
                let at = &existing.experiment_id;
                return Err(Error::permanent(format!("the target has this trace in its experiment {at}"))
                    .hint("a trace can exist only once on a server: delete it there, and run the same command again"));
            }
            Some(existing) if existing.tags.get(tag::SOURCE_TRACE) == Some(&whole) => Existing::Everything,
            Some(_) => Existing::Partial,
        };
        let writer = RestTraceWriter {
            client: Arc::clone(&self.client),
            uploader: Arc::clone(&self.uploader),
            may_link_prompts: self.can.prompt_links,
            can: self.can,
            may_send_spans: self.can.stored_spans && trace.has_stored_spans(),
            keeps_spans: Arc::clone(&self.keeps_spans),
            source: trace.clone(),
            is_marked: false,
            written,
            whole,
            existing,
            refusals: Arc::clone(&self.refusals),
            refused: Refused::default(),
        };
        Ok(OpenTrace { found, writer: Box::new(writer) })
    }

    /// The trace as it is written to the target.
    fn written(&self, place: &TargetExperiment, trace: &Trace) -> Trace {
        let new = |value: &str| rewrite("", value, |id| self.id_map.target_of(id));
        let pairs = |pairs: &BTreeMap<String, String>| {
            let user_pairs = pairs
                .iter()
                .filter(|(key, _)| !tag::is_ours(key) && !trace_key::SERVERS_OWN.contains(&key.as_str()));
            user_pairs
                .map(|(key, value)| (key.clone(), new(value).unwrap_or_else(|| value.clone())))
                .collect()
        };
        let assessment = |one: &Assessment| {
            let mut one = one.clone();
            for value in one.metadata_mut().into_iter().flat_map(|pairs| pairs.values_mut()) {
                if let Some(text) = value.as_str().and_then(new) {
                    *value = Value::from(text);
                }
            }
            one
        };
        Trace {
            experiment_id: place.id.clone(),
            metadata: pairs(&trace.metadata),
            tags: pairs(&trace.tags),
            assessments: trace.assessments.iter().map(assessment).collect(),
            ..trace.clone()
        }
    }
}

/// Identifies the written form of a trace. Another header at the source, or another id for its run, changes the
/// fingerprint.
fn fingerprint(written: &Trace) -> Result<String> {
    let digest = Sha256::digest(canonical_json(written)?);
    Ok(hex::encode(&digest[..12]))
}

struct RestTraceWriter {
    client: Arc<Client>,
    uploader: Arc<ArtifactUploader>,
    can: Capabilities,
    may_link_prompts: bool,
    /// The source kept the spans in a database, and the target can store spans in its own.
    may_send_spans: bool,
    /// Whether the target returns spans that were sent to its database. The first trace shows this.
    keeps_spans: Arc<OnceCell<bool>>,
    source: Trace,
    written: Trace,
    /// The fingerprint that marks a complete trace.
    whole: String,
    existing: Option<Trace>,
    is_marked: bool,
    refusals: Arc<Refusals>,
    refused: Refused,
}

impl RestTraceWriter {
    /// Sends the spans to the target's database. True when they are there now.
    async fn send_spans(&self, spans: &Spans) -> Result<bool> {
        if !self.may_send_spans || self.keeps_spans.get() == Some(&false) {
            return Ok(false);
        }
        let parsed = spans.parse()?;
        let Some(request) = span_request(&self.written.id, &parsed, &self.can) else {
            return Ok(false);
        };
        match self.client.send_spans(&self.written.experiment_id, request).await {
            Ok(()) => self.keeps_spans.get_or_try_init(|| self.has_spans(&parsed)).await.copied(),
            // The server refuses only these spans. It accepts them as a file.
            Err(e) if is_refusal(&e) => Ok(false),
            // The server does not have this route.
            Err(e) if e.class() == Class::NotFound => {
                self.keeps_spans.get_or_init(|| async { false }).await;
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }

    /// Whether the target returns the spans. A gateway, or a collector of other spans, may have answered instead of the
    /// target.
    async fn has_spans(&self, sent: &[Span]) -> Result<bool> {
        let existing = match self.client.spans(&self.written.id).await {
            Ok(text) => Spans(text).parse()?,
            Err(e) if e.is_about_object() => return Ok(false),
            Err(e) => return Err(e),
        };
        Ok(sent.iter().all(|span| existing.iter().any(|known| known.id == span.id)))
    }

    async fn link_prompts(&self) -> Result<()> {
        let versions = self.written.linked_prompts.iter().filter_map(|label| label.rsplit_once('/'));
        let versions: Vec<(&str, &str)> = versions.collect();
        if self.may_link_prompts && !versions.is_empty() {
            self.client.link_prompts(&self.written.id, &versions).await?;
        }
        Ok(())
    }

    /// Starts the trace. Starting a trace again makes all of its assessments valid, and must include each existing one.
    /// So assessments that override others are removed first, and are added again at the end (MLflow 3.4 and 3.10,
    /// `sqlalchemy_store.py`).
    async fn start(&mut self, stored: bool, marked: bool) -> Result<Trace> {
        let mut now = self.written.clone();
        now.assessments.retain(|one| one.overrides().is_empty());
        for one in self.existing.iter().flat_map(|existing| &existing.assessments) {
            if self.written.assessments.iter().any(|new| new.id() == one.id()) {
                if !one.overrides().is_empty() {
                    match self.client.delete_assessment(&now.id, one.id()).await {
                        // An earlier try has deleted it, and its reply was lost.
                        Err(e) if e.class() == Class::NotFound => {}
                        other => other?,
                    }
                }
            } else {
                // A user of the target has added it.
                now.assessments.push(one.clone());
            }
        }
        if stored {
            // Starting a trace again removes all tags that are not sent, except one. So this tag must be sent.
            now.tags.insert(trace_key::SPANS_LOCATION.to_owned(), trace_key::IN_DATABASE.to_owned());
        }
        if marked {
            now.tags.insert(tag::SOURCE_TRACE.to_owned(), self.whole.clone());
        }
        let started = match self.client.start_trace(&now).await {
            Err(e) if is_refusal(&e) => self.start_in_parts(now, e).await?,
            other => other?,
        };
        self.link_prompts().await?;
        let mut later = self.written.assessments.clone();
        later.retain(|one| !one.overrides().is_empty());
        for one in &later {
            self.assess(one).await?;
        }
        Ok(started)
    }

    /// Starts the trace after a refusal. The server may refuse a tag or an assessment: the others are written, and this
    /// one is reported.
    async fn start_in_parts(&mut self, now: Trace, error: Error) -> Result<Trace> {
        self.is_marked = false;
        let (mut tags, assessments) = (now.tags.clone(), now.assessments.clone());
        let mut bare = Trace { assessments: Vec::new(), ..now };
        bare.tags.retain(|key, _| key.starts_with("mlflow."));
        tags.retain(|key, _| !bare.tags.contains_key(key) && key != tag::SOURCE_TRACE);
        // If this is refused, too, the first reason is more useful.
        let started = self.client.start_trace(&bare).await.map_err(|_| error)?;
        for (key, value) in tags {
            match self.client.set_trace_tag(&bare.id, &key, &value).await {
                Err(e) if is_refusal(&e) => self.refused.add("tag", &key, e.to_string()),
                other => other?,
            }
        }
        for one in assessments {
            self.assess(&one).await?;
        }
        Ok(started)
    }

    /// Adds an assessment. The server refuses an existing one, which may come from a try whose reply was lost.
    async fn assess(&mut self, one: &Assessment) -> Result<()> {
        for tries in 1..=MAX_TRIES {
            match self.client.create_assessment(&self.written.id, one).await {
                Err(e) if e.class() == Class::Ambiguous || is_refusal(&e) => {
                    let here = std::slice::from_ref(&self.written.experiment_id);
                    let filter = format!("request_id = '{}'", self.written.id);
                    let existing: Vec<Trace> = strict(self.client.traces(here, &filter)).try_concat().await?;
                    let mut known = existing.iter().flat_map(|trace| &trace.assessments);
                    if known.any(|known| known.id() == one.id()) {
                        return Ok(());
                    }
                    if is_refusal(&e) {
                        self.refused.add("assessment", one.id(), e.to_string());
                        return Ok(());
                    }
                    if tries == MAX_TRIES {
                        return Err(e);
                    }
                }
                other => return other,
            }
        }
        Ok(())
    }
}

#[async_trait]
impl TraceWriter for RestTraceWriter {
    async fn begin(&mut self, spans: &SpansRead) -> Result<Box<dyn FileWriter>> {
        let spans = spans.as_ref().map(|spans| {
            let moved =
                |spans: &Spans| spans.moved_to(&self.source.experiment_id, &self.written.experiment_id);
            spans.as_ref().map(moved)
        });
        let stored = match &spans {
            Ok(Some(spans)) => self.send_spans(spans).await?,
            _ => false,
        };
        let overrides = self.written.assessments.iter().any(|one| !one.overrides().is_empty());
        let more = match &spans {
            Ok(Some(spans)) => !stored || overrides || !spans.attachments().is_empty(),
            Ok(None) => overrides,
            Err(_) => true,
        };
        self.is_marked = !more;
        let started = self.start(stored, !more).await?;
        let roots = (self.source.artifact_uri().to_owned(), started.artifact_uri().to_owned());
        let files = RestFiles::new(Arc::clone(&self.uploader), roots);
        if let (Ok(Some(Spans(text))), false) = (spans, stored) {
            let size = Some(text.len() as u64);
            let file = FileEntry::new(SPANS_FILE, size);
            files.write(&file, &Text(text)).await?;
        }
        Ok(Box::new(files))
    }

    async fn close(self: Box<Self>, missing: Vec<String>) -> Result<()> {
        if !self.refused.is_empty() {
            // The trace is not marked as complete, so the next import writes it again.
            self.refusals.add(Kind::Trace, &self.written.id, self.refused);
            return Ok(());
        }
        if !self.may_link_prompts && !self.written.linked_prompts.is_empty() {
            let versions: Vec<&str> = self.written.linked_prompts.iter().map(String::as_str).collect();
            let error = format!("the target keeps no links to versions of prompts: {}", versions.join(", "));
            return Err(Error::permanent(error).hint("use MLflow 3.7 or newer with a database"));
        }
        if self.is_marked || !missing.is_empty() {
            return Ok(());
        }
        self.client.set_trace_tag(&self.written.id, tag::SOURCE_TRACE, &self.whole).await
    }
}
