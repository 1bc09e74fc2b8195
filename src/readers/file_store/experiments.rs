//! Experiments: their `meta.yaml` and their tags.

use std::collections::BTreeMap;

use super::layout::{ExperimentFolder, META};
use super::meta::Meta;
use super::{Problems, Store, with_problems};
use crate::entities::{Experiment, Kind, Lifecycle, Readable};
use crate::error::{Class, Error, Result};

impl Store {
    /// The experiment, then its tags that cannot be read.
    pub fn read_experiment(&self, folder: &ExperimentFolder) -> Vec<Readable<Experiment>> {
        let mut problems = Problems::new();
        let mut read = || {
            if let Some(reason) = &folder.refused {
                return Err(Error::permanent(reason.as_str()).at(folder.path.display()));
            }
            let known = self.experiment_meta(folder)?;
            // Without its tags, the experiment still has its runs.
            let tags = self.part(&folder.path, "tags", &mut problems);
            let tags = tags.map_err(|error| problems.push(("tags".to_owned(), error))).unwrap_or_default();
            Ok(Some(Experiment { tags, ..known }))
        };
        let read = read();
        with_problems(Kind::Experiment, folder.id.as_str(), read, problems)
    }

    /// The fields of `meta.yaml`. When the file is missing or torn, the runs are still there: then the experiment keeps
    /// what is left of it, and gets a name that shows the loss.
    fn experiment_meta(&self, folder: &ExperimentFolder) -> Result<Experiment> {
        let path = folder.path.join(META);
        let (known, problem) = match self.meta_as_far_as_possible(&path) {
            Ok(meta) => match self.fields(folder, &meta) {
                Ok(known) => {
                    let broken = meta.broken.clone().or(meta.is_cut().then(|| "it is cut off".to_owned()));
                    (known, broken.map(|reason| meta.error(reason).to_string()))
                }
                Err(error) => (Experiment::default(), Some(error.to_string())),
            },
            // The file is missing, or its content is damaged.
            Err(error) if error.class() == Class::NotFound || error.get_code().is_none() => {
                (Experiment::default(), Some(error.to_string()))
            }
            Err(error) => return Err(error),
        };
        if let Some(reason) = &problem {
            self.note(format!("experiment {} is read without a part of its {META}: {reason}", folder.id));
        }
        let name = match known.name.is_empty() {
            true => format!("experiment {} (its name was lost)", folder.id),
            false => known.name,
        };
        let lifecycle = if folder.is_deleted { Lifecycle::Deleted } else { known.lifecycle };
        Ok(Experiment { id: folder.id.clone(), name, lifecycle, ..known })
    }

    fn fields(&self, folder: &ExperimentFolder, meta: &Meta) -> Result<Experiment> {
        let known = meta.optional("experiment_id").filter(|id| id != folder.id.as_str());
        if let Some(id) = known {
            self.note(format!(
                "{} names the experiment {id}: it is read as experiment {}, by the name of its folder",
                folder.path.join(META).display(),
                folder.id
            ));
        }
        Ok(Experiment {
            id: folder.id.clone(),
            name: meta.text("name"),
            artifact_location: meta.text("artifact_location"),
            lifecycle: meta.lifecycle(),
            creation_time: meta.integer("creation_time")?,
            last_update_time: meta.integer("last_update_time")?,
            tags: BTreeMap::new(),
        })
    }
}
