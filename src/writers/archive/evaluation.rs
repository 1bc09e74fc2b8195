use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::NamedTempFile;

use super::{ArchiveWriter, check_id};
use crate::archive::{Checksums, Hashing};
use crate::artifacts::local;
use crate::entities::{EvaluationDataset, ExperimentId, Record, Scorer};
use crate::error::{Error, Result};
use crate::writers::{DatasetWriter, Existing, OpenDataset};

impl ArchiveWriter {
    pub(super) fn open_dataset_folder(&self, dataset: &EvaluationDataset) -> Result<OpenDataset> {
        check_id(&dataset.id)?;
        let (path, records) =
            (self.layout.dataset_file(&dataset.id), self.layout.dataset_records(&dataset.id));
        self.layout.guard(&path)?;
        let earlier = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let found = match earlier {
            Some(EvaluationDataset { last_update_time, .. })
                if last_update_time == dataset.last_update_time
                    && [&path, &records].into_iter().all(|file| self.checksums.is_sound(file)) =>
            {
                Existing::Everything
            }
            _ => Existing::Nothing,
        };
        let writer = Box::new(ArchiveDatasetWriter {
            checksums: Arc::clone(&self.checksums),
            path,
            records,
            file: None,
        });
        Ok(OpenDataset { id: dataset.id.clone(), found, writer })
    }

    pub(super) fn write_scorers_file(&self, experiment: &ExperimentId, scorers: &[Scorer]) -> Result<()> {
        self.checksums.write(&self.layout.scorers_file(experiment), &serde_json::to_vec_pretty(scorers)?)
    }
}

/// Writes one record per line. The dataset's own file is written last and shows that the dataset is complete.
struct ArchiveDatasetWriter {
    checksums: Arc<Checksums>,
    path: PathBuf,
    records: PathBuf,
    file: Option<BufWriter<Hashing<NamedTempFile>>>,
}

impl ArchiveDatasetWriter {
    fn file(&mut self) -> Result<&mut BufWriter<Hashing<NamedTempFile>>> {
        if self.file.is_none() {
            self.file = Some(BufWriter::new(Hashing::new(local::partial(&self.records)?)));
        }
        self.file.as_mut().ok_or_else(|| Error::permanent("the file is not open"))
    }
}

#[async_trait]
impl DatasetWriter for ArchiveDatasetWriter {
    async fn records(&mut self, records: Vec<Record>) -> Result<()> {
        let file = self.file()?;
        for record in records {
            serde_json::to_writer(&mut *file, &record)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    async fn close(mut self: Box<Self>, dataset: &EvaluationDataset) -> Result<()> {
        self.file()?.flush()?;
        if let Some(file) = self.file.take() {
            let (file, sum) = file.into_inner().map_err(|e| Error::from(e.into_error()))?.finish();
            local::appear(file, &self.records)?;
            self.checksums.add(&[(&self.records, sum)])?;
        }
        self.checksums.write(&self.path, &serde_json::to_vec_pretty(dataset)?)
    }
}
