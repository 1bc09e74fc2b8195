//! Small stores, written file by file.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::artifacts;
use crate::entities::{Experiment, LoggedModel, Point, RegisteredModel, Run, Trace, Unreadable};
use crate::readers::{FileStoreReader, Reader, read_all};

/// A folder with these files.
pub struct TestStore(TempDir);

impl TestStore {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let store = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| store.write(path, text));
        store
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn reader(&self) -> FileStoreReader {
        FileStoreReader::open(self.root(), artifacts(self.root())).unwrap()
    }

    pub async fn experiments(&self) -> (Vec<Experiment>, Vec<Unreadable>) {
        read_all(self.reader().experiments()).await.unwrap()
    }

    pub async fn runs(&self, experiment: &str) -> (Vec<Run>, Vec<Unreadable>) {
        read_all(self.reader().runs(&of(experiment))).await.unwrap()
    }

    pub async fn models(&self, experiment: &str) -> (Vec<LoggedModel>, Vec<Unreadable>) {
        read_all(self.reader().logged_models(&of(experiment))).await.unwrap()
    }

    pub async fn traces(&self, experiment: &str) -> (Vec<Trace>, Vec<Unreadable>) {
        read_all(self.reader().traces(&of(experiment))).await.unwrap()
    }

    pub async fn registered(&self) -> (Vec<RegisteredModel>, Vec<Unreadable>) {
        read_all(self.reader().registered_models()).await.unwrap()
    }
}

pub fn of(experiment: &str) -> Experiment {
    Experiment { id: experiment.into(), ..Experiment::default() }
}

pub fn point(timestamp: i64, value: f64, step: i64) -> Point {
    Point { value, timestamp, step }
}

pub const EXPERIMENT: &str = "artifact_location: file:///old/mlruns/1\ncreation_time: 1700000000000\n\
                              experiment_id: '1'\nlast_update_time: 1700000000001\nlifecycle_stage: active\n\
                              name: first\n";

/// A finished run of the first experiment, with the fields of MLflow 3.18.
pub fn run_meta(id: &str, start: i64) -> String {
    format!(
        "artifact_uri: file:///old/mlruns/1/{id}/artifacts\ndeleted_time: null\nend_time: 1700000000009\n\
         entry_point_name: ''\nexperiment_id: '1'\nlifecycle_stage: active\nrun_id: {id}\nrun_name: named\n\
         run_uuid: {id}\nsource_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: {start}\nstatus: 3\n\
         tags: []\nuser_id: me\n"
    )
}

/// The id of a run: 32 times the same digit.
pub fn id(digit: u8) -> String {
    digit.to_string().repeat(32)
}
