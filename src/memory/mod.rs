//! A tracking server as plain data, for tests. `MemoryReader` reads this store, and `MemoryWriter` writes it. Its
//! operations refuse requests and assign numbers like the SQL stores of MLflow 3.10
//! (`store/tracking/sqlalchemy_store.py`, `store/model_registry/sqlalchemy_store.py`).

mod evaluation;
mod models;
mod registry;
mod sample;
mod tracking;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, LoggedModel, ModelId, ModelVersion, Point, Record,
    RegisteredModel, Run, RunId, Scorer, Spans, Trace,
};
use crate::error::{Answered, Class, Code, Error, Result};

pub use registry::NewVersion;
pub use sample::{fill, small};
pub use tracking::NewRun;

/// One server in memory.
pub struct MemoryStore {
    /// Two or more letters, unique among stores. The ids in this store begin with them.
    name: &'static str,
    data: Mutex<Data>,
}

/// Everything that a server holds.
#[derive(Clone, Debug, Default)]
pub struct Data {
    pub experiments: BTreeMap<ExperimentId, Experiment>,
    pub runs: BTreeMap<RunId, StoredRun>,
    pub models: BTreeMap<ModelId, LoggedModel>,
    /// Registered models and prompts, by name.
    pub registered: BTreeMap<String, StoredModel>,
    pub traces: BTreeMap<String, StoredTrace>,
    /// Traces to which runs were linked afterwards.
    pub links: BTreeMap<RunId, BTreeSet<String>>,
    pub datasets: BTreeMap<String, StoredDataset>,
    /// Scorers by experiment, name and number.
    pub scorers: BTreeMap<(ExperimentId, String, u64), Scorer>,
    /// Files by artifact root, then by path.
    pub files: BTreeMap<String, BTreeMap<String, Bytes>>,
    prefix: String,
    last_id: u64,
}

#[derive(Clone, Debug, Default)]
pub struct StoredRun {
    pub run: Run,
    /// Every point of every metric, as it was logged.
    pub metrics: BTreeMap<String, Vec<Point>>,
}

#[derive(Clone, Debug, Default)]
pub struct StoredModel {
    pub model: RegisteredModel,
    pub versions: BTreeMap<u64, ModelVersion>,
    /// The highest number ever assigned.
    pub last: u64,
}

#[derive(Clone, Debug, Default)]
pub struct StoredTrace {
    pub trace: Trace,
    pub spans: Option<Spans>,
}

#[derive(Clone, Debug, Default)]
pub struct StoredDataset {
    pub dataset: EvaluationDataset,
    /// Records by their inputs, which identify them.
    pub records: BTreeMap<String, Record>,
}

impl MemoryStore {
    pub fn new(name: &'static str) -> Self {
        // The prefix is hexadecimal, because ids are hexadecimal.
        let prefix: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        Self { name, data: Mutex::new(Data { prefix, ..Data::default() }) }
    }

    pub fn location(&self) -> String {
        format!("memory:{}", self.name)
    }

    /// All data, for reading and changing.
    pub fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Data {
    fn new_number(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Returns 32 new hexadecimal digits for an id.
    fn new_digits(&mut self) -> String {
        let (width, number) = (32 - self.prefix.len(), self.new_number());
        format!("{}{number:0width$x}", self.prefix)
    }

    /// The artifact root of this owner. No other owner has the same root.
    fn new_root(&self, owner: &str) -> String {
        format!("memory-artifacts:/{}/{owner}/artifacts", self.prefix)
    }

    pub fn put_file(&mut self, root: &str, path: &str, bytes: impl Into<Bytes>) {
        self.files.entry(root.to_owned()).or_default().insert(path.to_owned(), bytes.into());
    }
}

/// A refusal in the form of MLflow.
fn refused(error_code: &str, message: impl Into<String>) -> Error {
    answered(400, error_code, Class::Permanent, message)
}

fn not_found(what: impl Into<String>) -> Error {
    answered(404, "RESOURCE_DOES_NOT_EXIST", Class::NotFound, what)
}

/// The error that the REST client creates for an answer with this status.
pub fn answered(status: u16, error_code: &str, class: Class, message: impl Into<String>) -> Error {
    let answered = Answered { status, error_code: error_code.to_owned(), cause: None };
    Error::new(class, message).code(Code::Http(answered))
}

/// Adds missing params. A new value for an existing param is refused.
fn add_params(existing: &mut BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in new {
        match existing.get(key) {
            Some(known) if known != value => {
                return Err(refused(
                    "INVALID_PARAMETER_VALUE",
                    format!("Changing param values is not allowed: {key:?}"),
                ));
            }
            _ => drop(existing.insert(key.clone(), value.clone())),
        }
    }
    Ok(())
}
