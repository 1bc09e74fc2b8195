use std::sync::PoisonError;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Copy;
use super::version_order::VersionDependencies;
use crate::engine::selection::choose::ChosenModel;
use crate::entities::{Kind, ModelVersion, RegisteredModel};
use crate::error::{Error, Result};
use crate::plan::Subset;
use crate::writers::{Existing, TargetModel};

/// The maximum number of models that are moved concurrently. The versions of one model are written strictly in order.
const MAX_CONCURRENT_MODELS: usize = 4;

/// The result of moving a version.
enum Ended {
    There,
    /// The version was refused permanently. The next version is still written, and this number stays unused.
    Refused,
    /// The version failed, but a later job may still create it. The versions after it must wait, because they would
    /// take its number.
    ForNow(Error),
}

/// Decides which model may write next.
struct RegistryOrder {
    dependencies: VersionDependencies,
    permits: Semaphore,
}

impl Copy {
    /// Moves registered models and prompts. Returns notes for the user.
    pub(super) async fn registry(&self, models: Vec<ChosenModel>) -> Result<Vec<String>> {
        for ChosenModel { model, .. } in &models {
            self.journal.plan(model.kind(), [model.name.as_str()])?;
            self.context.plan(model.kind(), 1).await;
        }
        let order = RegistryOrder {
            dependencies: VersionDependencies::of(models.iter().map(|chosen| &chosen.model)),
            permits: Semaphore::new(MAX_CONCURRENT_MODELS),
        };
        let all = models.iter().map(|chosen| {
            let order = &order;
            async move {
                let result = self.model(chosen, order).await;
                order.dependencies.left(&chosen.model);
                result
            }
            .boxed()
        });
        // All models start at once, so that a waiting model cannot prevent the start of the model that it waits for.
        let mut all: FuturesUnordered<_> = all.collect();
        let mut notes = Vec::new();
        while let Some(result) = all.next().await {
            notes.extend(result?);
        }
        Ok(notes)
    }

    /// Moves one model with its versions. Returns an error only if the error ends the whole job.
    async fn model(&self, chosen: &ChosenModel, order: &RegistryOrder) -> Result<Vec<String>> {
        let model = &chosen.model;
        let (kind, name) = (model.kind(), model.name.as_str());
        let permit = order.permits.acquire().await.map_err(|_| Error::stopped())?;
        if !self.context.may_go_on().await {
            return Ok(Vec::new());
        }
        self.context.started(kind, name, name).await;
        let moved = match chosen.versions(self.source.as_ref()).await {
            Err(error) => Err(error.at("its versions cannot be read")),
            Ok(versions) => self.versions(chosen, versions, order, permit).await?,
        };
        match moved {
            Err(error) => {
                self.fail(kind, (name, name), None, &error).await?;
                Ok(Vec::new())
            }
            // The job was stopped before the model was complete.
            Ok(None) => Ok(Vec::new()),
            Ok(Some((target_name, notes))) => {
                if let Some(refused) = self.target.refused(kind, name) {
                    self.fail(kind, (name, name), None, &refused).await?;
                    return Ok(notes);
                }
                self.journal.done(kind, name, Some(&target_name), None)?;
                self.context.done(kind, name, name).await;
                Ok(notes)
            }
        }
    }

    /// Moves the versions of a model. The inner error concerns this model only. Returns the model's name on the target,
    /// or `None` if the job was stopped before the end.
    async fn versions<'a>(
        &self,
        ChosenModel { model, versions: wanted, .. }: &ChosenModel,
        versions: Vec<ModelVersion>,
        order: &'a RegistryOrder,
        mut permit: SemaphorePermit<'a>,
    ) -> Result<Result<Option<(String, Vec<String>)>>> {
        let kind = model.version_kind();
        order.dependencies.known(model, &versions);
        let labels: Vec<String> = versions.iter().map(ModelVersion::label).collect();
        self.journal.plan(kind, labels.iter().map(String::as_str))?;
        self.context.plan(kind, versions.len()).await;
        let (name, appends) = (self.plan.target_model_name(model), self.plan.append_versions);
        let mut at = match self.target.open_registered_model(model, name, appends).await {
            Ok(at) => at,
            Err(error) => {
                let reason = error.clone().at(format!("its {} was not moved", model.kind().words().0));
                for version in &versions {
                    self.fail_version(version, model, &reason).await?;
                }
                return Ok(Err(error));
            }
        };
        let (mut present, mut waits, planned) = (Vec::new(), None, versions.len());
        for version in versions {
            if !order.dependencies.is_ready(&version) {
                drop(permit);
                order.dependencies.ready(&version).await;
                permit = order.permits.acquire().await.map_err(|_| Error::stopped())?;
            }
            if !self.context.may_go_on().await {
                return Ok(Ok(None));
            }
            if let Some(reason) = &waits {
                self.fail_version(&version, model, reason).await?;
                order.dependencies.mark_finished(&version);
                continue;
            }
            let ended = self.version(&mut at, model, &version).await?;
            order.dependencies.mark_finished(&version);
            match ended {
                Ended::There => present.push(version),
                Ended::ForNow(error) => {
                    waits = Some(error.at(format!("it must wait for {}, which failed", version.label())));
                }
                Ended::Refused => {}
            }
        }
        let name = at.name.clone();
        at.is_whole = *wanted == Subset::All && present.len() == planned;
        let new_numbers =
            at.numbers.describe().map(|words| format!("{} {name:?}: {words}", model.kind().words().0));
        let closed = self.target.close_registered_model(at, model, &present).await;
        Ok(closed.map(|notes| Some((name, new_numbers.into_iter().chain(notes).collect()))))
    }

    async fn version(
        &self,
        at: &mut TargetModel,
        model: &RegisteredModel,
        version: &ModelVersion,
    ) -> Result<Ended> {
        let (kind, label) = (model.version_kind(), version.label());
        // A version that exists on the target already has its references, so it does not wait for other objects.
        let is_there = at.has(version);
        let written = match self.version_to_wait_for(version).filter(|_| !is_there) {
            Some(error) => Err(error),
            None => self.target.write_version(at, version).await,
        };
        match written {
            Err(error) => {
                self.fail_version(version, model, &error).await?;
                if !error.is_final() {
                    return Ok(Ended::ForNow(error));
                }
                self.refused_versions.lock().unwrap_or_else(PoisonError::into_inner).insert(label);
                return Ok(Ended::Refused);
            }
            Ok(found) => {
                // The kind is the same for a version of a prompt, because it is written through the same routes.
                if let Some(refused) = self.target.refused(Kind::ModelVersion, &label) {
                    self.fail_version(version, model, &refused).await?;
                    return Ok(Ended::There);
                }
                let number = at.numbers.number(version.version);
                let target = format!("{}/{number}", at.name);
                self.journal.done(kind, &label, Some(&target), None)?;
                if number != version.version {
                    let mut renumbered = self.renumbered.lock().unwrap_or_else(PoisonError::into_inner);
                    renumbered.insert(label.clone(), target);
                }
                match found {
                    Existing::Everything => self.context.skipped(kind, &label, &label, "already there").await,
                    Existing::Nothing | Existing::Partial => self.context.done(kind, &label, &label).await,
                }
            }
        }
        Ok(Ended::There)
    }

    async fn fail_version(
        &self,
        version: &ModelVersion,
        model: &RegisteredModel,
        error: &Error,
    ) -> Result<()> {
        let (kind, label) = (model.version_kind(), version.label());
        self.fail(kind, (&label, &label), None, error).await
    }
}
