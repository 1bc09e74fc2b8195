//! Items that the export could not read.

use std::collections::HashSet;

use super::{ArchiveReader, json};
use crate::archive::{Checksums, ExperimentInfo, Layout, NotExportedFile};
use crate::entities::{Experiment, ExperimentId, Kind, NotExported, Readable, Run, RunId, Unreadable};
use crate::error::{Class, Result};

/// The end of the id of an item that is in the directory, but not completely.
pub(super) const INCOMPLETE: &str = "/not exported";

/// Reads the list of the directory. Without a list, nothing is missing.
pub(super) fn read(layout: &Layout, checksums: &Checksums) -> Result<Vec<NotExported>> {
    let path = layout.not_exported();
    match checksums.read::<NotExportedFile>(&path, json(&path)) {
        Ok(file) => Ok(file.not_exported),
        Err(error) if error.class() == Class::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl ArchiveReader {
    /// The listed items of these kinds, in this experiment or outside of experiments. An item that is in the directory,
    /// but not completely, gets an id of its own.
    pub(super) fn listed_as_not_exported<'a>(
        &'a self,
        kinds: &'a [Kind],
        experiment: Option<&'a ExperimentId>,
        is_there: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = Unreadable> + 'a {
        let of =
            move |item: &&NotExported| kinds.contains(&item.kind) && item.experiment.as_ref() == experiment;
        self.not_exported.iter().filter(of).map(move |item| match is_there(&item.id) {
            true => Unreadable { id: format!("{}{INCOMPLETE}", item.id), ..Unreadable::from(item) },
            false => Unreadable::from(item),
        })
    }

    /// Experiments that were not exported, and lists of the whole source that could not be read.
    pub(super) fn experiments_not_exported(&self, present: &[String]) -> Vec<Readable<Experiment>> {
        let kinds = [Kind::Experiment, Kind::Run, Kind::LoggedModel, Kind::Trace, Kind::Scorer];
        let listed = self.listed_as_not_exported(&kinds, None, |_| false);
        // A present experiment reports it with its runs.
        listed.filter(|item| item.kind != Kind::Experiment || !present.contains(&item.id)).map(Err).collect()
    }

    /// Runs that the export, or another tool, lists as not exported, and an item for runs that a damaged list lacks.
    pub(super) fn lost_runs(
        &self,
        experiment: &ExperimentId,
        runs: &[RunId],
        info: ExperimentInfo,
    ) -> Vec<Readable<Run>> {
        let present: HashSet<&str> = runs.iter().map(RunId::as_str).collect();
        let is_there = |run: &str| present.contains(run);
        let mut lost: Vec<Unreadable> =
            self.listed_as_not_exported(&[Kind::Run], Some(experiment), is_there).collect();
        let whole = self.listed_as_not_exported(&[Kind::Experiment], None, |_| false);
        lost.extend(whole.filter(|item| item.id == experiment.as_str()).map(|item| Unreadable {
            kind: Kind::Run,
            id: format!("other runs of experiment {experiment}"),
            ..item
        }));
        let known: HashSet<&str> =
            lost.iter().map(|item| item.id.strip_suffix(INCOMPLETE).unwrap_or(&item.id)).collect();
        let is_new = |run: &RunId| !known.contains(run.as_str()) && !present.contains(run.as_str());
        let reason = "it is in the export's list of failed runs";
        let of_list =
            |run: RunId| Unreadable { kind: Kind::Run, id: run.to_string(), reason: reason.to_owned() };
        let more: Vec<_> = info.failed_runs.into_iter().filter(is_new).map(of_list).collect();
        lost.into_iter().chain(more).chain(self.damaged_list_of(experiment)).map(Err).collect()
    }
}
