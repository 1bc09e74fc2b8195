//! An export directory.

mod damage;
mod evaluation;
mod logged_models;
mod no_export;
mod not_exported;
mod others;
mod registry;
#[cfg(test)]
mod tests;
mod traces;

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Reader, SourceInfo};
use crate::archive::{
    self, ADVICE, ArtifactList, Checksums, ExperimentFile, ExperimentInfo, Layout, OwnerFolder, Wrapped,
};
use crate::artifacts::{ByteStream, local};
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, Kind, LoggedModel, MetricChunk, ModelId,
    ModelVersion, NotExported, Owner, Point, Readable, Record, RegisteredModel, Run, RunId, Scorer, Spans,
    Trace, TraceLinks, Unreadable, Unsupported, is_plain_id, is_safe_path,
};
use crate::error::{Class, Error, Result};
use crate::io::{Pages, Traffic, from_thread};

const EXPERIMENTS_PER_PAGE: usize = 200;
const RUNS_PER_PAGE: usize = 100;
const POINTS_PER_CHUNK: usize = 10_000;
/// The most run files that are read at the same time.
const MAX_CONCURRENT_FILES: usize = 2;

pub struct ArchiveReader {
    layout: Layout,
    about: SourceInfo,
    checksums: Checksums,
    /// Items for lost or damaged files of the directory as a whole.
    damaged: Vec<Unreadable>,
    /// Items that the export could not read.
    not_exported: Vec<NotExported>,
    /// Notes that were not reported yet.
    notes: Mutex<Vec<String>>,
}

impl ArchiveReader {
    /// Opens a finished export.
    pub fn open(root: &Path) -> Result<Self> {
        let place = root.display().to_string();
        if !root.is_dir() {
            return Err(Error::usage(format!("{place} is not a directory"))
                .hint("give the directory that `mlferry export --output-dir` wrote"));
        }
        let only = match root.join("experiment.json").is_file() {
            true => {
                let file = root.join("experiment.json");
                let file: Wrapped<ExperimentFile> =
                    Checksums::new(&Layout::new(root), false).read(&file, json(&file))?;
                Some(file.mlflow.experiment.id)
            }
            false => None,
        };
        let layout = Layout::reading(root, only);
        let is_export = root.join("experiments").is_dir() || layout.experiments_file().is_file();
        if !is_export && layout.only().is_none() {
            return Err(no_export::error(root));
        }
        if layout.origin().is_file() && !layout.manifest().is_file() {
            return Err(Error::usage(format!("{place} holds an unfinished export: it has no manifest.json"))
                .hint("run the same `mlferry export` again: it continues where it stopped"));
        }
        let (checksums, mut damaged, notes) = damage::inspect(&layout)?;
        let not_exported = not_exported::read(&layout, &checksums).unwrap_or_else(|error| {
            damaged.push(damage::of_directory(Layout::NOT_EXPORTED, &error));
            Vec::new()
        });
        let about = SourceInfo { kind: "archive", location: place, version: None, capabilities: None };
        Ok(Self { layout, about, checksums, damaged, not_exported, notes: Mutex::new(notes) })
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<T> {
        self.checksums.read(path, json(path))
    }

    /// Names of the folders in `folder` that contain `file`, or contained it at the export. A folder that never
    /// contained it belongs to an object that could not be exported.
    fn folders_with(&self, folder: &Path, file: &str) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        match fs::read_dir(folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            entries => {
                for entry in entries.map_err(|e| Error::from(e).at(folder.display()))? {
                    let entry = entry?;
                    if entry.path().join(file).is_file() {
                        names.insert(entry.file_name().to_string_lossy().into_owned());
                    }
                }
            }
        }
        self.checksums.each_listed(folder, &mut |path| {
            if let Some((name, rest)) = path.split_once('/')
                && rest == file
            {
                names.insert(name.to_owned());
            }
        })?;
        Ok(names.into_iter().collect())
    }

    fn experiment_ids(&self) -> Result<Vec<String>> {
        if let Some(only) = self.layout.only() {
            return Ok(vec![only.to_string()]);
        }
        self.folders_with(&self.layout.experiments(), "experiment.json")
    }

    fn read_experiment(&self, id: &str) -> Readable<Experiment> {
        let unreadable = |error: Error| Unreadable {
            kind: Kind::Experiment,
            id: id.to_owned(),
            reason: error.to_string(),
        };
        Ok(self.read_experiment_file(id).map_err(unreadable)?.experiment)
    }

    fn read_run(&self, experiment: &Experiment, run: &RunId) -> Readable<Run> {
        let unreadable = |reason: String| Unreadable { kind: Kind::Run, id: run.to_string(), reason };
        if !is_plain_id(run.as_str()) {
            return Err(unreadable(format!("{run:?} is not the id of a run")));
        }
        let path = self.layout.run_file(&experiment.id, run);
        let read = self.checksums.read(&path, |text| archive::read_summary(text, &path));
        let read = read.map_err(|error| unreadable(error.to_string()))?;
        // The name of the folder is the id: an id inside a file is not trusted as a path.
        Ok(Run { id: run.clone(), experiment_id: experiment.id.clone(), ..read })
    }

    fn folder(&self, owner: Owner<'_>) -> OwnerFolder {
        self.layout.owner(owner.kind, owner.experiment_id, owner.id)
    }

    fn read_files(&self, owner: Owner<'_>) -> Result<Vec<Readable<FileEntry>>> {
        let folder = self.folder(owner);
        match self.read::<ArtifactList>(&folder.list()) {
            Ok(list) => {
                let missing = list.missing.into_iter().map(|(path, reason)| {
                    let (kind, id) = (Kind::Artifact, owner.id_of(&path));
                    Err(Unreadable { kind, id, reason: format!("the export could not read it: {reason}") })
                });
                let present = list.files.into_iter().map(|file| as_listed(owner, &folder, file));
                Ok(present.chain(missing).collect())
            }
            Err(e) if e.class() == Class::NotFound => {
                self.layout.guard(&folder.artifacts())?;
                Ok(local::walk(&folder.artifacts())?.into_iter().map(Ok).collect())
            }
            Err(e) => Err(e),
        }
    }

    fn read_experiment_file(&self, id: &str) -> Result<ExperimentFile> {
        let path = self.layout.experiment_file(&id.into());
        let mut file = self.read::<Wrapped<ExperimentFile>>(&path)?.mlflow;
        file.experiment.id = id.into();
        // `export-models` of mlflow-export-import lists a run once for each version that was made from it.
        let mut seen = HashSet::new();
        file.runs.retain(|run| seen.insert(run.clone()));
        Ok(file)
    }

    /// The experiment's ids of runs, and an item for each run that is not in the directory.
    fn read_run_ids(&self, id: &ExperimentId) -> Result<(Vec<RunId>, Vec<Readable<Run>>)> {
        let runs = self.read_experiment_file(id.as_str())?.runs;
        let file: Wrapped<IgnoredAny> = self.read(&self.layout.experiment_file(id))?;
        let info = file.info.unwrap_or_default();
        // Counts of other tools are not checked: an invalid list does not indicate a loss.
        let info: ExperimentInfo = serde_json::from_value(info).unwrap_or_default();
        let lost = self.lost_runs(id, &runs, info);
        Ok((runs, lost))
    }
}

/// A file of the list, if it still has the size from the export. Its reader compares the checksum.
fn as_listed(owner: Owner<'_>, folder: &OwnerFolder, file: FileEntry) -> Readable<FileEntry> {
    let path = folder.artifact(&file.path);
    let reason = match (file.size, path.metadata()) {
        _ if !is_safe_path(&file.path) => return Ok(file),
        (_, Err(e)) if e.kind() == std::io::ErrorKind::NotFound => "is missing".to_owned(),
        (_, Err(e)) => format!("cannot be read ({e})"),
        (_, Ok(now)) if !now.is_file() => "is not a file any more".to_owned(),
        (Some(size), Ok(now)) if size != now.len() => {
            format!("was changed or cut since it was exported: it has {} of {size} bytes", now.len())
        }
        _ => return Ok(file),
    };
    let reason = format!("{} {reason}: {ADVICE}", path.display());
    Err(Unreadable { kind: Kind::Artifact, id: owner.id_of(&file.path), reason })
}

fn json<T: DeserializeOwned>(path: &Path) -> impl FnOnce(&mut dyn BufRead) -> Result<T> {
    |text| serde_json::from_reader(archive::Strict::new(text)).map_err(|e| Error::from(e).at(path.display()))
}

#[async_trait]
impl Reader for ArchiveReader {
    fn about(&self) -> &SourceInfo {
        &self.about
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn experiments(&self) -> Pages<'_, Readable<Experiment>> {
        let ids = match self.experiment_ids() {
            Ok(ids) => ids,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let damaged = self.damaged.iter().cloned().chain(self.experiments_without_folder(&ids)).map(Err);
        let damaged: Vec<_> = damaged.chain(self.experiments_not_exported(&ids)).collect();
        stream::iter(ids)
            .chunks(EXPERIMENTS_PER_PAGE)
            .map(|ids| Ok(ids.iter().map(|id| self.read_experiment(id)).collect()))
            .chain(stream::iter((!damaged.is_empty()).then_some(Ok(damaged))))
            .boxed()
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        let (runs, failed) = match self.read_run_ids(&experiment.id) {
            Ok(both) => both,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        stream::iter(runs)
            .chunks(RUNS_PER_PAGE)
            .map(move |ids| Ok(ids.iter().map(|id| self.read_run(experiment, id)).collect()))
            .chain(stream::iter((!failed.is_empty()).then_some(Ok(failed))))
            .boxed()
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Readable<Run>>, bool)> {
        let ids = self.read_experiment_file(experiment.id.as_str())?.runs;
        let runs = ids.iter().take(most).map(|id| self.read_run(experiment, id)).collect();
        Ok((runs, ids.len() > most))
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        self.find_run(id)
    }

    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>> {
        stream::once(async { self.read_logged_models(&experiment.id) }).boxed()
    }

    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        self.find_logged_model(id)
    }

    fn registered_models(&self) -> Pages<'_, Readable<RegisteredModel>> {
        stream::once(async { self.read_models() }).boxed()
    }

    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        self.read_versions(of)
    }

    fn evaluation_datasets(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        stream::once(async { self.read_datasets() }).boxed()
    }

    fn records<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        self.read_records(&dataset.id)
    }

    async fn scorers(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        self.read_scorers(&experiment.id)
    }

    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        self.every_trace(experiment)
    }

    async fn spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        self.read_spans(trace)
    }

    fn trace_links<'a>(
        &'a self,
        experiment: &'a Experiment,
        _of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        stream::once(async { self.read_links(experiment) }).boxed()
    }

    async fn others(&self) -> Result<Vec<Unsupported>> {
        self.unsupported_content()
    }

    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        let with_metrics = runs.iter().filter(|run| !run.latest.is_empty());
        stream::iter(with_metrics)
            // The path was checked when the run was read.
            .map(|run| history(self.layout.run_file(&run.experiment_id, &run.id), run.id.clone()))
            .flatten_unordered(MAX_CONCURRENT_FILES)
            .boxed()
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        stream::once(async move { self.read_files(owner) }).boxed()
    }

    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        if !is_safe_path(&file.path) {
            return Err(Error::permanent(format!("{:?} leads out of its folder", file.path)));
        }
        let folder = self.folder(owner);
        let path = folder.artifact(&file.path);
        match owner.kind {
            // Only the checksum list covers the files of a trace.
            Kind::Trace => self.checksums.check(&path)?,
            _ => self.layout.guard(&path)?,
        }
        local::open_below(&folder.artifacts(), &file.path).await
    }
}

/// Reads a run file, a few chunks ahead of the consumer.
fn history(path: PathBuf, run_id: RunId) -> BoxStream<'static, Result<Readable<MetricChunk>>> {
    from_thread(2, move |send_item| {
        let mut chunk = MetricChunk { run_id: run_id.clone(), key: String::new(), points: Vec::new() };
        let send = |chunk: &mut MetricChunk, next: &str| {
            let full = MetricChunk { run_id: run_id.clone(), key: next.to_owned(), points: Vec::new() };
            let full = std::mem::replace(chunk, full);
            full.points.is_empty() || send_item(Ok(Ok(full)))
        };
        let mut sink = |key: &str, point: Point| {
            let listening = if chunk.key != key || chunk.points.len() == POINTS_PER_CHUNK {
                send(&mut chunk, key)
            } else {
                true
            };
            chunk.points.push(point);
            listening
        };
        let read = archive::each_point(&path, &mut sink);
        let sent = send(&mut chunk, "");
        if let (true, Err(error)) = (sent, read) {
            let unreadable =
                Unreadable { kind: Kind::Run, id: run_id.to_string(), reason: error.to_string() };
            send_item(Ok(Err(unreadable)));
        }
    })
}
