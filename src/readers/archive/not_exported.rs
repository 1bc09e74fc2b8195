//! Items that the export could not read.

use std::collections::HashSet;

use super::{ArchiveReader, json};
use crate::archive::{Checksums, ExperimentInfo, Layout, NotExportedFile};
use crate::entities::{Experiment, ExperimentId, Kind, NotExported, Owner, Readable, Run, RunId, Unreadable};
use crate::error::{Class, Result};

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
    /// The listed items of these kinds, in this experiment or outside of experiments.
    pub(super) fn listed_as_not_exported<'a>(
        &'a self,
        kinds: &'a [Kind],
        experiment: Option<&'a ExperimentId>,
    ) -> impl Iterator<Item = Unreadable> + 'a {
        let of =
            move |item: &&NotExported| kinds.contains(&item.kind) && item.experiment.as_ref() == experiment;
        self.not_exported.values().filter(of).map(Unreadable::from)
    }

    /// The item for a run or a logged model that is in the directory, but not completely.
    pub(super) fn not_whole(&self, owner: Owner<'_>) -> Option<Unreadable> {
        self.not_exported.get(&(owner.kind, owner.id.to_owned())).map(Unreadable::from)
    }

    /// Experiments that were not exported.
    pub(super) fn experiments_not_exported(
        &self,
        present: &[String],
    ) -> impl Iterator<Item = Readable<Experiment>> {
        let listed = self.listed_as_not_exported(&[Kind::Experiment], None);
        listed.filter(|item| !present.contains(&item.id)).map(Err)
    }

    /// Runs that the export, or another tool, lists as not exported, and an item for runs that a damaged list lacks.
    pub(super) fn lost_runs(
        &self,
        experiment: &ExperimentId,
        runs: &[RunId],
        info: ExperimentInfo,
    ) -> Vec<Readable<Run>> {
        let present: HashSet<&str> = runs.iter().map(RunId::as_str).collect();
        let listed = self.listed_as_not_exported(&[Kind::Run], Some(experiment));
        let listed: Vec<Unreadable> = listed.filter(|run| !present.contains(run.id.as_str())).collect();
        let is_known =
            |run: &RunId| present.contains(run.as_str()) || listed.iter().any(|one| one.id == run.as_str());
        let reason = "it is in the export's list of failed runs";
        let lost =
            |run: RunId| Unreadable { kind: Kind::Run, id: run.to_string(), reason: reason.to_owned() };
        let of_others: Vec<_> = info.failed_runs.into_iter().filter(|run| !is_known(run)).map(lost).collect();
        listed.into_iter().chain(of_others).chain(self.damaged_list_of(experiment)).map(Err).collect()
    }
}
