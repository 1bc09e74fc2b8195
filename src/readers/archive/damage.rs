//! Damage to a directory as a whole: missing lists, and items that appear only in a list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ArchiveReader, json};
use crate::archive::{Checksums, Layout, Manifest, Wrapped};
use crate::entities::{ExperimentId, Kind, RegisteredModel, Unreadable};
use crate::error::{Class, Error, Result};

const NOT_CHECKED: &str = "it has not all checksums, as it was begun by an older mlferry or by mlflow-export-import: \
                           missing and damaged files may go unnoticed; export into a new directory to have them checked";

/// Opens the lists of a directory. Returns the items that represent damaged files of the directory itself, and notes.
pub(super) fn inspect(layout: &Layout) -> Result<(Checksums, Vec<Unreadable>, Vec<String>)> {
    let (has_list, origin) = (layout.root().join(Layout::CHECKSUMS).exists(), layout.origin());
    // The folder of a single experiment has a list, but no manifest that requires it.
    if layout.only().is_some() {
        let notes = if has_list { Vec::new() } else { vec![note(layout)] };
        return Ok((Checksums::new(layout, false), Vec::new(), notes));
    }
    let mut damaged = Vec::new();
    // The manifest defines which lists must exist: no list contains the manifest.
    let manifest: Result<Manifest> = layout.guard(&origin).and_then(|()| {
        let file = std::fs::File::open(&origin).map_err(|e| Error::from(e).at(origin.display()))?;
        json(&origin)(&mut std::io::BufReader::new(file))
    });
    let is_strict = match manifest {
        Ok(Manifest { format, .. }) if format > Layout::FORMAT => {
            return Err(Error::usage(format!("{}: format {format} is not known", origin.display()))
                .hint("it was exported by a newer mlferry: use that one"));
        }
        Ok(Manifest { format, .. }) => format >= 2,
        Err(error) if error.class() == Class::NotFound && !has_list => false,
        Err(error) => {
            damaged.push(of_directory("mlferry.json", &error));
            has_list
        }
    };
    let checksums = Checksums::new(layout, is_strict);
    if let Some(reason) = checksums.problem(layout.root()) {
        damaged.push(of_directory(Layout::CHECKSUMS, &reason));
    }
    // This program does not read these two files, but other tools do.
    if is_strict {
        for path in [layout.experiments_file(), layout.models_file()] {
            match checksums.check(&path) {
                Err(error) if error.class() != Class::NotFound => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    damaged.push(of_directory(&name, &error));
                }
                _ => {}
            }
        }
    }
    let notes = if is_strict { Vec::new() } else { vec![note(layout)] };
    Ok((checksums, damaged, notes))
}

fn note(layout: &Layout) -> String {
    format!("{}: {NOT_CHECKED}", layout.root().display())
}

/// Experiments are read first, so they represent the directory.
fn of_directory(file: &str, reason: &impl ToString) -> Unreadable {
    Unreadable { kind: Kind::Experiment, id: file.to_owned(), reason: reason.to_string() }
}

impl ArchiveReader {
    /// An item for the runs and other items that an experiment's damaged list no longer shows.
    pub(super) fn damaged_list_of(&self, experiment: &ExperimentId) -> Option<Unreadable> {
        let reason = self.checksums.problem(&self.layout.experiment(experiment))?;
        Some(Unreadable {
            kind: Kind::Run,
            id: format!("{} of experiment {experiment}", Layout::CHECKSUMS),
            reason,
        })
    }

    /// Experiments that the directory's table of contents names but that do not exist. With checksums they are already
    /// known.
    pub(super) fn experiments_without_folder(&self, there: &[String]) -> impl Iterator<Item = Unreadable> {
        let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
        let id_of = |line: &Value| line["id"].as_str().or(line["experiment_id"].as_str()).map(str::to_owned);
        self.contents(&self.layout.experiments_file(), "experiments", Kind::Experiment, &|line| {
            id_of(line).filter(|id| !there.contains(id.as_str()))
        })
    }

    /// Registered models that the table of contents names but that do not exist.
    pub(super) fn models_without_folder(&self, there: &[PathBuf]) -> impl Iterator<Item = Unreadable> {
        self.contents(&self.layout.models_file(), "models", Kind::RegisteredModel, &|line| {
            let name = line.as_str().or(line["name"].as_str())?.to_owned();
            let model = RegisteredModel { name, ..RegisteredModel::default() };
            (!there.contains(&self.layout.registered_model_file(&model))).then_some(model.name)
        })
    }

    fn contents(
        &self,
        path: &Path,
        key: &str,
        kind: Kind,
        lost: &dyn Fn(&Value) -> Option<String>,
    ) -> std::vec::IntoIter<Unreadable> {
        if self.checksums.is_strict() || self.layout.only().is_some() {
            return Vec::new().into_iter();
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let all = match self.read::<Wrapped<Value>>(path) {
            // Other tools' lists may have another form, which does not indicate a loss.
            Ok(file) => file.mlflow[key].as_array().cloned().unwrap_or_default(),
            Err(error) if error.class() == Class::NotFound => Vec::new(),
            Err(error) => return vec![Unreadable { kind, id: name, reason: error.to_string() }].into_iter(),
        };
        let reason = format!("{} names it, and its folder or the file in it is missing", path.display());
        let lost = all.iter().filter_map(lost);
        lost.map(|id| Unreadable { kind, id, reason: reason.clone() }).collect::<Vec<_>>().into_iter()
    }
}
