use std::fs;

use futures::{StreamExt, stream};

use super::{ArchiveReader, read};
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
        stream::iter(ids)
            .chunks(TRACES_PER_PAGE)
            .map(|ids| Ok(ids.iter().map(|id| self.read_trace(&experiment.id, id)).collect()))
            .boxed()
    }

    fn trace_ids(&self, experiment: &ExperimentId) -> Result<Vec<String>> {
        let folder = self.layout.traces(experiment);
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|e| Error::from(e).at(folder.display()))?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let id = entry?.file_name().to_string_lossy().into_owned();
            // A folder without the file is left by a trace that could not be exported.
            if self.layout.trace_file(experiment, &id).is_file() {
                ids.push(id);
            }
        }
        ids.sort();
        Ok(ids)
    }

    fn read_trace(&self, experiment: &ExperimentId, id: &str) -> Readable<Trace> {
        let reason = |e: Error| Unreadable { kind: Kind::Trace, id: id.to_owned(), reason: e.to_string() };
        Ok(self.trace_file(experiment, id).map_err(reason)?.trace)
    }

    /// The folders' names count: what a file says of itself is not trusted with a path.
    fn trace_file(&self, experiment: &ExperimentId, id: &str) -> Result<TraceFile> {
        let file: TraceFile = read(&self.layout, &self.layout.trace_file(experiment, id))?;
        let trace = Trace { id: id.to_owned(), experiment_id: experiment.clone(), ..file.trace };
        Ok(TraceFile { trace, ..file })
    }

    pub(super) fn read_spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        if !is_plain_id(&trace.id) {
            return Err(Error::permanent(format!("{:?} is not the id of a trace", trace.id)));
        }
        let path = self.layout.spans_file(&trace.experiment_id, &trace.id);
        self.layout.guard(&path)?;
        match fs::read(&path) {
            Ok(text) => Ok(Some(Spans(text.into()))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                match self.trace_file(&trace.experiment_id, &trace.id)?.spans_lost {
                    Some(reason) => Err(Error::permanent(reason)),
                    None => Ok(None),
                }
            }
            Err(e) => Err(Error::from(e).at(path.display())),
        }
    }

    pub(super) fn read_links(&self, experiment: &Experiment) -> Result<Vec<TraceLinks>> {
        match read(&self.layout, &self.layout.trace_links(&experiment.id)) {
            Err(e) if e.class() == Class::NotFound => Ok(Vec::new()),
            other => other,
        }
    }
}
