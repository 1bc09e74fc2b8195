//! Writes traces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::Shared;
use super::runs::Files;
use crate::entities::{RunId, Trace, TraceLinks, rewrite, tag, trace_key};
use crate::error::{Error, Result};
use crate::writers::{Existing, FileWriter, OpenTrace, SpansRead, TargetExperiment, TraceWriter};

/// Finds or creates the trace. Its mark contains the written trace. The mark is set last and shows that the trace is
/// complete.
pub(super) fn open(shared: &Arc<Shared>, place: &TargetExperiment, trace: &Trace) -> Result<OpenTrace> {
    let written = shared.written(place, trace);
    let mark = format!("{written:?}");
    let existing = shared.data().traces.get(&trace.id).map(|stored| stored.trace.clone());
    let found = match existing {
        None => Existing::Nothing,
        Some(existing) if existing.experiment_id != place.id => {
            return Err(Error::permanent(format!("the target has this trace in {}", existing.experiment_id)));
        }
        Some(existing) if existing.tags.get(tag::SOURCE_TRACE) == Some(&mark) => Existing::Everything,
        Some(_) => Existing::Partial,
    };
    let writer = MemoryTraceWriter { shared: Arc::clone(shared), source: trace.clone(), written, mark };
    Ok(OpenTrace { found, writer: Box::new(writer) })
}

/// Links runs to traces. Returns the runs that do not exist on the target.
pub(super) fn link(shared: &Shared, links: &[TraceLinks]) -> Result<Vec<RunId>> {
    let mut unknown = Vec::new();
    for TraceLinks { run_id, trace_ids } in links {
        let Some(run) = shared.id_map.target_of(run_id) else {
            unknown.push(run_id.clone());
            continue;
        };
        let mut data = shared.data();
        let existing: BTreeSet<String> = data.links.get(&run).cloned().unwrap_or_default();
        let missing: Vec<String> = trace_ids.iter().filter(|id| !existing.contains(*id)).cloned().collect();
        data.link_traces(&run, &missing)?;
    }
    Ok(unknown)
}

impl Shared {
    fn written(&self, place: &TargetExperiment, trace: &Trace) -> Trace {
        let new = |pairs: &BTreeMap<String, String>| {
            let user_pairs = pairs
                .iter()
                .filter(|(key, _)| !tag::is_ours(key) && !trace_key::SERVERS_OWN.contains(&key.as_str()));
            let new = |value: &str| rewrite("", value, |id| self.id_map.target_of(id));
            user_pairs
                .map(|(key, value)| (key.clone(), new(value).unwrap_or_else(|| value.clone())))
                .collect()
        };
        Trace {
            experiment_id: place.id.clone(),
            metadata: new(&trace.metadata),
            tags: new(&trace.tags),
            ..trace.clone()
        }
    }
}

struct MemoryTraceWriter {
    shared: Arc<Shared>,
    source: Trace,
    written: Trace,
    mark: String,
}

#[async_trait]
impl TraceWriter for MemoryTraceWriter {
    async fn begin(&mut self, spans: &SpansRead) -> Result<Box<dyn FileWriter>> {
        let mut data = self.shared.data();
        let stored = data.start_trace(self.written.clone())?;
        if let Ok(Some(spans)) = spans {
            stored.spans = Some(spans.moved_to(&self.source.experiment_id, &self.written.experiment_id));
        }
        let roots = (self.source.artifact_uri(), stored.trace.artifact_uri());
        Ok(Box::new(Files::new(&self.shared, roots)))
    }

    async fn close(self: Box<Self>, missing: Vec<String>) -> Result<()> {
        if missing.is_empty() {
            let mut data = self.shared.data();
            data.trace(&self.written.id)?.trace.tags.insert(tag::SOURCE_TRACE.to_owned(), self.mark.clone());
        }
        Ok(())
    }
}
