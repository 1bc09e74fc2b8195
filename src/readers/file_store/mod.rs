//! The files of a tracking server that keeps its data in a folder (`mlruns`), read without the server: every layout from
//! MLflow 0.9 to 3.18. Since MLflow 3.13, servers refuse to open such a folder unless an environment variable allows
//! it.
//!
//! A damaged file costs only the object that it belongs to. Where a server over the folder is wrong, this reader is
//! right: it reads the step of a metric line with a dataset, infinite values, and the files and logged models of
//! deleted experiments.

mod disk;
mod experiments;
mod history;
mod inputs;
mod key_files;
mod layout;
mod logged_models;
mod meta;
mod metric_line;
mod metrics;
mod registry;
mod run_pages;
mod runs;
mod scalar;
mod store;
#[cfg(test)]
mod tests;
mod traces;
mod yaml;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use self::runs::Detail;
use self::store::{Problems, Store, lost, with_problems};
use super::store_artifacts::{OwnFolder, StoreArtifacts};
use super::{FilePlace, Reader, SourceInfo};
use crate::artifacts::ByteStream;
use crate::entities::{
    Count, EvaluationDataset, Experiment, ExperimentId, FileEntry, Kind, LoggedModel, MetricChunk, ModelId,
    ModelVersion, Owner, Readable, Record, RegisteredModel, Run, RunId, S3Object, SPANS_FILE, Scorer, Spans,
    Trace, TraceLinks, Unreadable, Unsupported,
};
use crate::error::{Class, Error, Result};
use crate::io::{FolderFile, Pages, Traffic, in_thread};
use crate::plan::TimeRange;

pub use layout::{holds_artifacts_only, is_file_store};

const EXPERIMENTS_PER_PAGE: usize = 200;
const MODELS_PER_PAGE: usize = 100;
const TRACES_PER_PAGE: usize = 100;

pub struct FileStoreReader {
    store: Arc<Store>,
    artifacts: StoreArtifacts,
    about: SourceInfo,
}

impl FileStoreReader {
    /// Opens the folder that holds the experiments.
    ///
    /// # Errors
    /// When the folder is not a file store.
    pub fn open(root: &Path, artifacts: StoreArtifacts) -> Result<Self> {
        layout::check(root)?;
        let location = root.display().to_string();
        let about = SourceInfo { kind: "file store", location, version: None, capabilities: None };
        let store = Arc::new(Store::open(root)?);
        Ok(Self { store, artifacts, about })
    }

    /// The objects of an experiment that have a folder each. `list` returns the names of the folders, and `read` the
    /// object of one of them.
    fn pages<'a, T: Send + 'static, F: Send + Sync + 'static>(
        &'a self,
        (kind, of, size): (Kind, String, usize),
        list: impl FnOnce(&Store) -> Result<(F, Vec<String>)> + Send + 'static,
        read: impl Fn(&Store, &F, &str) -> Vec<Readable<T>> + Send + Sync + Copy + 'static,
    ) -> Pages<'a, Readable<T>> {
        let pages = async move {
            let store = Arc::clone(&self.store);
            let (folder, names) = match in_thread(move || list(&store)).await {
                Ok(found) => found,
                Err(error) => {
                    let rest = Unreadable::rest_of_list(kind, &of, error);
                    return Ok::<_, Error>(stream::once(async { Ok(vec![Err(rest)]) }).boxed());
                }
            };
            let (folder, names) = (Arc::new(folder), Arc::<[String]>::from(names));
            let starts = (0..names.len()).step_by(size);
            let page = move |start: usize| {
                let (store, folder, names) =
                    (Arc::clone(&self.store), Arc::clone(&folder), Arc::clone(&names));
                in_thread(move || {
                    let names = names[start..].iter().take(size);
                    Ok(names.flat_map(|name| read(&store, &folder, name)).collect())
                })
            };
            Ok(stream::iter(starts).map(page).buffered(run_pages::MAX_CONCURRENT_PAGES).boxed())
        };
        stream::once(pages).try_flatten().boxed()
    }

    /// The folder of the owner's files beside its metadata, if they are there.
    fn own_files(&self, owner: Owner<'_>) -> impl OwnFolder + use<> {
        let (store, kind, experiment) = (Arc::clone(&self.store), owner.kind, owner.experiment_id.clone());
        let (id, uri) = (owner.id.to_owned(), owner.artifact_uri.to_owned());
        move || store.own_files(kind, &experiment, &id, &uri)
    }

    fn in_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send + 'static {
        let store = Arc::clone(&self.store);
        in_thread(move || work(&store))
    }
}

fn of(experiment: &Experiment) -> String {
    format!("experiment {}", experiment.id)
}

#[async_trait]
impl Reader for FileStoreReader {
    fn about(&self) -> &SourceInfo {
        &self.about
    }

    fn traffic(&self) -> Traffic {
        self.artifacts.traffic()
    }

    fn take_notes(&self) -> Vec<String> {
        let mut new = self.store.take_notes();
        new.extend(self.artifacts.take_notes());
        new
    }

    async fn answers(&self) -> Result<()> {
        self.in_store(|store| {
            let root = store.disk.root();
            std::fs::read_dir(root).map(drop).map_err(|e| Error::from(e).at(root.display()))
        })
        .await
    }

    fn experiments(&self) -> Pages<'_, Readable<Experiment>> {
        let pages = async move {
            let folders = self.in_store(Store::experiment_folders).await?;
            let page = |folders: Vec<layout::ExperimentFolder>| {
                self.in_store(move |store| {
                    Ok(folders.iter().flat_map(|folder| store.read_experiment(folder)).collect())
                })
            };
            Ok::<_, Error>(stream::iter(folders).chunks(EXPERIMENTS_PER_PAGE).then(page))
        };
        stream::once(pages).try_flatten().boxed()
    }

    fn runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        run_pages::pages(&self.store, experiment, Detail::Whole)
    }

    fn listed_runs<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Run>> {
        run_pages::pages(&self.store, experiment, Detail::Listed)
    }

    async fn count_runs(&self, experiment: &Experiment, _most: usize) -> Result<usize> {
        run_pages::count(&self.store, experiment).await
    }

    async fn first_runs(&self, experiment: &Experiment, most: usize) -> Result<(Vec<Readable<Run>>, bool)> {
        run_pages::first(&self.store, experiment, most).await
    }

    async fn runs_outside(&self, experiment: &Experiment, window: &TimeRange) -> Result<Vec<RunId>> {
        run_pages::outside(&self.store, experiment, window).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        let id = id.clone();
        self.in_store(move |store| store.find_run(&id)).await
    }

    fn logged_models<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<LoggedModel>> {
        let id = experiment.id.clone();
        let list = move |store: &Store| store.model_names(&id);
        self.pages((Kind::LoggedModel, of(experiment), MODELS_PER_PAGE), list, Store::read_model)
    }

    async fn logged_model(&self, id: &ModelId) -> Result<Option<LoggedModel>> {
        let id = id.clone();
        self.in_store(move |store| store.find_model(&id)).await
    }

    fn registered_models(&self) -> Pages<'_, Readable<RegisteredModel>> {
        let list = |store: &Store| Ok(((), store.registered_model_names()?));
        let read = |store: &Store, _: &(), name: &str| store.read_registered_model(name);
        self.pages((Kind::RegisteredModel, String::new(), MODELS_PER_PAGE), list, read)
    }

    async fn model_versions(&self, of: &RegisteredModel) -> Result<Vec<ModelVersion>> {
        let name = of.name.clone();
        self.in_store(move |store| store.read_versions(&name)).await
    }

    /// File stores have none (MLflow 3.18, `store/tracking/file_store.py`, `create_dataset`).
    fn evaluation_datasets(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        stream::empty().boxed()
    }

    fn records<'a>(&'a self, _dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        stream::empty().boxed()
    }

    /// File stores have none.
    async fn scorers(&self, _experiment: &Experiment) -> Result<Vec<Scorer>> {
        Ok(Vec::new())
    }

    fn traces<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        let id = experiment.id.clone();
        let list = move |store: &Store| store.trace_names(&id);
        self.pages((Kind::Trace, of(experiment), TRACES_PER_PAGE), list, Store::read_trace)
    }

    async fn spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        let file = FileEntry::new(SPANS_FILE, None);
        let read = async { self.open(trace.owner(), &file).await?.try_collect::<BytesMut>().await };
        match read.await.and_then(|text| Spans::of_file(text.freeze())) {
            Ok(spans) => Ok(Some(spans)),
            Err(e) if e.class() == Class::NotFound && trace.is_unfinished() => Ok(None),
            Err(e) => Err(e.at("its spans")),
        }
    }

    /// A file store refuses to link a run to traces (MLflow 3.18, `store/tracking/file_store.py`).
    fn trace_links<'a>(
        &'a self,
        _experiment: &'a Experiment,
        _of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        stream::empty().boxed()
    }

    async fn others(&self) -> Result<Vec<Unsupported>> {
        let count = self.in_store(Store::deleted_models).await?;
        let deleted = Unsupported {
            title: "deleted logged models",
            tally: Count::exactly(count),
            reason: "no request can write a deleted logged model".into(),
        };
        Ok((count > 0).then_some(deleted).into_iter().collect())
    }

    fn histories<'a>(&'a self, runs: &'a [Run]) -> BoxStream<'a, Result<Readable<MetricChunk>>> {
        history::histories(&self.store, runs)
    }

    fn files<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        self.artifacts.files(owner, self.own_files(owner))
    }

    async fn open(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        self.artifacts.open(owner, self.own_files(owner), file).await
    }

    async fn file_place(&self, owner: Owner<'_>) -> Option<FilePlace> {
        self.artifacts.place(&owner, self.own_files(owner)).await.ok()
    }

    async fn sha256(&self, owner: Owner<'_>, file: &FileEntry) -> Result<Option<String>> {
        self.artifacts.sha256(owner, self.own_files(owner), file).await
    }

    async fn in_s3(&self, owner: Owner<'_>, file: &FileEntry) -> Option<S3Object> {
        self.artifacts.in_s3(owner, self.own_files(owner), file).await
    }

    async fn in_folder(&self, owner: Owner<'_>, file: &FileEntry) -> Option<FolderFile> {
        self.artifacts.in_folder(owner, self.own_files(owner), file).await
    }
}
