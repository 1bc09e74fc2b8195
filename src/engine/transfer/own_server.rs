//! Refuses a copy from a server to itself, or back to where the objects come from.

use super::Copy;
use crate::entities::Experiment;
use crate::error::{Error, Result};
use crate::readers::SourceInfo;

impl Copy {
    /// Refuses the copy when an earlier migration went from this target to this source, because it would duplicate
    /// every object. Experiments that the plan renames are not checked, because the user has renamed them on purpose.
    pub(super) async fn refuse_the_wrong_way(
        &self,
        experiments: impl Iterator<Item = &Experiment>,
    ) -> Result<()> {
        let kept: Vec<&Experiment> =
            experiments.filter(|one| self.plan.target_name(one) == one.name).collect();
        let Some(name) = self.target.origin_of(&kept).await? else { return Ok(()) };
        let (source, target) = (self.source.about().location.clone(), self.target.location());
        Err(Error::usage(format!(
            "experiment {name:?} of {source} was copied from {target}: source and target are the wrong way round"
        ))
        .hint(
            "swap --source and --target; to copy an experiment back on purpose, rename it with \
             --experiment-rename-file",
        ))
    }

    /// Refuses to write into the store that is read. A server shows a lease, but a store is read from a copy.
    pub(super) async fn refuse_own_server(&self, experiments: &[&Experiment]) -> Result<()> {
        let about = self.source.about();
        if !matches!(about.kind, "database" | "file store") || !self.target.serves(experiments).await? {
            return Ok(());
        }
        let (source, target) = (&about.location, self.target.location());
        Err(Error::usage(format!(
            "{target} serves {source}, or a copy of it: source and target are the same"
        ))
        .hint("a migration needs two servers; nothing was moved"))
    }
}

/// The error for a source and a target that are the same server. The source then shows the lease of this import.
pub(super) fn same_server(source: &SourceInfo, target: &str) -> Error {
    Error::usage(format!("source and target are the same server: {} and {target}", source.location))
        .hint("a migration needs two servers; nothing was moved")
}
