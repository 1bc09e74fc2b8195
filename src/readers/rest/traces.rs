use bytes::BytesMut;
use futures::{StreamExt, TryStreamExt, stream};

use super::RestReader;
use crate::entities::{Experiment, ExperimentId, Run, SPANS_FILE, Spans, Trace, TraceLinks};
use crate::error::{Class, Error, Result};
use crate::io::{Listing, Pages, strict};

/// The most runs that are requested at the same time.
const MAX_CONCURRENT_RUNS: usize = 16;

impl RestReader {
    pub(super) fn every_trace<'a>(&'a self, experiment: &'a Experiment) -> Listing<'a, Trace> {
        let can = &self.probe.capabilities;
        if can.traces_v3 {
            return self.client.traces(std::slice::from_ref(&experiment.id), "");
        }
        if can.traces { self.client.old_traces(&experiment.id) } else { stream::empty().boxed() }
    }

    pub(super) async fn spans_of(&self, trace: &Trace) -> Result<Option<Spans>> {
        match self.client.spans(&trace.id).await {
            Ok(text) => Ok(Some(Spans(text))),
            Err(e) if e.class() == Class::NotFound && trace.is_unfinished() => Ok(None),
            Err(e) => self.stored_spans_of(trace).await.ok_or_else(|| e.at("its spans")).map(Some),
        }
    }

    /// The spans in the file that clients write when they are not stored in a database. The file is read without the
    /// server, because not every server returns it.
    async fn stored_spans_of(&self, trace: &Trace) -> Option<Spans> {
        let root = self.stores.root(&trace.owner()).await?;
        let read = async { root.open(SPANS_FILE).await?.try_collect::<BytesMut>().await };
        let text = read.await.inspect_err(|e| tracing::debug!("{}: {e}", trace.id)).ok()?;
        Some(Spans(text.freeze()))
    }

    /// The links of runs to traces. Only a search for each run returns its links (MLflow 3.3 on).
    pub(super) fn links<'a>(
        &'a self,
        experiment: &'a Experiment,
        of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        if !self.probe.capabilities.trace_links {
            return stream::empty().boxed();
        }
        // Errors of this list are reported where the runs themselves are read.
        let pages = self.every_run(experiment);
        pages.and_then(move |page| self.links_of(page.into_iter().flatten().collect(), of)).boxed()
    }

    async fn links_of(&self, runs: Vec<Run>, of: &[ExperimentId]) -> Result<Vec<TraceLinks>> {
        let asked = runs.into_iter().map(|run| async move {
            let filter = format!("run_id = '{}'", run.id);
            let found: Vec<Trace> = strict(self.client.traces(of, &filter)).try_concat().await?;
            let linked = found.into_iter().filter(|trace| trace.source_run().as_ref() != Some(&run.id));
            let trace_ids = linked.map(|trace| trace.id).collect();
            Ok::<_, Error>(TraceLinks { run_id: run.id, trace_ids })
        });
        let all: Vec<TraceLinks> = stream::iter(asked).buffered(MAX_CONCURRENT_RUNS).try_collect().await?;
        Ok(all.into_iter().filter(|one| !one.trace_ids.is_empty()).collect())
    }
}
