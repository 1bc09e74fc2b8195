use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::ArchiveWriter;
use crate::archive::{Layout, NotExportedFile};
use crate::entities::{ExperimentId, Kind, NotExported, RunId, is_plain_id};
use crate::error::{Class, Error, Result};
use crate::writers::IsSettled;

/// The items that this export could not read.
#[derive(Default)]
pub(super) struct NotExportedItems(Mutex<Vec<NotExported>>);

impl NotExportedItems {
    pub fn add(&self, item: NotExported) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }

    /// The runs of this experiment.
    pub fn runs_of(&self, experiment: &ExperimentId) -> Vec<RunId> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = items
            .iter()
            .filter(|item| item.kind == Kind::Run && item.experiment.as_ref() == Some(experiment));
        // Parts of runs and lists are items, too.
        let runs = runs.filter(|item| is_plain_id(&item.id) && !item.id.contains(' '));
        runs.map(|item| RunId::from(item.id.as_str())).collect()
    }

    fn take(&self) -> Vec<NotExported> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ArchiveWriter {
    /// Writes the list of items that are not in the directory. Items of an earlier export with another plan remain in
    /// the list. Returns a note if the earlier list is damaged.
    pub(super) fn write_not_exported(&self, is_settled: &IsSettled<'_>) -> Result<Option<String>> {
        let path = self.layout.not_exported();
        let read = |text: &mut dyn std::io::BufRead| {
            serde_json::from_reader(text).map_err(|e| Error::from(e).at(path.display()))
        };
        let (earlier, note) = match self.checksums.read::<NotExportedFile>(&path, read) {
            Ok(file) => (file.not_exported, None),
            Err(error) if error.class() == Class::NotFound => (Vec::new(), None),
            // Only an export of everything finds these items again.
            Err(error) => {
                let (kind, id, reason) =
                    (Kind::Experiment, Layout::NOT_EXPORTED.to_owned(), error.to_string());
                (vec![NotExported { kind, id, experiment: None, reason }], Some(error.to_string()))
            }
        };
        let mut items = self.not_exported.take();
        if items.is_empty() && earlier.is_empty() && note.is_none() {
            return Ok(None);
        }
        let key = |item: &NotExported| (item.kind, item.experiment.clone(), item.id.clone());
        let now: HashSet<_> = items.iter().map(key).collect();
        let is_open = |item: &NotExported| !is_settled(item.kind, &item.id) && !now.contains(&key(item));
        items.extend(earlier.into_iter().filter(is_open));
        items.sort_by(|a, b| (a.kind, &a.experiment, &a.id).cmp(&(b.kind, &b.experiment, &b.id)));
        let file = NotExportedFile { not_exported: items };
        self.checksums.write(&path, &serde_json::to_vec_pretty(&file)?)?;
        Ok(note)
    }
}
