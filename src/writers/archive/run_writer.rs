use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tempfile::NamedTempFile;

use super::files::ArchiveFiles;
use crate::archive::{Checksums, Hashing, Layout, RunInfo, RunInputs, RunOutputs, Sum, System};
use crate::artifacts::local;
use crate::entities::{ExperimentId, FileEntry, Kind, MetricChunk, ModelId, ModelMetric, Run};
use crate::error::{Error, Result};
use crate::io::in_thread;
use crate::writers::{FileWriter, RunWriter};

/// Writes `run.json` while its histories arrive. The file appears last, when the run is complete.
pub struct ArchiveRunWriter {
    checksums: Arc<Checksums>,
    files: ArchiveFiles,
    run: Run,
    /// The fingerprint of the run at the source.
    mark: String,
    path: PathBuf,
    /// Begun with the first points, so that a waiting run needs no memory.
    file: Option<BufWriter<Hashing<LateFile>>>,
    /// The metric whose list is open.
    metric: Option<String>,
}

/// The key of the fingerprint, in the first line of a run file.
const MARK: &str = "mlferry_fingerprint";
/// The first line contains six short values.
const MAX_LINE_LENGTH: u64 = 4_096;

/// The fingerprint in the file of a run. `None` in a file of an older release.
pub fn mark_of(path: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(File::open(path).ok()?.take(MAX_LINE_LENGTH)).read_line(&mut line).ok()?;
    let system = line.trim_end().strip_prefix("{\"system\":")?.strip_suffix(',')?;
    let system: serde_json::Value = serde_json::from_str(system).ok()?;
    system.get(MARK)?.as_str().map(str::to_owned)
}

/// Values that JSON cannot represent as a number.
const NON_FINITE: [&str; 3] = ["NaN", "-Infinity", "Infinity"];

impl ArchiveRunWriter {
    pub fn new(
        layout: &Layout,
        checksums: &Arc<Checksums>,
        experiment: &ExperimentId,
        run: &Run,
        mark: String,
    ) -> Self {
        let path = layout.run_file(experiment, &run.id);
        // The run's own experiment id is not trusted as a path.
        let run = Run { experiment_id: experiment.clone(), ..run.clone() };
        let folder = layout.owner(Kind::Run, experiment, run.id.as_str());
        let files = ArchiveFiles::new(layout, checksums, folder);
        Self { checksums: Arc::clone(checksums), files, run, mark, path, file: None, metric: None }
    }

    /// The file before its first metric, with three objects left open.
    fn head(&self) -> Result<Vec<u8>> {
        let mut system = serde_json::to_value(System::now("export_run.py"))?;
        // A key of this program, which mlflow-export-import ignores.
        system[MARK] = self.mark.as_str().into();
        let body = serde_json::to_string(&json!({
            "info": RunInfo::from(&self.run),
            "params": self.run.params,
            "tags": self.run.tags,
            "inputs": RunInputs::from(&self.run),
            "outputs": RunOutputs { model_outputs: self.run.model_outputs.clone() },
        }))?;
        let open = body.strip_suffix('}').unwrap_or(&body);
        Ok(format!("{{\"system\":{system},\n\"mlflow\":{open},\n\"metrics\":{{").into_bytes())
    }

    fn opened(&mut self) -> Result<&mut BufWriter<Hashing<LateFile>>> {
        if self.file.is_none() {
            let file = LateFile { path: self.path.clone(), file: None };
            let mut file = BufWriter::with_capacity(64 * 1024, Hashing::new(file));
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
            let text = serde_json::to_string(point)?;
            // Such a value is written as in Python: mlflow-export-import does not accept a string here.
            let text = match point.value.is_finite() {
                true => text,
                false => {
                    NON_FINITE.iter().fold(text, |text, word| text.replace(&format!("\"{word}\""), word))
                }
            };
            file.write_all(text.as_bytes())?;
        }
        self.metric = Some(chunk.key.clone());
        Ok(())
    }

    fn end(&mut self) -> Result<(NamedTempFile, Sum)> {
        let tail: &[u8] = if self.metric.is_some() { b"]}}}\n" } else { b"}}}\n" };
        self.opened()?.write_all(tail)?;
        let file = self.file.take().ok_or_else(|| Error::permanent("the run file is gone"))?;
        let (file, sum) = file.into_inner().map_err(|e| Error::from(e.into_error()))?.finish();
        Ok((file.file.ok_or_else(|| Error::permanent("the run file is empty"))?, sum))
    }
}

/// A partial file that is created with its first bytes. Most run files are shorter than the buffer before it, so they
/// are created where they are closed, in a thread for slow work.
struct LateFile {
    path: PathBuf,
    file: Option<NamedTempFile>,
}

impl Write for LateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() {
            self.file = Some(local::partial(&self.path).map_err(io::Error::other)?);
        }
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
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

    /// The files of the models contain these points.
    fn model_metrics(&mut self, _metrics: &[(ModelId, ModelMetric)]) {}

    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    async fn close(
        mut self: Box<Self>,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<()> {
        let place = self.path.display().to_string();
        let work = move || -> Result<()> {
            let (whole, sum) = self.end()?;
            let (list, sum_of_list) = self.files.close(files, missing, lacking)?;
            local::appear(whole, &self.path)?;
            self.checksums.add(&[(&list, sum_of_list), (&self.path, sum)])
        };
        in_thread(work).await.map_err(|e| e.at(place))
    }
}
