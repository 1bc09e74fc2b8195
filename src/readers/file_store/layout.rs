//! The folders of a file store (MLflow 3.18, `store/tracking/file_store.py`):
//!
//! ```text
//! <experiment>/meta.yaml  tags/  datasets/<id>/meta.yaml
//!     <run>/meta.yaml  metrics/  params/  tags/  inputs/<id>/meta.yaml  outputs/<id>/meta.yaml  artifacts/
//!     models/<logged model>/meta.yaml  metrics/  params/  tags/  artifacts/
//!     traces/<trace>/trace_info.yaml  request_metadata/  tags/  assessments/<id>.yaml  artifacts/
//! .trash/<experiment>/…                     deleted experiments
//! models/<registered model>/meta.yaml  tags/  aliases/  version-<number>/meta.yaml  version-<number>/tags/
//! ```

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::Store;
use super::disk::{Entry, EntryKind};
use crate::entities::{ExperimentId, Kind, RunId, is_plain_id};
use crate::error::{Class, Error, Result};

pub const META: &str = "meta.yaml";
pub const TRACE_INFO: &str = "trace_info.yaml";
pub const MODELS: &str = "models";
pub const TRACES: &str = "traces";
pub const ARTIFACTS: &str = "artifacts";
const TRASH: &str = ".trash";
/// Folders of an experiment that are no runs.
const RESERVED: [&str; 4] = ["tags", "datasets", TRACES, MODELS];

/// The folder of an experiment.
#[derive(Clone, Debug)]
pub struct ExperimentFolder {
    /// The name of the folder. It counts, not the id in the file.
    pub id: ExperimentId,
    pub path: PathBuf,
    /// It is in the trash.
    pub is_deleted: bool,
    /// Why the folder cannot be read.
    pub refused: Option<String>,
}

impl ExperimentFolder {
    /// The folder of a run.
    ///
    /// # Errors
    /// When the id would lead out of the experiment.
    pub fn run(&self, id: &RunId) -> Result<PathBuf> {
        self.below("", id.as_str())
    }

    /// The folder of an object in `folder`.
    pub fn below(&self, folder: &str, id: &str) -> Result<PathBuf> {
        match is_plain_id(id) {
            true => Ok(self.path.join(folder).join(id)),
            false => Err(Error::permanent(format!("{id:?} is not an id")).at(self.path.display())),
        }
    }
}

/// True when the folder is the file store of a tracking server. A folder that a server with a database uses for files
/// has no `meta.yaml`, and an export has a folder `experiments`. Repositories may lack the `meta.yaml` of experiments.
pub fn is_file_store(path: &Path) -> bool {
    let Ok(entries) = fs::read_dir(path) else { return false };
    if path.join("mlferry.json").is_file() || path.join("experiments").is_dir() {
        return false;
    }
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.into_iter().any(|name| match name.as_str() {
        TRASH => path.join(TRASH).is_dir(),
        MODELS => has_meta_below(&path.join(MODELS)),
        _ => is_number(&name) && (path.join(&name).join(META).is_file() || has_run_below(&path.join(&name))),
    })
}

fn has_run_below(experiment: &Path) -> bool {
    let is_run =
        |folder: &Path| [META, "params", "metrics", "tags"].iter().any(|part| folder.join(part).exists());
    run_folders(experiment).any(|folder| is_run(&folder))
}

/// True for a folder with the files of runs whose other data are in a database.
pub fn holds_artifacts_only(path: &Path) -> bool {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let is_experiment = |name: &std::ffi::OsStr| name.to_str().is_some_and(is_number);
    let mut experiments = entries.filter(|entry| is_experiment(&entry.file_name()));
    !is_file_store(path)
        && experiments.any(|entry| run_folders(&entry.path()).any(|run| run.join(ARTIFACTS).is_dir()))
}

fn run_folders(experiment: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(experiment).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_run_id)).map(|entry| entry.path())
}

fn has_meta_below(folder: &Path) -> bool {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    folders.into_iter().any(|entry| entry.path().join(META).is_file())
}

/// # Errors
/// When the folder is not a file store.
pub fn check(root: &Path) -> Result<()> {
    let place = root.display();
    if !root.is_dir() {
        return Err(Error::usage(format!("{place} is not a directory"))
            .hint("give the folder of the tracking server's files, usually called mlruns"));
    }
    fs::read_dir(root).map_err(|e| Error::from(e).at(place.to_string()))?;
    if is_file_store(root) {
        return Ok(());
    }
    let inner = root.join("mlruns");
    let hint = match is_file_store(&inner) {
        true => format!("give its folder {}", inner.display()),
        false => "give the folder that holds the numbered folders of the experiments, each with a meta.yaml; if the \
                  tracking server keeps its data in a database, this folder has only files of its runs"
            .to_owned(),
    };
    Err(Error::usage(format!(
        "{place} is not a file store of MLflow: no experiment or registered model is in it"
    ))
    .hint(hint))
}

pub fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for 32 hexadecimal digits, the ids of runs that every release gives.
pub fn is_run_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// True unless a folder of this name in an experiment holds other objects.
pub fn may_be_run(name: &str) -> bool {
    !RESERVED.contains(&name)
}

impl Store {
    /// The folders of all experiments, active ones first. A folder without `meta.yaml` counts if its name is a number
    /// and something is in it.
    pub fn experiment_folders(&self) -> Result<Vec<ExperimentFolder>> {
        let root = self.disk.root();
        let mut all = self.experiments_in(root, false)?;
        let trash = root.join(TRASH);
        let deleted = self.experiments_in(&trash, true).unwrap_or_else(|error| {
            // Active experiments can still be read.
            let (id, refused) = (ExperimentId::from(TRASH), Some(error.to_string()));
            vec![ExperimentFolder { id, path: trash, is_deleted: true, refused }]
        });
        for mut folder in deleted {
            if all.iter().any(|other| other.id == folder.id) {
                folder.refused = Some("an active experiment has the same id".to_owned());
            }
            all.push(folder);
        }
        Ok(all)
    }

    fn experiments_in(&self, parent: &Path, is_deleted: bool) -> Result<Vec<ExperimentFolder>> {
        let mut all = Vec::new();
        for entry in self.disk.entries(parent)? {
            if !is_number(&entry.name) && entry.path.is_file() {
                continue;
            }
            if !is_deleted && matches!(entry.name.as_str(), TRASH | MODELS) {
                continue;
            }
            // If the folder cannot be entered, reading it gives the reason.
            let meta = fs::symlink_metadata(entry.path.join(META));
            let has_meta = meta.map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |_| true);
            let refused = match (entry.kind, is_number(&entry.name)) {
                (EntryKind::Refused(reason), true) => Some(reason.to_owned()),
                (EntryKind::File, true) => Some("there is a file in place of its folder".to_owned()),
                (_, true) if has_meta || self.disk.holds_something(&entry.path) => None,
                // A copy of an experiment, which MLflow does not show either.
                (_, false) if has_meta => {
                    Some("the name of its folder is not the number of an experiment".to_owned())
                }
                _ => {
                    if self.disk.holds_something(&entry.path) {
                        self.note(format!("{} is not an experiment: it was not read", entry.path.display()));
                    }
                    continue;
                }
            };
            let id = ExperimentId::from(entry.name);
            all.push(ExperimentFolder { id, path: entry.path, is_deleted, refused });
        }
        Ok(all)
    }

    /// The folder of an experiment, active or deleted.
    pub fn experiment(&self, id: &ExperimentId) -> Result<ExperimentFolder> {
        let root = self.disk.root();
        let places = [(root.to_owned(), false), (root.join(TRASH), true)];
        let found = places.into_iter().map(|(parent, is_deleted)| (parent.join(id.as_str()), is_deleted));
        let mut found = found.filter(|(path, _)| is_plain_id(id.as_str()) && self.disk.is_folder(path));
        let (path, is_deleted) = found.next().ok_or_else(|| {
            Error::new(Class::NotFound, format!("{} has no folder of experiment {id}", root.display()))
        })?;
        Ok(ExperimentFolder { id: id.clone(), path, is_deleted, refused: None })
    }

    /// The names of the folders in a folder. If `is_id` is true for a name, other things than folders are included:
    /// Git on Windows, for example, replaces a link by a file.
    pub fn names_in(&self, folder: &Path, is_id: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let entries = self.disk.entries(folder)?;
        let is_unnamed =
            |entry: &Entry| entry.name.contains(char::REPLACEMENT_CHARACTER) && entry.path.is_dir();
        let names = entries.iter().filter(|entry| {
            (entry.kind == EntryKind::Folder || is_id(&entry.name) || is_unnamed(entry))
                && !self.is_second_name(entry, &entries)
        });
        Ok(names.map(|entry| entry.name.clone()).collect())
    }

    /// Whether an entry is a link to another one of the same folder, such as `latest`. That one is read.
    fn is_second_name(&self, entry: &Entry, all: &[Entry]) -> bool {
        if !entry.path.is_symlink() {
            return false;
        }
        let Ok(real) = entry.path.canonicalize() else { return false };
        let is_real = |other: &Entry| {
            other.kind == EntryKind::Folder
                && real.ends_with(&other.name)
                && !other.path.is_symlink()
                && other.path.canonicalize().is_ok_and(|other| other == real)
        };
        let is_second = all.iter().any(is_real);
        if is_second {
            self.note(format!(
                "{} is a link to another object of its folder: it was not read twice",
                entry.path.display()
            ));
        }
        is_second
    }

    /// The names of the folders in an experiment that may be runs.
    pub fn run_names(&self, folder: &ExperimentFolder) -> Result<Vec<String>> {
        let names = self.names_in(&folder.path, is_run_id)?;
        let names: Vec<String> = names.into_iter().filter(|name| may_be_run(name)).collect();
        for inner in names.iter().filter(|name| !is_run_id(name)).map(|name| folder.path.join(name)) {
            if !inner.join(META).exists() && has_run_below(&inner) {
                self.note(format!("{} is not a run: the runs below it were not read", inner.display()));
            }
        }
        Ok(names)
    }

    /// The files of an owner beside its metadata. `None` when they are somewhere else: MLflow creates the folder for
    /// every run, so an empty one counts only if the owner's URI means this very folder, perhaps on another machine.
    pub fn own_files(&self, kind: Kind, experiment: &ExperimentId, id: &str, uri: &str) -> Option<PathBuf> {
        let folder = self.experiment(experiment).ok()?;
        let owners = match kind {
            Kind::Run => folder.below("", id),
            Kind::LoggedModel => folder.below(MODELS, id),
            Kind::Trace => folder.below(TRACES, id),
            _ => return None,
        };
        let own = owners.ok()?.join(ARTIFACTS);
        let experiment = folder.path.parent()?;
        let tail = format!("/{}", own.strip_prefix(experiment).ok()?.to_str()?);
        let uri = uri.trim_end_matches('/');
        let means_own = uri.is_empty() || (is_local(uri) && uri.replace('\\', "/").ends_with(&tail));
        (means_own || self.disk.holds_something(&own)).then_some(own)
    }
}

/// True for a path or a `file:` URI. The drive of a Windows path looks like a scheme.
fn is_local(uri: &str) -> bool {
    uri.split_once(':').is_none_or(|(scheme, _)| scheme == "file" || scheme.len() == 1)
}
