use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::files::RestFiles;
use super::is_lacking;
use super::model_metric::{metric_of, of_model};
use super::refused::{Refusals, Refused, in_parts};
use super::run_log::{RunLog, Sent};
use super::run_writer::SharedParts;
use crate::entities::{
    FileEntry, Kind, Lifecycle, LoggedModel, ModelId, ModelMetric, ModelStatus, PointIdentity, RunId,
    rewrite, tag,
};
use crate::error::{Cause, Error, Result};
use crate::rest::{BatchItem, Client};
use crate::writers::{FileWriter, IdMap, ModelWriter};

/// A logged model that an earlier import made.
#[derive(Clone)]
pub struct ImportedModel {
    pub id: ModelId,
    pub status: ModelStatus,
    pub artifact_uri: String,
    /// See [`tag::LACKING`].
    pub lacking: bool,
}

impl From<LoggedModel> for ImportedModel {
    fn from(model: LoggedModel) -> Self {
        let lacking = is_lacking(&model.tags);
        Self { id: model.id, status: model.status, artifact_uri: model.artifact_uri, lacking }
    }
}

/// Writes one logged model: its files, then the data that its creation could not set, then its status.
pub struct RestModelWriter {
    client: Arc<Client>,
    id_map: Arc<dyn IdMap>,
    log: RunLog,
    refusals: Arc<Refusals>,
    id: ModelId,
    files: RestFiles,
    /// An earlier import has marked the model as incomplete.
    was_lacking: bool,
}

/// The fields that identify a model's point on one server.
type Identity<'a> = (&'a str, PointIdentity, RunId, &'a Option<String>, &'a Option<String>);

impl RestModelWriter {
    pub fn new(shared: &SharedParts, model: &LoggedModel, existing: &ImportedModel) -> Self {
        let SharedParts { uploader, log, refusals } = shared.clone();
        let (client, id_map) = (Arc::clone(&uploader.client), Arc::clone(&uploader.id_map));
        let files = RestFiles::new(uploader, (model.artifact_uri.clone(), existing.artifact_uri.clone()));
        let (id, was_lacking) = (existing.id.clone(), existing.lacking);
        Self { client, id_map, log, refusals, id, files, was_lacking }
    }

    /// Adds the missing params. The server refuses existing params, which may come from a try whose reply was lost. So
    /// the model is read again then.
    async fn add_params(&self, model: &LoggedModel, existing: &LoggedModel) -> Result<Refused> {
        let missing = model.params.iter().filter(|(key, _)| !existing.params.contains_key(*key));
        let missing: Vec<(String, String)> = self.rewritten(missing).into_iter().collect();
        let send = |part: Vec<(String, String)>| async move {
            let params: BTreeMap<String, String> = part.into_iter().collect();
            match self.client.log_logged_model_params(&self.id, &params).await {
                Err(e) if e.cause() == Some(Cause::PointExists) => {
                    let known = self.client.logged_model(&self.id).await?.params;
                    if params.keys().all(|key| known.contains_key(key)) { Ok(()) } else { Err(e) }
                }
                other => other,
            }
        };
        Ok(named("param", in_parts(missing, send).await?))
    }

    async fn add_tags(&self, model: &LoggedModel, existing: &LoggedModel) -> Result<Refused> {
        let user_tags =
            model.tags.iter().filter(|(key, _)| !tag::is_ours(key) && *key != tag::MODEL_VERSIONS);
        let mut tags = self.rewritten(user_tags);
        tags.retain(|key, value| existing.tags.get(key) != Some(value));
        let send = |part: Vec<(String, String)>| async move {
            self.client.set_logged_model_tags(&self.id, &part.into_iter().collect()).await
        };
        Ok(named("tag", in_parts(tags.into_iter().collect(), send).await?))
    }

    fn rewritten<'a>(
        &self,
        pairs: impl Iterator<Item = (&'a String, &'a String)>,
    ) -> BTreeMap<String, String> {
        let new = |key: &str, value: &str| {
            rewrite(key, value, |id| self.id_map.target_of(id)).unwrap_or_else(|| value.to_owned())
        };
        pairs.map(|(key, value)| (key.clone(), new(key, value))).collect()
    }

    /// Points are written through the runs that own the metrics.
    async fn add_points(&self, model: &LoggedModel, existing: &LoggedModel) -> Result<Refused> {
        let known: HashSet<Identity<'_>> =
            existing.metrics.iter().map(|metric| identity(metric, metric.run_id.clone())).collect();
        let (mut by_run, mut gone) = (BTreeMap::<RunId, Vec<BatchItem>>::new(), None);
        for metric in &model.metrics {
            let Some(run) = self.id_map.target_of(&metric.run_id) else {
                gone = Some(metric);
                continue;
            };
            if known.contains(&identity(metric, run.clone())) {
                continue;
            }
            let of = metric_of(&self.id, metric);
            by_run.entry(run).or_default().push(BatchItem::Metric(
                metric.key.clone(),
                metric.point,
                Some(of),
            ));
        }
        let mut refused = Refused::default();
        for (run, items) in by_run {
            refused.extend(self.log(&run, items).await?);
        }
        gone.map_or(Ok(refused), |metric| Err(not_on_target(metric)))
    }

    /// Writes points of a run. A deleted run accepts no writes, so it is restored in the meantime.
    async fn log(&self, run: &RunId, items: Vec<BatchItem>) -> Result<Refused> {
        let is_deleted = self.client.run(run).await?.lifecycle.is_deleted();
        if is_deleted {
            self.client.set_run_lifecycle(run, Lifecycle::Active).await?;
        }
        let mut sent = Sent::default();
        self.log.send(run, items, &mut sent).await?;
        if is_deleted {
            self.client.set_run_lifecycle(run, Lifecycle::Deleted).await?;
        }
        Ok(sent.refused)
    }
}

fn named(what: &str, parts: Vec<((String, String), Error)>) -> Refused {
    let mut refused = Refused::default();
    for ((key, _), error) in parts {
        refused.add(what, &key, error.to_string());
    }
    refused
}

fn identity(metric: &ModelMetric, run: RunId) -> Identity<'_> {
    (&metric.key, of_model(metric.point).identity(), run, &metric.dataset_name, &metric.dataset_digest)
}

fn not_on_target(metric: &ModelMetric) -> Error {
    Error::permanent(format!(
        "its metric {:?} belongs to the run {}, which is not on the target",
        metric.key, metric.run_id
    ))
    .hint("migrate that run, too, unless it no longer exists on the source")
}

#[async_trait]
impl ModelWriter for RestModelWriter {
    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    async fn complete(&self, model: &LoggedModel) -> Result<()> {
        let existing = self.client.logged_model(&self.id).await?;
        let mut refused = self.add_params(model, &existing).await?;
        refused.extend(self.add_tags(model, &existing).await?);
        refused.extend(self.add_points(model, &existing).await?);
        self.refusals.add(Kind::LoggedModel, model.id.as_str(), refused);
        Ok(())
    }

    async fn close(
        self: Box<Self>,
        model: &LoggedModel,
        _files: Vec<FileEntry>,
        _missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()> {
        // Written before the status, which marks the model as complete.
        if lacking != self.was_lacking {
            let mark = if lacking { "true" } else { "" };
            let tags = [(tag::LACKING.to_owned(), mark.to_owned())].into();
            self.client.set_logged_model_tags(&self.id, &tags).await?;
        }
        match model.status {
            // A model has this status since its creation.
            ModelStatus::Pending | ModelStatus::Unspecified => Ok(()),
            status => self.client.set_logged_model_status(&self.id, status).await,
        }
    }
}
