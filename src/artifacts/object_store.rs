use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream, Fuse};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};

use super::ByteStream;
use super::listing;
use super::listing::AnyName;
use super::store::Store;
use crate::entities::FileEntry;
use crate::error::{Class, Error, Result};
use crate::io::{Absence, Meter, Outage, Pages, Reachable};
use crate::limits;

/// The number of entries per page of a listing.
const PAGE: usize = 1_000;
const MAX_RETRIES: usize = 5;
/// How many outages one request may go through before the request itself counts as the cause.
const MAX_OUTAGES: u32 = 5;

/// A bucket of Google Cloud Storage or a container of Azure. The crate resumes broken connections. It also finds the
/// credentials: `GOOGLE_…` and `AZURE_…` variables, workload identity, the machine's identity.
#[derive(Clone)]
pub struct ObjectStoreBackend {
    store: Arc<dyn ObjectStore>,
    container: String,
    meter: Arc<Meter>,
    outage: Outage,
}

impl ObjectStoreBackend {
    /// Opens `gs://bucket` or `wasbs://container@account.blob.core.windows.net`.
    pub fn open(container: &str, meter: Arc<Meter>, outage: Outage) -> Result<Self> {
        let connector = AnyName::of_environment()?;
        // An address without TLS is used only when the environment sets one.
        let options = ClientOptions::new().with_allow_http(true).with_timeout_disabled();
        let options = options
            .with_connect_timeout(limits::CONNECT_TIMEOUT)
            .with_read_timeout(limits::STORE_READ_TIMEOUT);
        let retry = RetryConfig { max_retries: MAX_RETRIES, ..RetryConfig::default() };
        let place = |e: object_store::Error| failure(container, &e);
        let store: Arc<dyn ObjectStore> = match container.split_once("://") {
            Some(("gs", bucket)) => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
                Arc::new(
                    builder
                        .with_http_connector(connector)
                        .with_retry(retry)
                        .with_client_options(options)
                        .build()
                        .map_err(place)?,
                )
            }
            Some((_, names)) => {
                let (name, account) = names.split_once('@').unwrap_or((names, ""));
                // An account of the same name in the public cloud belongs to another customer.
                if !account.is_empty() && !account.ends_with(".core.windows.net") {
                    return Err(Error::permanent(format!("{container} is not in Azure's public cloud")));
                }
                let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(name);
                if let Some(account) = account.split('.').next().filter(|account| !account.is_empty()) {
                    builder = builder.with_account(account);
                }
                Arc::new(
                    builder
                        .with_http_connector(connector)
                        .with_retry(retry)
                        .with_client_options(options)
                        .build()
                        .map_err(place)?,
                )
            }
            None => return Err(Error::permanent(format!("{container} is not a store"))),
        };
        Ok(Self { store, container: container.to_owned(), meter, outage })
    }

    /// Sends a request, and repeats it when the store was unreachable during a job and is back.
    async fn with_outages<T, Fut>(&self, request: impl Fn() -> Fut) -> Result<T>
    where
        Fut: Future<Output = object_store::Result<T>>,
    {
        let mut outages = 0;
        loop {
            self.outage.enter().await?;
            self.meter.request();
            let refusal = match request().await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => self.lost(&refusal),
            };
            if outages == MAX_OUTAGES || !self.rides_out(&refusal).await? {
                return Err(refusal);
            }
            outages += 1;
            self.meter.retry();
        }
    }

    async fn rides_out(&self, error: &Error) -> Result<bool> {
        if error.class() != Class::Transient {
            return Ok(false);
        }
        self.outage.rides_out(Arc::new(self.clone()), error, Absence::Store, None).await
    }

    /// The path of a key. A slash at the end of a root is ignored.
    fn path(&self, key: &str) -> Result<Path> {
        listing::location_of(key.strip_suffix('/').unwrap_or(key)).ok_or_else(|| {
            Error::permanent(format!("{}/{key}: only the server can read this name", self.container))
        })
    }

    fn lost(&self, error: &object_store::Error) -> Error {
        failure(&self.container, error)
    }
}

#[async_trait]
impl Reachable for ObjectStoreBackend {
    /// Any answer about the container shows that the store is reachable, even a refusal.
    async fn is_there(&self) -> bool {
        match self.store.list(None).next().await {
            Some(Err(refusal)) => self.lost(&refusal).class() != Class::Transient,
            _ => true,
        }
    }
}

/// A listing that is being read.
struct Pass {
    remote: ObjectStoreBackend,
    path: Path,
    objects: Fuse<BoxStream<'static, object_store::Result<ObjectMeta>>>,
    /// The last object that was returned.
    last: Option<Path>,
    /// The listing was restarted after an outage. Objects up to `last` are skipped.
    is_behind: bool,
    outages: u32,
}

impl Pass {
    fn begin(remote: ObjectStoreBackend, path: Path) -> Self {
        let objects = remote.store.list(Some(&path)).fuse();
        Self { remote, path, objects, last: None, is_behind: false, outages: 0 }
    }

    /// The next objects, at most [`PAGE`]. `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<ObjectMeta>>> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            let meta = match self.objects.next().await {
                None if self.is_behind => {
                    return Err(Error::transient(format!(
                        "{}: the listing broke off, and had changed when it was restarted",
                        self.remote.container
                    )));
                }
                None => break,
                Some(Ok(meta)) => meta,
                Some(Err(refusal)) => {
                    self.restart(&self.remote.lost(&refusal)).await?;
                    continue;
                }
            };
            match &self.last {
                Some(last) if self.is_behind => self.is_behind = *last != meta.location,
                _ => {
                    self.last = Some(meta.location.clone());
                    page.push(meta);
                }
            }
        }
        Ok((!page.is_empty()).then_some(page))
    }

    async fn restart(&mut self, refusal: &Error) -> Result<()> {
        if self.outages == MAX_OUTAGES || !self.remote.rides_out(refusal).await? {
            return Err(refusal.clone());
        }
        self.outages += 1;
        self.remote.meter.retry();
        self.objects = self.remote.store.list(Some(&self.path)).fuse();
        self.is_behind = self.last.is_some();
        Ok(())
    }
}

/// The entry for an object. An empty object that a console creates to show a folder is not a file. An object with bytes
/// is a file, even if it has no name.
fn described(root: &str, meta: &ObjectMeta) -> Option<FileEntry> {
    let name = listing::name_of(&meta.location);
    let path = name.strip_prefix(root)?;
    let is_marker = (path.is_empty() || path.ends_with('/')) && meta.size == 0;
    let stamp = match &meta.e_tag {
        Some(tag) => format!("tag {tag}"),
        None => format!("modified {}", meta.last_modified.timestamp_micros()),
    };
    (!is_marker).then(|| FileEntry { stamp: Some(stamp), ..FileEntry::new(path, Some(meta.size)) })
}

fn failure(container: &str, error: &object_store::Error) -> Error {
    use object_store::Error::{Generic, NotFound, PermissionDenied, Unauthenticated};
    let class = match error {
        NotFound { .. } => Class::NotFound,
        PermissionDenied { .. } => Class::Forbidden,
        Unauthenticated { .. } => Class::Auth,
        Generic { .. } => Class::Transient,
        _ => Class::Permanent,
    };
    Error::new(class, format!("{container}: {error}"))
}

#[async_trait]
impl Store for ObjectStoreBackend {
    async fn probe(&self, prefix: &str) -> Result<()> {
        let path = self.path(prefix)?;
        let first = async {
            self.meter.request();
            let first = self.store.list(Some(&path)).next().await;
            if let Some(meta) = first.transpose()?
                && let Some(location) = listing::location_of(&listing::name_of(&meta.location))
            {
                self.meter.request();
                self.store.head(&location).await?;
            }
            Ok(())
        };
        match tokio::time::timeout(limits::STORE_PROBE_TIMEOUT, first).await {
            Ok(seen) => seen.map_err(|e| self.lost(&e)),
            Err(_) => Err(Error::transient(format!("{} did not answer in time", self.container))),
        }
    }

    fn list(&self, prefix: &str) -> Pages<'static, FileEntry> {
        let path = match self.path(prefix) {
            Ok(path) => path,
            Err(e) => return futures::stream::once(async { Err(e) }).boxed(),
        };
        let root = if path.as_ref().is_empty() { String::new() } else { format!("{path}/") };
        let pages = stream::try_unfold(Pass::begin(self.clone(), path), move |mut pass| {
            let root = root.clone();
            async move {
                pass.remote.meter.request();
                let page = pass.next().await?;
                let files =
                    |page: Vec<ObjectMeta>| page.iter().filter_map(|meta| described(&root, meta)).collect();
                Ok(page.map(|page| (files(page), pass)))
            }
        });
        pages.boxed()
    }

    async fn get(&self, key: &str) -> Result<ByteStream> {
        let path = self.path(key)?;
        let found = self.with_outages(|| self.store.get(&path)).await?;
        let (container, meter) = (self.container.clone(), Arc::clone(&self.meter));
        let bytes = found.into_stream().map(move |chunk| {
            let bytes = chunk.map_err(|e| failure(&container, &e))?;
            meter.moved(bytes.len());
            Ok(bytes)
        });
        Ok(bytes.boxed())
    }
}
