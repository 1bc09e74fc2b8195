//! The sources: a live server, its store, or an export directory. All have the same methods, and none of them writes.

mod archive;
mod file_store;
#[cfg(test)]
mod memory;
mod rest;
mod sql_store;
mod store_artifacts;
mod store_location;
mod store_search;
mod store_uri;

use std::path::PathBuf;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::entities::{
    EvaluationDataset, Experiment, ExperimentId, FileEntry, LoggedModel, MetricChunk, ModelId, ModelVersion,
    Owner, Readable, Record, RegisteredModel, Run, RunId, S3Object, Scorer, Spans, Trace, TraceLinks,
    Unreadable, Unsupported,
};
use super::io::CredentialWait;
use super::io::{ByteSource, FolderFile, Pages, Traffic};
use super::plan::TimeRange;
use super::rest::{Capabilities, Version};
use crate::artifacts::{ByteStream, Hashed};
use crate::error::{Class, Error, Result};

pub use archive::ArchiveReader;
pub use file_store::FileStoreReader;
#[cfg(test)]
pub use memory::MemoryReader;
pub use rest::RestReader;
pub use sql_store::SqlStoreReader;
use sql_store::{Login, MysqlAddress, PostgresAddress};
pub use store_artifacts::{READABLE, StoreArtifacts};
pub use store_location::{StoreLocation, StoreOptions};
pub use store_search::{StoresBelow, has_database_name, stores_below, stores_in};
pub use store_uri::{SQLITE_SPELLING, local_path, names_of, parse_store};

/// Facts about a source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceInfo {
    /// `server`, `archive`, `file store` or `database`.
    pub kind: &'static str,
    /// The address or the directory, without credentials.
    pub location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
}

/// Where the files of a run or a logged model are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// In the folder that the source names.
    Named,
    /// In another folder: the source names one of another machine.
    Moved,
    /// In an object store.
    Remote,
    /// In this folder, which cannot be read for this reason.
    Refused { folder: PathBuf, reason: String },
    /// There are none.
    Nothing,
    /// This machine does not have the artifact root.
    Unknown { root: String },
}

/// All read methods that a migration needs. They return pages, chunks and streams, so that a whole experiment is never
/// in memory.
#[async_trait]
pub trait Reader: Send + Sync {
    fn about(&self) -> &SourceInfo;

    /// The traffic since the start.
    fn traffic(&self) -> Traffic;

    /// Notes for the user that were not reported yet, such as how files are read.
    fn take_notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The waits for expired AWS credentials that reading depends on.
    fn credential_waits(&self) -> Vec<CredentialWait> {
        Vec::new()
    }

    /// Fails when the source does not answer a cheap question.
    async fn answers(&self) -> Result<()> {
        Ok(())
    }

    /// The reason why the source can return nothing more until it is opened again. `None` while it can.
    fn lost(&self) -> Option<Error> {
        None
    }

    /// The lease at the source itself. It shows that a process writes to the source: an import into the same server,
    /// under any address.
    async fn lease(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Active and deleted experiments.
    ///
    /// A list returns an error only if other requests would fail, too: for the connection or the sign-in. An object
    /// that cannot be read for another reason is an item of its own, and so is the rest of a list that breaks off: see
    /// [`Unreadable::rest_of_list`](crate::entities::Unreadable::rest_of_list).
    fn experiments(&self) -> Pages<'_, Readable<Experiment>>;

    /// Active and deleted runs, in the order of their start times if the reader has it.
    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>>;

    /// The same runs for display, perhaps without details that need one more request per run.
    fn listed_runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        self.runs(experiment)
    }

    /// The number of runs, readable or not; above `most` perhaps a part of them. For display.
    async fn count_runs(&self, experiment: &Experiment, most: usize) -> Result<usize> {
        let (mut count, mut pages) = (0, self.listed_runs(experiment));
        while count <= most
            && let Some(page) = pages.try_next().await?
        {
            count += page.len();
        }
        Ok(count)
    }

    /// The first runs of an experiment, at most `most`, and whether there are more. For display.
    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Readable<Run>>, bool)>;

    /// Runs of the experiment that did not start in this window.
    async fn runs_outside(&self, experiment: &Experiment, window: &TimeRange) -> Result<Vec<RunId>> {
        let (mut outside, mut pages) = (Vec::new(), self.runs(experiment));
        while let Some(page) = pages.try_next().await? {
            let runs = page.into_iter().flatten().filter(|run| !window.takes(run.start_time));
            outside.extend(runs.map(|run| run.id));
        }
        Ok(outside)
    }

    /// The run with this id, in any experiment.
    async fn run(&self, id: &RunId) -> Result<Option<Run>>;

    /// Logged models, with all their metrics.
    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>>;

    /// The logged model with this id, in any experiment.
    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>>;

    /// Registered models and prompts.
    fn registered_models(&self) -> Pages<'_, Readable<RegisteredModel>>;

    /// The versions of a registered model in ascending order. Deleted versions are not included: no route returns them.
    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>>;

    /// Evaluation datasets, without their records.
    fn evaluation_datasets(&self) -> Pages<'_, Readable<EvaluationDataset>>;

    /// The records of an evaluation dataset.
    fn records<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record>;

    /// Every version of every scorer of the experiment, by name and ascending number.
    async fn scorers(&self, experiment: &Experiment) -> Result<Vec<Scorer>>;

    /// The traces of the experiment, without their spans.
    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>>;

    /// The spans of a trace. `None` when none were written.
    async fn spans(&self, trace: &Trace) -> Result<Option<Spans>>;

    /// The links from the runs of `experiment` to traces of the experiments in `of`.
    fn trace_links<'a>(&'a self, experiment: &'a Experiment, of: &'a [ExperimentId])
    -> Pages<'a, TraceLinks>;

    /// Objects of the source that cannot be migrated.
    async fn others(&self) -> Result<Vec<Unsupported>>;

    /// Every point of every metric of these runs. The chunks of one run come metric by metric; chunks of different runs
    /// may alternate.
    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>>;

    /// Every file of a run or a logged model, in all folders. A folder that cannot be listed is an item of its own.
    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>>;

    /// A file's bytes.
    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream>;

    /// Where the owner's files are. `None` if a server knows it.
    async fn file_place(&self, _owner: Owner<'_>) -> Option<FilePlace> {
        None
    }

    /// The checksum of a file's whole content, hexadecimal, if the store keeps one. The file itself is not read.
    async fn sha256(&self, _owner: Owner<'_>, _file: &FileEntry) -> Result<Option<String>> {
        Ok(None)
    }

    /// The S3 object of the file, if this machine can reach it.
    async fn in_s3(&self, _owner: Owner<'_>, _file: &FileEntry) -> Option<S3Object> {
        None
    }

    /// The file, if it is in a folder of this machine.
    async fn in_folder(&self, _owner: Owner<'_>, _file: &FileEntry) -> Option<FolderFile> {
        None
    }
}

/// Reads a list to its end. Returns the objects, and the unreadable ones.
pub async fn read_all<T>(mut pages: Pages<'_, Readable<T>>) -> Result<(Vec<T>, Vec<Unreadable>)> {
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    while let Some(page) = pages.try_next().await? {
        for item in page {
            match item {
                Ok(item) => all.push(item),
                Err(unreadable) => unread.push(unreadable),
            }
        }
    }
    Ok((all, unread))
}

/// The most tries to read a file whose transfer breaks off.
const MAX_TRIES: usize = 3;

/// One file of a source, which can be opened as often as needed.
pub struct SourceFile<'a> {
    pub reader: &'a dyn Reader,
    pub owner: Owner<'a>,
    pub file: &'a FileEntry,
}

impl SourceFile<'_> {
    /// Returns the checksum of the file, and the number of bytes that it covers. This is the store's own checksum, if
    /// the store computed one over the whole file when it received the bytes. Otherwise this reads every byte.
    pub async fn sha256(&self) -> Result<(String, u64)> {
        if let Some(known) = self.reader.sha256(self.owner, self.file).await? {
            return Ok((known, self.file.size.unwrap_or_default()));
        }
        let mut tries = 1;
        loop {
            match self.read_sha256().await {
                // The transfer broke off: the next try may read the whole file.
                Err(error) if error.class() == Class::Transient && tries < MAX_TRIES => tries += 1,
                read => return read,
            }
        }
    }

    async fn read_sha256(&self) -> Result<(String, u64)> {
        let hashed = Hashed::new(self).of_size(self.file.size).recorded_as(self.file.sha256.clone());
        let mut bytes = hashed.open().await?;
        while let Some(chunk) = bytes.next().await {
            chunk.map_err(|error| hashed.cause().unwrap_or(error))?;
        }
        drop(bytes);
        let digest = hashed.digest()?;
        Ok((digest.sha256.unwrap_or_default(), digest.bytes))
    }
}

#[async_trait]
impl ByteSource for SourceFile<'_> {
    async fn open(&self) -> Result<ByteStream> {
        self.reader.open(self.owner, self.file).await
    }

    async fn in_s3(&self) -> Option<S3Object> {
        self.reader.in_s3(self.owner, self.file).await
    }

    async fn in_folder(&self) -> Option<FolderFile> {
        self.reader.in_folder(self.owner, self.file).await
    }
}
