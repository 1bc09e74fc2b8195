//! Writes runs and files.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use futures::TryStreamExt;

use super::Shared;
use crate::artifacts::{Digest, Hashed};
use crate::entities::{
    FileEntry, Lifecycle, MetricChunk, ModelId, ModelMetric, Run, RunId, RunStatus, ids_in, is_mlmodel,
    names_model, tag, with_new_ids,
};
use crate::error::Result;
use crate::io::ByteSource;
use crate::memory::NewRun;
use crate::writers::{Existing, FileWriter, OpenRun, RunWriter, TargetExperiment};

/// Finds the run by its tag, or creates it. The end state is written last and shows that the run is complete.
pub(super) fn open(
    shared: &Arc<Shared>,
    place: &TargetExperiment,
    run: &Run,
    again: bool,
) -> Result<OpenRun> {
    let existing = {
        let data = shared.data();
        let mut here = data.runs.values().map(|stored| &stored.run);
        here.find(|known| {
            known.experiment_id == place.id
                && known.tags.get(tag::SOURCE_RUN_ID).is_some_and(|id| id == run.id.as_str())
        })
        .cloned()
    };
    let (target, found) = match existing {
        None => (shared.make_run(place, run)?, Existing::Nothing),
        Some(existing) => {
            let deleted = existing.lifecycle.is_deleted();
            let ended = deleted || (existing.status != RunStatus::Running && !run.lifecycle.is_deleted());
            let whole = ended && !existing.tags.contains_key(tag::LACKING);
            (existing, if whole && !again { Existing::Everything } else { Existing::Partial })
        }
    };
    shared.id_map.opened(&run.id, &target.id)?;
    if found != Existing::Everything {
        shared.data().set_run_lifecycle(&target.id, Lifecycle::Active)?;
        shared.write_fields(run, &target.id)?;
    }
    let files = Files::new(shared, (&run.artifact_uri, &target.artifact_uri));
    let (id, run) = (target.id.clone(), run.clone());
    let deleted_with_experiment = place.to_be_deleted;
    let writer = MemoryRunWriter {
        shared: Arc::clone(shared),
        run,
        id,
        files,
        of_models: Vec::new(),
        deleted_with_experiment,
    };
    Ok(OpenRun { id: target.id, found, writer: Box::new(writer) })
}

impl Shared {
    fn make_run(&self, place: &TargetExperiment, run: &Run) -> Result<Run> {
        let user_tags = run.tags.iter().filter(|(key, _)| !tag::is_ours(key));
        let mut tags: BTreeMap<String, String> =
            user_tags.map(|(key, value)| (key.clone(), self.rewritten(key, value))).collect();
        tags.insert(tag::SOURCE_RUN_ID.to_owned(), run.id.to_string());
        let new = NewRun {
            experiment: place.id.clone(),
            name: run.name.clone(),
            user: run.user_id.clone(),
            start_time: run.start_time,
            tags,
        };
        let mut data = self.data();
        let id = data.create_run(new)?;
        Ok(data.active_run(&id)?.run.clone())
    }

    /// Writes the params that name no logged model, and the tags.
    fn write_fields(&self, run: &Run, target: &RunId) -> Result<()> {
        let params = run.params.iter().filter(|(_, value)| !names_model(value));
        let params = params.map(|(key, value)| (key.clone(), self.rewritten(key, value))).collect();
        self.data().log_params(target, &params)?;
        for (key, value) in run.tags.iter().filter(|(key, _)| !tag::is_ours(key)) {
            if ids_in(key, value).iter().any(|id| self.id_map.target_of(&RunId::from(*id)).is_none()) {
                self.store_reference(target.as_str(), key, value)?;
            }
            let value = self.rewritten(key, value);
            self.data().active_run(target)?.run.tags.insert(key.clone(), value);
        }
        Ok(())
    }
}

struct MemoryRunWriter {
    shared: Arc<Shared>,
    run: Run,
    id: RunId,
    files: Files,
    of_models: Vec<(ModelId, ModelMetric)>,
    deleted_with_experiment: bool,
}

#[async_trait]
impl RunWriter for MemoryRunWriter {
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()> {
        self.shared.data().log_metrics(&self.id, &chunk.key, &chunk.points)?;
        for (model, metric) in &self.of_models {
            let is_here = chunk.points.iter().any(|point| point.identity() == metric.point.identity());
            // A model that does not exist yet gets the point later, when it is completed.
            if let Some(model) =
                self.shared.id_map.model_of(model).filter(|_| is_here && metric.key == chunk.key)
            {
                let metric = ModelMetric { run_id: self.id.clone(), ..metric.clone() };
                self.shared.data().log_model_metric(&model, &metric)?;
            }
        }
        Ok(())
    }

    fn model_metrics(&mut self, metrics: &[(ModelId, ModelMetric)]) {
        self.of_models = metrics.to_vec();
    }

    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    async fn close(
        self: Box<Self>,
        _files: Vec<FileEntry>,
        _missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()> {
        let mut data = self.shared.data();
        super::mark(&mut data.active_run(&self.id)?.run.tags, lacking);
        data.log_datasets(&self.id, &self.run.datasets)?;
        data.update_run(&self.id, self.run.status, self.run.end_time)?;
        if self.run.lifecycle.is_deleted() && !self.deleted_with_experiment {
            data.set_run_lifecycle(&self.id, Lifecycle::Deleted)?;
        }
        Ok(())
    }
}

/// The files below one root.
pub(super) struct Files {
    shared: Arc<Shared>,
    /// The roots on the source and on the target.
    roots: (String, String),
}

impl Files {
    pub fn new(shared: &Arc<Shared>, roots: (&str, &str)) -> Self {
        Self { shared: Arc::clone(shared), roots: (roots.0.to_owned(), roots.1.to_owned()) }
    }
}

#[async_trait]
impl FileWriter for Files {
    async fn has(&self, file: &FileEntry, _digest: &Digest, looks: bool) -> Result<bool> {
        let data = self.shared.data();
        Ok(!looks || data.files.get(&self.roots.1).is_some_and(|files| files.contains_key(&file.path)))
    }

    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest> {
        let hashed = Hashed::new(source);
        let mut bytes: BytesMut = hashed.open().await?.try_collect().await?;
        if is_mlmodel(&file.path, file.size) {
            let roots = (self.roots.0.as_str(), self.roots.1.as_str());
            let new = with_new_ids(&bytes, roots, |id| self.shared.id_map.target_of(id));
            bytes = new.as_slice().into();
        }
        self.shared.data().put_file(&self.roots.1, &file.path, bytes.freeze());
        hashed.digest()
    }
}
