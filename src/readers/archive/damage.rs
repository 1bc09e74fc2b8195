//! Damage to a directory as a whole: missing lists, and items that appear only in a list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ArchiveReader, json};
use crate::archive::{Checksums, Layout, Manifest, Wrapped};
use crate::entities::{ExperimentId, Kind, RegisteredModel, Unreadable};
use crate::error::{Class, Error, Result};

const NOT_CHECKED: &str = "it does not have all checksums, because an older mlferry or mlflow-export-import began it: \
                           missing and damaged files may go unnoticed; export into a new directory to check them";

/// Opens the lists of a directory. Returns the checksums, the items for damaged files of the directory itself, and
/// notes.
pub(super) fn inspect(layout: &Layout) -> Result<(Checksums, Vec<Unreadable>, Vec<String>)> {
    let (has_list, origin) = (layout.root().join(Layout::CHECKSUMS).exists(), layout.origin());
    // The folder of a single experiment has a list, but no manifest that requires it.
    if layout.only().is_some() {
        let notes = if has_list { Vec::new() } else { vec![note(layout)] };
        return Ok((Checksums::new(layout, false), Vec::new(), notes));
    }
    let mut damaged = Vec::new();
    // The manifest shows which lists must exist. It is in no list itself.
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

/// The item for a damaged file of the directory itself. It counts as an experiment, because experiments are read first.
pub(super) fn of_directory(file: &str, reason: &impl ToString) -> Unreadable {
    Unreadable { kind: Kind::Experiment, id: file.to_owned(), reason: reason.to_string() }
}

impl ArchiveReader {
    /// The item for the runs and other objects that are missing from an experiment's damaged list.
    pub(super) fn damaged_list_of(&self, experiment: &ExperimentId) -> Option<Unreadable> {
        let reason = self.checksums.problem(&self.layout.experiment(experiment))?;
        Some(Unreadable {
            kind: Kind::Run,
            id: format!("{} of experiment {experiment}", Layout::CHECKSUMS),
            reason,
        })
    }

    /// Experiments without a folder that the directory's table of contents lists. With checksums, they are already
    /// known.
    pub(super) fn experiments_without_folder(&self, present: &[String]) -> impl Iterator<Item = Unreadable> {
        let present: BTreeSet<&str> = present.iter().map(String::as_str).collect();
        let id_of = |line: &Value| line["id"].as_str().or(line["experiment_id"].as_str()).map(str::to_owned);
        self.contents(&self.layout.experiments_file(), "experiments", Kind::Experiment, &|line| {
            id_of(line).filter(|id| !present.contains(id.as_str()))
        })
    }

    /// Registered models without a folder that the table of contents lists.
    pub(super) fn models_without_folder(&self, present: &[PathBuf]) -> impl Iterator<Item = Unreadable> {
        self.contents(&self.layout.models_file(), "models", Kind::RegisteredModel, &|line| {
            let name = line.as_str().or(line["name"].as_str())?.to_owned();
            let model = RegisteredModel { name, ..RegisteredModel::default() };
            (!present.contains(&self.layout.registered_model_file(&model))).then_some(model.name)
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
            // The lists of other tools may have another form, which does not indicate a loss.
            Ok(file) => file.mlflow[key].as_array().cloned().unwrap_or_default(),
            Err(error) if error.class() == Class::NotFound => Vec::new(),
            Err(error) => return vec![Unreadable { kind, id: name, reason: error.to_string() }].into_iter(),
        };
        let reason = format!("{} lists it, but its folder or the file in it is missing", path.display());
        let lost = all.iter().filter_map(lost);
        lost.map(|id| Unreadable { kind, id, reason: reason.clone() }).collect::<Vec<_>>().into_iter()
    }
}
