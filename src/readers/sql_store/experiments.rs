use futures::{StreamExt, TryFutureExt, stream};

use super::grouped::Grouped;
use super::select::Select;
use super::value::Row;
use super::{SqlStoreReader, ids, readable};
use crate::entities::{Experiment, Kind, Lifecycle, Readable};
use crate::error::{Error, Result};
use crate::io::Pages;

const PER_PAGE: usize = 500;
const COLUMNS: [&str; 6] =
    ["experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time"];

impl SqlStoreReader {
    pub(super) fn every_experiment(&self) -> Pages<'_, Readable<Experiment>> {
        let select = self.in_workspace(Select::from("experiments", &COLUMNS).order(&["experiment_id"]));
        let list =
            self.list((Kind::Experiment, String::new()), select, PER_PAGE, |rows| self.experiments_of(rows));
        let lost = stream::once(async { Ok(self.lost_tables().await?.into_iter().map(Err).collect()) });
        let checked = async move { self.ensure_workspace().await.map(|()| list.chain(lost)) };
        checked.try_flatten_stream().boxed()
    }

    /// A name that no workspace has would show an empty source.
    async fn ensure_workspace(&self) -> Result<()> {
        let names = self.workspaces().await?;
        match names.is_empty() || names.contains(&self.workspace) {
            true => Ok(()),
            false => Err(Error::usage(format!("the database has no workspace {:?}", self.workspace)).hint(
                format!(
                    "set MLFERRY_SOURCE_WORKSPACE to one of these: {}",
                    names.into_iter().collect::<Vec<_>>().join(", ")
                ),
            )),
        }
    }

    async fn experiments_of(&self, rows: Vec<Row>) -> Result<Vec<Readable<Experiment>>> {
        let select = Select::from("experiment_tags", &["experiment_id", "key", "value"]);
        let mut tags = Grouped::pairs(&*self.database, select, ids(&rows)).await?;
        Ok(rows.into_iter().map(|row| experiment(row, &mut tags)).collect())
    }
}

fn experiment(row: Row, all_tags: &mut Grouped<(String, String)>) -> Readable<Experiment> {
    let [id, name, artifact_location, lifecycle, creation_time, last_update_time] = row.columns();
    let read = || {
        let id = id.clone().string()?;
        Ok(Experiment {
            tags: all_tags.collect(&id)?,
            id: id.into(),
            name: name.string()?,
            artifact_location: artifact_location.string()?,
            lifecycle: lifecycle_of(&lifecycle.string()?),
            creation_time: creation_time.int()?,
            last_update_time: last_update_time.int()?,
        })
    };
    let experiment = read();
    readable(Kind::Experiment, &id, experiment)
}

/// The stage of an experiment, a run or a logged model. An absent one means active.
pub fn lifecycle_of(text: &str) -> Lifecycle {
    if text == "deleted" { Lifecycle::Deleted } else { Lifecycle::Active }
}
