use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use async_trait::async_trait;

use super::ArchiveWriter;
use super::files::ArchiveFiles;
use crate::archive::{Checksums, Layout, OwnerFolder, Sum, TraceFile};
use crate::artifacts::local;
use crate::entities::{ExperimentId, Kind, RunId, Trace, TraceLinks};
use crate::error::Result;
use crate::writers::{Existing, FileWriter, OpenTrace, SpansRead, TargetExperiment, TraceWriter};

/// Writes the spans without changes. `header.json` is written last.
struct ArchiveTraceWriter {
    layout: Layout,
    checksums: Arc<Checksums>,
    /// The checksum of the written spans.
    spans: Option<Sum>,
    experiment: ExperimentId,
    file: TraceFile,
    folder: OwnerFolder,
}

impl ArchiveWriter {
    pub(super) fn open_trace_folder(&self, place: &TargetExperiment, trace: &Trace) -> Result<OpenTrace> {
        super::check_id(&trace.id)?;
        let path = self.layout.trace_file(&place.id, &trace.id);
        let earlier: Option<TraceFile> =
            fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let found = match earlier {
            Some(file)
                if file.is_whole()
                    && file.trace == *trace
                    && [&path, &self.layout.spans_file(&place.id, &trace.id)]
                        .into_iter()
                        .all(|file| self.checksums.is_sound(file)) =>
            {
                Existing::Everything
            }
            Some(_) => Existing::Partial,
            None => Existing::Nothing,
        };
        let folder = self.layout.owner(Kind::Trace, &place.id, &trace.id);
        self.layout.guard(folder.root())?;
        if found != Existing::Everything {
            local::sweep(folder.root())?;
        }
        let writer = ArchiveTraceWriter {
            layout: self.layout.clone(),
            checksums: Arc::clone(&self.checksums),
            spans: None,
            experiment: place.id.clone(),
            file: TraceFile { trace: trace.clone(), ..TraceFile::default() },
            folder,
        };
        Ok(OpenTrace { found, writer: Box::new(writer) })
    }

    /// Writes links. Links of an earlier export remain part of the directory, whether of other runs or to other traces.
    pub(super) fn write_links(&self, experiment: &ExperimentId, links: &[TraceLinks]) -> Result<()> {
        let path = self.layout.trace_links(experiment);
        // A damaged file is replaced.
        let earlier: Vec<TraceLinks> =
            self.checksums.read(&path, |text| Ok(serde_json::from_reader(text)?)).unwrap_or_default();
        let mut all: BTreeMap<&RunId, BTreeSet<&str>> = BTreeMap::new();
        for one in links.iter().chain(&earlier) {
            all.entry(&one.run_id).or_default().extend(one.trace_ids.iter().map(String::as_str));
        }
        let owned = |ids: BTreeSet<&str>| ids.into_iter().map(str::to_owned).collect();
        let all: Vec<TraceLinks> = all
            .into_iter()
            .map(|(run, ids)| TraceLinks { run_id: run.clone(), trace_ids: owned(ids) })
            .collect();
        self.checksums.write(&path, &serde_json::to_vec_pretty(&all)?)
    }
}

#[async_trait]
impl TraceWriter for ArchiveTraceWriter {
    async fn begin(&mut self, spans: &SpansRead) -> Result<Box<dyn FileWriter>> {
        let path = self.layout.spans_file(&self.experiment, &self.file.trace.id);
        match spans {
            Ok(Some(spans)) => {
                local::write(&path, &spans.0)?;
                self.spans = Some(Sum::of(&spans.0));
            }
            Ok(None) => {}
            Err(reason) => self.file.spans_lost = Some(reason.clone()),
        }
        Ok(Box::new(ArchiveFiles::new(&self.layout, &self.checksums, self.folder.clone()).one_by_one()))
    }

    async fn close(mut self: Box<Self>, missing: Vec<String>) -> Result<()> {
        self.file.files_lost = missing;
        let path = self.layout.trace_file(&self.experiment, &self.file.trace.id);
        let text = serde_json::to_vec_pretty(&self.file)?;
        local::write(&path, &text)?;
        let spans_path = self.layout.spans_file(&self.experiment, &self.file.trace.id);
        let spans = self.spans.map(|sum| (spans_path.as_path(), sum));
        let new: Vec<_> = spans.into_iter().chain([(path.as_path(), Sum::of(&text))]).collect();
        self.checksums.add(&new)
    }
}
