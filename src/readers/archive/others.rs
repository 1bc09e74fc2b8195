use std::fs;
use std::path::{Path, PathBuf};

use super::ArchiveReader;
use crate::entities::{Count, Unsupported};
use crate::error::{Error, Result};

const REASON: &str = "mlflow-export-import does not keep all of them: migrate them from the server itself";

impl ArchiveReader {
    /// Content that an export of mlflow-export-import may hold besides runs and models (databricks 1.2.1,
    /// `bulk/export_all.py`). Exports of this program have none of these files.
    pub(super) fn unsupported_content(&self) -> Result<Vec<Unsupported>> {
        let mut traces = 0;
        for experiment in folders(&self.layout.experiments())? {
            let with_file = folders_with(&experiment.join("traces"), "trace.json")?;
            traces += with_file.iter().filter(|folder| !folder.join("header.json").is_file()).count();
        }
        let counts = [
            ("traces of mlflow-export-import", traces),
            (
                "prompt versions of mlflow-export-import",
                folders_with(&self.layout.prompts(), "prompt.json")?.len(),
            ),
            (
                "evaluation datasets of mlflow-export-import",
                folders_with(&self.layout.datasets(), "evaluation_dataset.json")?.len(),
            ),
        ];
        let found = counts.into_iter().filter(|(_, count)| *count > 0);
        Ok(found
            .map(|(title, count)| Unsupported {
                title,
                tally: Count::exactly(count as u64),
                reason: REASON.into(),
            })
            .collect())
    }
}

fn folders_with(folder: &Path, file: &str) -> Result<Vec<PathBuf>> {
    Ok(folders(folder)?.into_iter().filter(|folder| folder.join(file).is_file()).collect())
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(of) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| Error::from(e).at(of.display()))?,
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let paths: Vec<PathBuf> = paths.collect::<Result<_>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}
