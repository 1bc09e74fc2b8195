//! The writer of an export directory.

mod evaluation;
mod files;
mod model_writer;
mod not_exported;
mod registry;
mod run_writer;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};

use self::files::is_whole;
use self::not_exported::NotExportedItems;
use self::run_writer::{ArchiveRunWriter, mark_of};
use super::{
    Existing, IsSettled, OpenDataset, OpenModel, OpenRun, OpenTrace, Placement, RunWriter, TargetExperiment,
    TargetModel, Writer,
};
use crate::archive::{Checksums, ExperimentFile, ExperimentsFile, Layout, Manifest, Wrapped};
use crate::artifacts::local;
use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, Kind, LoggedModel, ModelId, ModelVersion, NotExported,
    RegisteredModel, Run, RunId, RunStatus, Scorer, Trace, TraceLinks, is_plain_id,
};
use crate::error::{Class, Error, Result};
use crate::io::Traffic;

pub struct ArchiveWriter {
    layout: Layout,
    location: String,
    source: String,
    checksums: Arc<Checksums>,
    not_exported: NotExportedItems,
}

impl ArchiveWriter {
    /// Creates the directory, or continues an export that was started from the same `source`.
    pub fn create(root: &Path, source: &str) -> Result<Self> {
        let location = root.display().to_string();
        fs::create_dir_all(root).map_err(|e| Error::from(e).at(&location))?;
        // The root exists now, so its canonical name may be another one.
        let layout = Layout::new(root);
        let (boot, is_complete) = (local::boot_id(), layout.manifest().is_file());
        let mut reads_files = false;
        let format = match fs::read(layout.origin()) {
            Ok(text) => {
                let mut known: Manifest = serde_json::from_slice(&text)
                    .map_err(|e| Error::from(e).at(layout.origin().display()))
                    .map_err(|e| e.hint("put it back from a copy, or choose another --output-dir"))?;
                if known.source != source {
                    return Err(Error::usage(format!("{location} holds an export of {}", known.source))
                        .hint("choose another --output-dir: a directory belongs to one source"));
                }
                if known.format > Layout::FORMAT {
                    return Err(Error::usage(format!(
                        "{location} holds an export of format {}",
                        known.format
                    ))
                    .hint("a newer mlferry began it: use that version, or choose another --output-dir"));
                }
                // The last export did not end, so it was not synced. If the machine has started again since, any file
                // may be damaged.
                reads_files = !is_complete
                    && known.boot.as_ref().is_some_and(|known| *known != boot || boot == local::UNKNOWN_BOOT);
                if !reads_files && known.boot.as_ref() != Some(&boot) {
                    known.boot = Some(boot);
                    local::write_synced(&layout.origin(), &serde_json::to_vec_pretty(&known)?)?;
                }
                known.format
            }
            Err(_) => {
                if fs::read_dir(root)?.next().is_some() {
                    return Err(Error::usage(format!(
                        "{location} is not empty and holds no export of mlferry"
                    ))
                    .hint("choose an empty or new directory for --output-dir"));
                }
                let origin = Manifest { format: Layout::FORMAT, source: source.to_owned(), boot: Some(boot) };
                local::write_synced(&layout.origin(), &serde_json::to_vec_pretty(&origin)?)?;
                Layout::FORMAT
            }
        };
        // The directory is incomplete until this export ends.
        if layout.manifest().is_file() {
            fs::remove_file(layout.manifest()).map_err(|e| Error::from(e).at(&location))?;
            // It must not come back with a power failure.
            local::sync_folder(root)?;
        }
        let checksums = Arc::new(Checksums::new(&layout, format >= 2).reading_files(reads_files));
        checksums.begin(root)?;
        let not_exported = NotExportedItems::default();
        Ok(Self { layout, location, source: source.to_owned(), checksums, not_exported })
    }
}

impl ArchiveWriter {
    /// Adds runs of an earlier export with a wider plan: they remain part of the directory. This includes a run whose
    /// file was lost since: the import reports it.
    fn with_earlier_runs(&self, place: &TargetExperiment, runs: &[RunId]) -> Result<Vec<RunId>> {
        let earlier = match self.earlier::<ExperimentFile>(&self.layout.experiment_file(&place.id)) {
            Ok(None) => Vec::new(),
            Ok(Some(file)) => file.runs,
            // The runs are known from the list of files; their order is lost.
            Err(_) => self.listed_runs(place)?,
        };
        let known: HashSet<&RunId> = runs.iter().collect();
        let kept = earlier.into_iter().filter(|run| !known.contains(run) && is_plain_id(run.as_str()));
        Ok(runs.iter().cloned().chain(kept).collect())
    }

    fn listed_runs(&self, place: &TargetExperiment) -> Result<Vec<RunId>> {
        let (folder, mut runs) = (self.layout.experiment(&place.id).join("runs"), BTreeSet::new());
        self.checksums.each_listed(&folder, &mut |path| {
            if let Some(run) = path.strip_suffix("/run.json") {
                runs.insert(RunId::from(run));
            }
        })?;
        Ok(runs.into_iter().collect())
    }

    /// The content that an earlier export wrote to this path, if any.
    ///
    /// # Errors
    /// When the file was lost or changed since the export.
    fn earlier<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        let read = |text: &mut dyn io::BufRead| {
            serde_json::from_reader::<_, Wrapped<T>>(text).map_err(|e| Error::from(e).at(path.display()))
        };
        match self.checksums.read(path, read) {
            Err(e) if e.class() == Class::NotFound => Ok(None),
            read => read.map(|file| Some(file.mlflow)),
        }
    }
}

#[async_trait]
impl Writer for ArchiveWriter {
    fn location(&self) -> &str {
        &self.location
    }

    fn gives_new_ids(&self) -> bool {
        false
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn open_experiment(
        &self,
        experiment: &Experiment,
        _placement: Placement<'_>,
    ) -> Result<TargetExperiment> {
        check_id(experiment.id.as_str())?;
        let folder = self.layout.experiment(&experiment.id);
        self.layout.guard(&folder)?;
        fs::create_dir_all(&folder).map_err(|e| Error::from(e).at(folder.display()))?;
        self.checksums.begin(&folder)?;
        Ok(TargetExperiment { id: experiment.id.clone(), to_be_deleted: false })
    }

    async fn open_run(&self, place: &TargetExperiment, run: &Run, again: bool) -> Result<OpenRun> {
        check_id(run.id.as_str())?;
        let mark = fingerprint(run)?;
        let (folder, file) = (self.layout.run(&place.id, &run.id), self.layout.run_file(&place.id, &run.id));
        self.layout.guard(&folder)?;
        let is_over = !matches!(run.status, RunStatus::Running | RunStatus::Scheduled);
        let files = self.layout.owner(Kind::Run, &place.id, run.id.as_str());
        let is_same = || {
            is_over
                && mark_of(&file).as_ref() == Some(&mark)
                && self.checksums.is_sound(&file)
                && is_whole(&self.checksums, &files)
        };
        let found = match (file.is_file(), again) {
            (false, _) => Existing::Nothing,
            (true, false) if is_same() => Existing::Everything,
            (true, _) => Existing::Partial,
        };
        if found != Existing::Everything {
            local::sweep(&folder)?;
        }
        let writer = ArchiveRunWriter::new(&self.layout, &self.checksums, &place.id, run, mark);
        let writer: Box<dyn RunWriter> = Box::new(writer);
        Ok(OpenRun { id: run.id.clone(), found, writer })
    }

    async fn open_logged_model(
        &self,
        place: &TargetExperiment,
        model: &LoggedModel,
        again: bool,
    ) -> Result<OpenModel> {
        self.open_model(place, model, again)
    }

    /// The file of the run itself contains the links.
    async fn link_models(&self, _target: &RunId, _run: &Run) -> Result<BTreeSet<ModelId>> {
        Ok(BTreeSet::new())
    }

    async fn close_experiment(
        &self,
        place: &TargetExperiment,
        experiment: &Experiment,
        runs: &[RunId],
    ) -> Result<()> {
        let runs = self.with_earlier_runs(place, runs)?;
        let failed = self.not_exported.runs_of(&experiment.id);
        let present: HashSet<&RunId> = runs.iter().collect();
        let total = runs.len() + failed.iter().filter(|run| !present.contains(run)).count();
        let info = json!({
            "num_total_runs": total, "num_ok_runs": total - failed.len(), "num_failed_runs": failed.len(),
            "failed_runs": failed,
        });
        let file = ExperimentFile { experiment: experiment.clone(), runs };
        let file = Wrapped::new("export_experiment.py", info, file);
        self.checksums.write(&self.layout.experiment_file(&place.id), &serde_json::to_vec_pretty(&file)?)
    }

    async fn open_registered_model(
        &self,
        model: &RegisteredModel,
        _name: &str,
        _appends: bool,
    ) -> Result<TargetModel> {
        Ok(TargetModel { name: model.name.clone(), ..TargetModel::default() })
    }

    /// One file contains all versions. It is written after the last one.
    async fn write_version(&self, _at: &mut TargetModel, _version: &ModelVersion) -> Result<Existing> {
        Ok(Existing::Nothing)
    }

    async fn close_registered_model(
        &self,
        at: TargetModel,
        model: &RegisteredModel,
        versions: &[ModelVersion],
    ) -> Result<Vec<String>> {
        self.write_model(model, versions, at.is_whole)?;
        Ok(Vec::new())
    }

    async fn open_dataset(&self, dataset: &EvaluationDataset) -> Result<OpenDataset> {
        self.open_dataset_folder(dataset)
    }

    async fn write_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>> {
        self.write_scorers_file(experiment, scorers)?;
        Ok(scorers.iter().map(|_| Ok(Existing::Nothing)).collect())
    }

    async fn open_traces(
        &self,
        place: &TargetExperiment,
        traces: &[Trace],
    ) -> Result<Vec<Result<OpenTrace>>> {
        Ok(traces.iter().map(|trace| self.open_trace_folder(place, trace)).collect())
    }

    async fn link_traces(&self, experiment: &ExperimentId, links: &[TraceLinks]) -> Result<Vec<RunId>> {
        self.write_links(experiment, links)?;
        Ok(Vec::new())
    }

    fn not_moved(&self, item: NotExported) {
        self.not_exported.add(item);
    }

    async fn finish(&self, is_settled: &IsSettled<'_>) -> Result<Vec<String>> {
        let (mut experiments, mut notes) = (Vec::new(), Vec::new());
        let folder = self.layout.experiments();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries.collect(),
            // No experiment could be written.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::from(e).at(folder.display())),
        };
        for entry in entries {
            let entry = entry.map_err(|e| Error::from(e).at(folder.display()))?.path();
            // The list of an earlier export is next to the folders.
            if entry.is_file() {
                continue;
            }
            let path = entry.join("experiment.json");
            match self.earlier::<ExperimentFile>(&path) {
                Ok(file) => experiments.extend(file.map(|file| file.experiment.into())),
                // This is an object of an earlier export, because this export reports its own errors. An import will
                // report it.
                Err(error) => notes.push(error.to_string()),
            }
        }
        let list = ExperimentsFile { experiments };
        let info = list.info();
        let list = Wrapped::new("export_experiments.py", info, list);
        self.checksums.write(&self.layout.experiments_file(), &serde_json::to_vec_pretty(&list)?)?;
        notes.extend(self.write_models_list()?);
        notes.extend(self.write_not_exported(is_settled)?);
        let manifest = Wrapped::new("export_all.py", json!({ "source": self.source }), json!({}));
        // The directory is complete when the manifest exists. A power failure before that may have cost any file of it,
        // and the next export compares them all with their checksums.
        local::sync(self.layout.root())?;
        local::write_synced(&self.layout.manifest(), &serde_json::to_vec_pretty(&manifest)?)?;
        Ok(notes)
    }
}

/// Identifies the content of an object. Another export may have written the directory, with another plan or at another
/// time, and the source may have changed since.
fn fingerprint(item: &impl Serialize) -> Result<String> {
    Ok(hex::encode(&Sha256::digest(serde_json::to_vec(item)?)[..16]))
}

/// Refuses an id that cannot be the name of a folder: the server chooses the ids.
fn check_id(id: &str) -> Result<()> {
    if is_plain_id(id) {
        Ok(())
    } else {
        Err(Error::permanent(format!("the id {id:?} cannot be the name of a folder")))
    }
}
