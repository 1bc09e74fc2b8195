//! One run: its `meta.yaml`, and its params, tags and metrics.

use std::collections::BTreeMap;
use std::path::Path;

use super::inputs::Datasets;
use super::layout::{ARTIFACTS, ExperimentFolder, META, is_run_id, may_be_run};
use super::meta::Meta;
use super::yaml::Node;
use super::{Problems, Store, with_problems};
use crate::entities::{Kind, Lifecycle, Point, Readable, Run, RunId, RunStatus, is_plain_id, tag};
use crate::error::{Error, Result};

/// How much of a run is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Whole,
    /// For display: without datasets and models, and the latest points are taken from the ends of long metric files.
    Listed,
}

const METRICS: &str = "metrics";
const PARAMS: &str = "params";
const TAGS: &str = "tags";

impl Store {
    /// The run, then its parts that cannot be read. Nothing for a folder that is no run.
    pub fn read_run(
        &self,
        experiment: &ExperimentFolder,
        name: &str,
        datasets: &mut Datasets,
        detail: Detail,
    ) -> Vec<Readable<Run>> {
        let mut problems = Problems::new();
        let run = self.run_of(experiment, name, datasets, detail, &mut problems);
        with_problems(Kind::Run, name, run, problems)
    }

    /// Whether a folder is that of a run, readable or not. Its files are not read.
    pub fn is_run(&self, experiment: &ExperimentFolder, name: &str) -> bool {
        let path = experiment.path.join(name);
        path.join(META).exists()
            || self.disk.check_listed(&path).is_err()
            || self.is_lost_run(name, &path).unwrap_or(true)
    }

    fn run_of(
        &self,
        experiment: &ExperimentFolder,
        name: &str,
        datasets: &mut Datasets,
        detail: Detail,
        problems: &mut Problems,
    ) -> Result<Option<Run>> {
        let (id, path) = (RunId::from(name), experiment.path.join(name));
        self.disk.check_listed(&path)?;
        let meta = self.meta_if_any(&path.join(META))?;
        if meta.is_none() && !self.is_lost_run(name, &path)? {
            return Ok(None);
        }
        let written = meta.as_ref().and_then(|meta| meta.optional("run_id").or(meta.optional("run_uuid")));
        if meta.as_ref().is_some_and(|meta| !meta.is_cut()) && written.is_none() && !is_run_id(name) {
            self.note(format!("{} is not a run: its {META} is that of something else", path.display()));
            return Ok(None);
        }
        if written.as_deref().is_some_and(|written| written != name) {
            self.note(format!(
                "the folder {} names the run {} in its {META}: it is read as a run of its own",
                path.display(),
                written.unwrap_or_default()
            ));
        }
        let folder = experiment.run(&id)?;
        let params = self.part(&folder, PARAMS, problems)?;
        let mut tags = self.part(&folder, TAGS, problems)?;
        let latest = self.latest_of_all(&folder.join(METRICS), detail, problems)?;
        let run = match &meta {
            Some(meta) => {
                self.note_other_experiment(experiment, meta);
                fields(meta)?
            }
            None => self.recovered(experiment, &folder, name, &tags),
        };
        // MLflow 0.x kept the tags in the file.
        for (key, value) in meta.iter().flat_map(old_tags) {
            tags.entry(key).or_insert(value);
        }
        let (mut inputs, mut outputs) = Default::default();
        if detail == Detail::Whole {
            inputs = self.inputs(experiment, &folder, datasets, problems)?;
            outputs = self.outputs(&folder, problems)?;
        }
        let named = Some(run.name).filter(|name| !name.is_empty());
        let name = named.or_else(|| tags.get(tag::RUN_NAME).cloned()).unwrap_or_default();
        Ok(Some(Run {
            id,
            // The folder counts: a copied folder still has the old id in its file.
            experiment_id: experiment.id.clone(),
            name,
            params,
            tags,
            latest,
            datasets: inputs.datasets,
            model_inputs: inputs.models,
            model_outputs: outputs,
            ..run
        }))
    }

    /// The note is the same for all runs of a copied experiment, so it is reported once.
    fn note_other_experiment(&self, experiment: &ExperimentFolder, meta: &Meta) {
        let written = meta.optional("experiment_id").filter(|id| id != experiment.id.as_str());
        if let Some(written) = written {
            self.note(format!(
                "runs in {} name the experiment {written}: they are read as runs of experiment {}, by their folder",
                experiment.path.display(),
                experiment.id
            ));
        }
    }

    /// True for a run whose `meta.yaml` is missing, because its logger was killed at the start. Other folders without
    /// the file are no runs.
    ///
    /// # Errors
    /// When only files are left of a run.
    fn is_lost_run(&self, name: &str, path: &Path) -> Result<bool> {
        if !is_run_id(name) {
            return Ok(false);
        }
        if [PARAMS, TAGS, METRICS].iter().any(|part| self.disk.is_folder(&path.join(part))) {
            return Ok(true);
        }
        match self.disk.holds_something(&path.join(ARTIFACTS)) {
            true => Err(Error::permanent(format!(
                "it has only files: its {META} and all other parts are missing"
            ))
            .at(path.display())),
            false => Ok(false),
        }
    }

    /// What is known of a run without `meta.yaml`. Its files show when it was written.
    fn recovered(
        &self,
        experiment: &ExperimentFolder,
        folder: &Path,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Run {
        self.note(format!(
            "run {name} has no {META} ({}): it is read from its other files, as killed and with the times of these \
             files",
            folder.display()
        ));
        let (start_time, end_time) = self.file_times(folder).unzip();
        let uri = url::Url::from_file_path(folder.join(ARTIFACTS)).map(String::from);
        Run {
            status: RunStatus::Killed,
            start_time,
            end_time,
            user_id: tags.get("mlflow.user").cloned().unwrap_or_default(),
            artifact_uri: uri.unwrap_or_default(),
            lifecycle: if experiment.is_deleted { Lifecycle::Deleted } else { Lifecycle::Active },
            ..Run::default()
        }
    }

    fn latest_of_all(
        &self,
        folder: &Path,
        detail: Detail,
        problems: &mut Problems,
    ) -> Result<BTreeMap<String, Point>> {
        let metrics = self.key_files(folder)?;
        problems.extend(metrics.lost.into_iter().map(|(key, error)| (format!("{METRICS}/{key}"), error)));
        let mut all = BTreeMap::new();
        for (key, path) in metrics.files {
            let read = match detail {
                Detail::Whole => self.latest(&path)?,
                Detail::Listed => self.latest_of_end(&path)?,
            };
            match read {
                (Some(point), _) => drop(all.insert(key, point)),
                // The history reports bad lines beside good ones. A metric without any good line has no history.
                (None, bad) => {
                    let reason = if bad.is_empty() { "it is empty".to_owned() } else { bad.to_string() };
                    problems.push((format!("{METRICS}/{key}"), Error::permanent(reason).at(path.display())));
                }
            }
        }
        Ok(all)
    }

    /// The first and last time at which a part of the run was written.
    fn file_times(&self, folder: &Path) -> Option<(i64, i64)> {
        let parts =
            [PARAMS, TAGS, METRICS].map(|part| self.key_files(&folder.join(part)).unwrap_or_default());
        let files = parts.iter().flat_map(|part| &part.files).map(|(_, path)| path.as_path());
        let times: Vec<i64> = files.chain([folder]).filter_map(|path| self.disk.changed_at(path)).collect();
        Some((*times.iter().min()?, *times.iter().max()?))
    }

    /// The run with this id, in any experiment.
    pub fn find_run(&self, id: &RunId) -> Result<Option<Run>> {
        if !is_plain_id(id.as_str()) {
            return Ok(None);
        }
        for experiment in self.experiment_folders()? {
            let is_here = self.disk.is_folder(&experiment.path.join(id.as_str()));
            if !is_here || !may_be_run(id.as_str()) {
                continue;
            }
            let found = self.read_run(&experiment, id.as_str(), &mut Datasets::default(), Detail::Whole);
            if let Some(run) = found.into_iter().next() {
                return run.map(Some).map_err(Error::from);
            }
        }
        Ok(None)
    }

    /// The start time, as [`Self::read_run`] would return it. `None` for a folder that is no run.
    pub fn start_time(&self, experiment: &ExperimentFolder, name: &str) -> Option<i64> {
        let folder = experiment.path.join(name);
        match self.meta_if_any(&folder.join(META)).ok()? {
            Some(meta) => meta.integer("start_time").ok()?,
            None if is_run_id(name) => Some(self.file_times(&folder)?.0),
            None => None,
        }
    }
}

/// MLflow 3.18, `store/tracking/file_store.py`, `_read_persisted_run_info_dict`; and the fields of older releases.
fn fields(meta: &Meta) -> Result<Run> {
    if meta.is_cut() && meta.node("user_id").is_none() {
        return Err(meta.error("it is cut off"));
    }
    let name = meta.optional("run_name").filter(|name| !name.is_empty());
    Ok(Run {
        name: name.unwrap_or_else(|| meta.text("name")),
        user_id: meta.text("user_id"),
        status: status(meta)?,
        start_time: meta.integer("start_time")?,
        end_time: meta.integer("end_time")?,
        artifact_uri: meta.text("artifact_uri"),
        lifecycle: meta.lifecycle(),
        ..Run::default()
    })
}

/// A number (MLflow 3.18, `protos/service.proto`), or a word. Running if there is none.
fn status(meta: &Meta) -> Result<RunStatus> {
    let Some(text) = meta.optional("status") else { return Ok(RunStatus::Running) };
    Ok(match text.to_ascii_uppercase().as_str() {
        "1" | "RUNNING" => RunStatus::Running,
        "2" | "SCHEDULED" => RunStatus::Scheduled,
        "3" | "FINISHED" => RunStatus::Finished,
        "4" | "FAILED" => RunStatus::Failed,
        "5" | "KILLED" => RunStatus::Killed,
        _ => return Err(meta.error(format!("its status is not known: {text:?}"))),
    })
}

fn old_tags(meta: &Meta) -> Vec<(String, String)> {
    let Some(Node::List(tags)) = meta.node("tags") else { return Vec::new() };
    let text = |tag: &Node, field| tag.get(field).and_then(Node::text).map(str::to_owned);
    tags.iter().filter_map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default()))).collect()
}
