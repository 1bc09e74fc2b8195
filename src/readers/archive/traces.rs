use std::collections::HashSet;
use std::io::BufRead;

use futures::{StreamExt, stream};

use super::ArchiveReader;
use super::not_exported::INCOMPLETE;
use crate::archive::TraceFile;
use crate::entities::{
    Experiment, ExperimentId, Kind, Readable, Spans, Trace, TraceLinks, Unreadable, is_plain_id,
};
use crate::error::{Class, Error, Result};
use crate::io::Pages;

const TRACES_PER_PAGE: usize = 100;

impl ArchiveReader {
    pub(super) fn every_trace<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        let ids = match self.trace_ids(&experiment.id) {
            Ok(ids) => ids,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let present: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let is_there = |id: &str| present.contains(id);
        let lost = self.listed_as_not_exported(&[Kind::Trace], Some(&experiment.id), is_there);
        // A trace that was exported without its spans has the reason in its own file.
        let lost: Vec<_> = lost.filter(|item| !self.lacks_spans(&experiment.id, &item.id)).map(Err).collect();
        stream::iter(ids)
            .chunks(TRACES_PER_PAGE)
            .map(|ids| Ok(ids.iter().map(|id| self.read_trace(&experiment.id, id)).collect()))
            .chain(stream::iter((!lost.is_empty()).then_some(Ok(lost))))
            .boxed()
    }

    fn lacks_spans(&self, experiment: &ExperimentId, listed: &str) -> bool {
        let id = listed.strip_suffix(INCOMPLETE);
        id.is_some_and(|id| self.trace_file(experiment, id).is_ok_and(|file| file.spans_lost.is_some()))
    }

    fn trace_ids(&self, experiment: &ExperimentId) -> Result<Vec<String>> {
        self.folders_with(&self.layout.traces(experiment), "header.json")
    }

    fn read_trace(&self, experiment: &ExperimentId, id: &str) -> Readable<Trace> {
        let reason = |e: Error| Unreadable { kind: Kind::Trace, id: id.to_owned(), reason: e.to_string() };
        Ok(self.trace_file(experiment, id).map_err(reason)?.trace)
    }

    /// Reads the header of a trace. The name of its folder is the id: an id inside a file is not trusted as a path.
    fn trace_file(&self, experiment: &ExperimentId, id: &str) -> Result<TraceFile> {
        let file: TraceFile = self.read(&self.layout.trace_file(experiment, id))?;
        let trace = Trace { id: id.to_owned(), experiment_id: experiment.clone(), ..file.trace };
        Ok(TraceFile { trace, ..file })
    }

    pub(super) fn read_spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        if !is_plain_id(&trace.id) {
            return Err(Error::permanent(format!("{:?} is not the id of a trace", trace.id)));
        }
        let path = self.layout.spans_file(&trace.experiment_id, &trace.id);
        let all = |text: &mut dyn BufRead| {
            let mut bytes = Vec::new();
            text.read_to_end(&mut bytes).map_err(|e| Error::from(e).at(path.display()))?;
            Ok(bytes)
        };
        match self.checksums.read(&path, all) {
            Ok(text) => Ok(Some(Spans(text.into()))),
            Err(e) if e.class() == Class::NotFound => {
                match self.trace_file(&trace.experiment_id, &trace.id)?.spans_lost {
                    Some(reason) => Err(Error::permanent(reason)),
                    None => Ok(None),
                }
            }
            Err(e) => Err(e),
        }
    }

    pub(super) fn read_links(&self, experiment: &Experiment) -> Result<Vec<TraceLinks>> {
        match self.read(&self.layout.trace_links(&experiment.id)) {
            Err(e) if e.class() == Class::NotFound => Ok(Vec::new()),
            other => other,
        }
    }
}
