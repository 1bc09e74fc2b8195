use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::json;
use tempfile::NamedTempFile;

use super::super::RunWriter;
use crate::archive::{ArtifactList, Layout, RunInfo, RunInputs, System};
use crate::artifacts::{Digest, local};
use crate::entities::{ExperimentId, FileEntry, MetricChunk, Run, is_safe_path};
use crate::error::{Error, Result};
use crate::rest::Opener;

/// Writes `run.json` as its histories arrive; it appears last, when the run is complete.
pub struct ArchiveRunWriter {
    layout: Layout,
    run: Run,
    path: PathBuf,
    /// Opened with the first bytes, so that runs that wait hold no file.
    file: Option<BufWriter<NamedTempFile>>,
    /// The metric whose list is open.
    metric: Option<String>,
}

impl ArchiveRunWriter {
    pub fn new(layout: Layout, experiment: &ExperimentId, run: &Run) -> Self {
        let path = layout.run_file(experiment, &run.id);
        // The run's own word on its experiment is not trusted with a path.
        let run = Run { experiment_id: experiment.clone(), ..run.clone() };
        Self { layout, run, path, file: None, metric: None }
    }

    /// Everything in front of the first metric, with three objects left open.
    fn head(&self) -> Result<Vec<u8>> {
        let system = serde_json::to_string(&System::now("export_run.py"))?;
        let body = serde_json::to_string(&json!({
            "info": RunInfo::from(&self.run),
            "params": self.run.params,
            "tags": self.run.tags,
            "inputs": RunInputs { dataset_inputs: self.run.datasets.clone() },
        }))?;
        let open = body.strip_suffix('}').unwrap_or(&body);
        Ok(format!("{{\"system\":{system},\n\"mlflow\":{open},\n\"metrics\":{{").into_bytes())
    }

    fn opened(&mut self) -> Result<&mut BufWriter<NamedTempFile>> {
        if self.file.is_none() {
            let mut file = BufWriter::with_capacity(64 * 1024, local::partial(&self.path)?);
            file.write_all(&self.head()?)?;
            self.file = Some(file);
        }
        self.file.as_mut().ok_or_else(|| Error::permanent("the run file is gone"))
    }

    fn append(&mut self, chunk: &MetricChunk) -> Result<()> {
        let (new, first) = (self.metric.as_ref() != Some(&chunk.key), self.metric.is_none());
        let file = self.opened()?;
        if new {
            let key = serde_json::to_string(&chunk.key)?;
            write!(file, "{}\n{key}:[", if first { "" } else { "]," })?;
        }
        for (index, point) in chunk.points.iter().enumerate() {
            if index > 0 || !new {
                file.write_all(b",")?;
            }
            serde_json::to_writer(&mut *file, point)?;
        }
        self.metric = Some(chunk.key.clone());
        Ok(())
    }

    fn end(&mut self) -> Result<NamedTempFile> {
        let tail: &[u8] = if self.metric.is_some() { b"]}}}\n" } else { b"}}}\n" };
        self.opened()?.write_all(tail)?;
        let file = self.file.take().ok_or_else(|| Error::permanent("the run file is gone"))?;
        file.into_inner().map_err(|e| Error::from(e.into_error()))
    }
}

#[async_trait]
impl RunWriter for ArchiveRunWriter {
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()> {
        let place = self.path.display().to_string();
        if chunk.points.is_empty() {
            return Ok(());
        }
        self.append(&chunk).map_err(|e| e.at(place))
    }

    fn has(&self, file: &FileEntry, digest: &Digest) -> bool {
        let path = self.layout.artifact(&self.run.experiment_id, &self.run.id, &file.path);
        is_safe_path(&file.path) && path.metadata().is_ok_and(|meta| meta.len() == digest.bytes)
    }

    async fn file(&self, file: &FileEntry, source: &dyn Opener) -> Result<Digest> {
        if !is_safe_path(&file.path) {
            return Err(Error::permanent(format!(
                "{:?} would be written outside of the run's folder",
                file.path
            )));
        }
        local::store(&self.layout.artifact(&self.run.experiment_id, &self.run.id, &file.path), source).await
    }

    async fn close(mut self: Box<Self>, files: Vec<FileEntry>, missing: Vec<(String, String)>) -> Result<()> {
        let place = self.path.display().to_string();
        let list = ArtifactList { files, missing: missing.into_iter().collect() };
        let list_path = self.layout.artifact_list(&self.run.experiment_id, &self.run.id);
        let work = move || -> Result<()> {
            // The incumbent takes a run without this folder for one without artifacts.
            fs::create_dir_all(self.layout.artifacts(&self.run.experiment_id, &self.run.id))?;
            let whole = self.end()?;
            local::write(&list_path, &serde_json::to_vec(&list)?)?;
            local::appear(whole, &self.path)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Error::permanent(e.to_string()))?
            .map_err(|e| e.at(place))
    }
}
