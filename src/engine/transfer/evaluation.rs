//! Evaluation datasets and scorers.

use futures::{StreamExt, TryStreamExt, stream};

use super::Copy;
use crate::entities::{EvaluationDataset, Experiment, Kind};
use crate::error::{Error, Result};
use crate::writers::Existing;

/// The maximum number of datasets or experiments that are moved concurrently.
const MAX_CONCURRENT_DATASETS: usize = 4;

impl Copy {
    pub(super) async fn datasets(&self, datasets: Vec<EvaluationDataset>) -> Result<()> {
        self.journal.plan(Kind::EvaluationDataset, datasets.iter().map(|dataset| dataset.id.as_str()))?;
        self.context.plan(Kind::EvaluationDataset, datasets.len()).await;
        let all = stream::iter(datasets).map(Ok::<_, Error>);
        all.try_for_each_concurrent(
            MAX_CONCURRENT_DATASETS,
            |dataset| async move { self.dataset(&dataset).await },
        )
        .await
    }

    async fn dataset(&self, dataset: &EvaluationDataset) -> Result<()> {
        if !self.context.may_go_on().await {
            return Ok(());
        }
        let (kind, id, name) = (Kind::EvaluationDataset, dataset.id.as_str(), dataset.name.as_str());
        self.context.started(kind, id, name).await;
        match self.write_dataset(dataset).await {
            Err(error) => {
                self.fail(kind, (id, name), None, &error).await?;
            }
            // The job was stopped before the dataset was complete.
            Ok(None) => {}
            Ok(Some((target, found))) => {
                self.journal.done(kind, id, Some(&target), None)?;
                if let Some(refused) = self.target.refused(kind, id) {
                    self.fail(kind, (id, name), None, &refused).await?;
                    return Ok(());
                }
                match found {
                    Existing::Everything => self.context.skipped(kind, id, name, "already there").await,
                    Existing::Nothing | Existing::Partial => self.context.done(kind, id, name).await,
                }
            }
        }
        Ok(())
    }

    /// Returns the target's id, or `None` if the job was stopped before the end.
    async fn write_dataset(&self, dataset: &EvaluationDataset) -> Result<Option<(String, Existing)>> {
        let open = self.target.open_dataset(dataset).await?;
        if open.found == Existing::Everything {
            return Ok(Some((open.id, open.found)));
        }
        let mut writer = open.writer;
        let mut pages = self.source.records(dataset);
        while let Some(page) = pages.try_next().await? {
            if !self.context.may_go_on().await {
                return Ok(None);
            }
            writer.records(page).await?;
        }
        writer.close(dataset).await?;
        Ok(Some((open.id, open.found)))
    }

    pub(super) async fn scorers(&self, experiments: &[Experiment]) -> Result<()> {
        let all = stream::iter(experiments).map(Ok::<_, Error>);
        all.try_for_each_concurrent(MAX_CONCURRENT_DATASETS, |experiment| self.scorers_of(experiment)).await
    }

    async fn scorers_of(&self, experiment: &Experiment) -> Result<()> {
        if !self.context.may_go_on().await {
            return Ok(());
        }
        let kind = Kind::Scorer;
        let scorers = match self.source.scorers(experiment).await {
            Ok(scorers) => scorers,
            Err(error) => {
                let error = error.at("its scorers cannot be read");
                self.fail_list(kind, experiment.id.as_str(), experiment, &error).await;
                return Ok(());
            }
        };
        if scorers.is_empty() {
            return Ok(());
        }
        self.context.plan(kind, scorers.len()).await;
        let written = self.target.write_scorers(&experiment.id, &scorers).await;
        let results = written.unwrap_or_else(|error| scorers.iter().map(|_| Err(error.clone())).collect());
        for (scorer, result) in scorers.iter().zip(results) {
            let (id, name) = (format!("{}/{}", experiment.id, scorer.label()), scorer.label());
            self.journal.plan(kind, [id.as_str()])?;
            match result {
                Ok(found) => {
                    self.journal.done(kind, &id, None, None)?;
                    match found {
                        Existing::Everything => self.context.skipped(kind, &id, &name, "already there").await,
                        Existing::Nothing | Existing::Partial => self.context.done(kind, &id, &name).await,
                    }
                }
                Err(error) => {
                    self.fail(kind, (&id, &name), Some(&experiment.id), &error).await?;
                }
            }
        }
        Ok(())
    }
}
