//! Items that could not be moved.

use super::Copy;
use crate::entities::{Experiment, ExperimentId, Kind, NotExported, Unreadable};
use crate::error::{Error, Result};

impl Copy {
    /// Reports an item, given by its id and its name, as failed. `experiment` is the experiment that it belongs to.
    pub(super) async fn fail(
        &self,
        kind: Kind,
        (id, name): (&str, &str),
        experiment: Option<&ExperimentId>,
        error: &Error,
    ) -> Result<()> {
        self.record(kind, id, experiment, error);
        self.context.fails(&self.journal, kind, id, name, error).await
    }

    /// The same for an item that has no line in the journal, such as a list that cannot be read.
    pub(super) async fn fail_list(&self, kind: Kind, id: &str, experiment: &Experiment, error: &Error) {
        self.record(kind, id, Some(&experiment.id), error);
        self.context.plan(kind, 1).await;
        self.context.failed(kind, id, &experiment.name, error).await;
    }

    /// Reports an item as failed together with its experiment. The record of the experiment is enough.
    pub(super) async fn fail_item_of(
        &self,
        experiment: &Experiment,
        kind: Kind,
        item: (&str, &str),
        error: &Error,
    ) -> Result<()> {
        self.context.fails_with_experiment(&self.journal, kind, item, &experiment.name, error).await
    }

    pub(super) async fn report_unreadable(
        &self,
        unreadable: impl Iterator<Item = Unreadable>,
        experiment: Option<&ExperimentId>,
    ) -> Result<()> {
        for Unreadable { kind, id, reason } in unreadable {
            self.fail(kind, (&id, &id), experiment, &Error::permanent(reason)).await?;
        }
        Ok(())
    }

    fn record(&self, kind: Kind, id: &str, experiment: Option<&ExperimentId>, error: &Error) {
        // The owner of a file has a list of the missing files.
        if kind != Kind::Artifact {
            let (id, reason) = (id.to_owned(), error.to_string());
            self.target.not_moved(NotExported { kind, id, experiment: experiment.cloned(), reason });
        }
    }
}
