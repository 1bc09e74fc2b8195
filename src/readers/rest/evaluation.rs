use futures::{StreamExt, TryStreamExt, stream};

use super::RestReader;
use crate::entities::{EvaluationDataset, Experiment, Kind, Readable, Scorer, Unreadable};
use crate::error::Result;
use crate::io::Pages;

/// The most datasets or scorers that are requested at the same time.
const MAX_CONCURRENT_REQUESTS: usize = 8;

impl RestReader {
    pub(super) fn datasets(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        let list = self.client.evaluation_datasets();
        let list = self.to_its_end(Kind::EvaluationDataset, String::new(), list);
        list.and_then(move |page| self.with_experiments(page)).boxed()
    }

    async fn with_experiments(
        &self,
        page: Vec<Readable<EvaluationDataset>>,
    ) -> Result<Vec<Readable<EvaluationDataset>>> {
        let asked = page.into_iter().map(|dataset| async move {
            let dataset = match dataset {
                Ok(dataset) => dataset,
                Err(unreadable) => return Ok(Err(unreadable)),
            };
            match self.client.dataset_experiments(&dataset.id).await {
                Ok(experiment_ids) => Ok(Ok(EvaluationDataset { experiment_ids, ..dataset })),
                Err(error) if self.fails_every_request(&error).await => Err(error),
                Err(error) => {
                    let reason = format!("its experiments ({}): {error}", dataset.name);
                    Ok(Err(Unreadable { kind: Kind::EvaluationDataset, id: dataset.id, reason }))
                }
            }
        });
        stream::iter(asked).buffered(MAX_CONCURRENT_REQUESTS).try_collect().await
    }

    /// Every version of every scorer. The list of latest versions is sufficient if each of them is the first version.
    pub(super) async fn every_scorer(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        if experiment.lifecycle.is_deleted() {
            return Ok(Vec::new());
        }
        let latest = match self.all_latest_scorers().await? {
            Some(all) => all.iter().filter(|one| one.experiment_id == experiment.id).cloned().collect(),
            None => self.client.scorers(Some(&experiment.id)).await?,
        };
        let versions = latest.into_iter().map(|latest| async move {
            match latest.version {
                1 => Ok(vec![latest]),
                _ => self.client.scorer_versions(&experiment.id, &latest.name).await,
            }
        });
        let versions: Vec<Vec<Scorer>> =
            stream::iter(versions).buffered(MAX_CONCURRENT_REQUESTS).try_collect().await?;
        Ok(versions.into_iter().flatten().collect())
    }

    /// The scorers of all experiments, if the server has one list of them.
    async fn all_latest_scorers(&self) -> Result<Option<&[Scorer]>> {
        let ask = || async {
            match self.client.scorers(None).await {
                Ok(all) => Ok(Some(all)),
                Err(e) if self.fails_every_request(&e).await => Err(e),
                // Then each experiment is asked, and returns its own error.
                Err(_) => Ok(None),
            }
        };
        Ok(self.scorers.get_or_try_init(ask).await?.as_deref())
    }
}
