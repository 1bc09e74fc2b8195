use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};

use super::ByteStream;
use super::listing::{self, AnyName};
use super::store::Store;
use crate::entities::FileEntry;
use crate::error::{Class, Error, Result};
use crate::limits;
use crate::rest::{Meter, Pages};

/// Entries of a listing that are handed on together.
const PAGE: usize = 1_000;
const RETRIES: usize = 5;

/// A bucket of Google Cloud Storage or a container of Azure. Connections that break are taken up again by the crate;
/// credentials are its own business too: `GOOGLE_…` and `AZURE_…` variables, workload identity, the machine's.
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    container: String,
    meter: Arc<Meter>,
}

impl Remote {
    /// Opens `gs://bucket` or `wasbs://container@account.blob.core.windows.net`.
    pub fn open(container: &str, meter: Arc<Meter>) -> Result<Self> {
        // An address without TLS is only asked when the environment names one.
        let options = ClientOptions::new().with_allow_http(true).with_timeout_disabled();
        let options = options.with_connect_timeout(limits::CONNECT).with_read_timeout(limits::STORE_SILENCE);
        let retry = RetryConfig { max_retries: RETRIES, ..RetryConfig::default() };
        let place = |e: object_store::Error| failure(container, &e);
        let store: Arc<dyn ObjectStore> = match container.split_once("://") {
            Some(("gs", bucket)) => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
                Arc::new(
                    builder
                        .with_http_connector(AnyName)
                        .with_retry(retry)
                        .with_client_options(options)
                        .build()
                        .map_err(place)?,
                )
            }
            Some((_, names)) => {
                let (name, account) = names.split_once('@').unwrap_or((names, ""));
                // The same account in another of Azure's clouds is somebody else's here.
                if !account.is_empty() && !account.ends_with(".core.windows.net") {
                    return Err(Error::permanent(format!("{container} is not in Azure's public cloud")));
                }
                let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(name);
                if let Some(account) = account.split('.').next().filter(|account| !account.is_empty()) {
                    builder = builder.with_account(account);
                }
                Arc::new(
                    builder
                        .with_http_connector(AnyName)
                        .with_retry(retry)
                        .with_client_options(options)
                        .build()
                        .map_err(place)?,
                )
            }
            None => return Err(Error::permanent(format!("{container} is no store"))),
        };
        Ok(Self { store, container: container.to_owned(), meter })
    }

    /// A root may end with a slash, which joins as none does.
    fn path(&self, key: &str) -> Result<Path> {
        listing::location_of(key.strip_suffix('/').unwrap_or(key)).ok_or_else(|| {
            Error::permanent(format!(
                "{}/{key}: this name can only be asked for by the server",
                self.container
            ))
        })
    }

    fn lost(&self, error: &object_store::Error) -> Error {
        failure(&self.container, error)
    }
}

/// What consoles make to show a folder is no file. One with bytes is, if one that has no name.
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
impl Store for Remote {
    async fn look(&self, prefix: &str) -> Result<()> {
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
        match tokio::time::timeout(limits::STORE_LOOK, first).await {
            Ok(seen) => seen.map_err(|e| self.lost(&e)),
            Err(_) => Err(Error::transient(format!("{} did not answer in time", self.container))),
        }
    }

    fn list(&self, prefix: &str) -> Pages<'static, FileEntry> {
        let (container, meter) = (self.container.clone(), Arc::clone(&self.meter));
        let path = match self.path(prefix) {
            Ok(path) => path,
            Err(e) => return futures::stream::once(async { Err(e) }).boxed(),
        };
        let root = if path.as_ref().is_empty() { String::new() } else { format!("{path}/") };
        let pages = self.store.list(Some(&path)).try_chunks(PAGE).map(move |page| {
            meter.request();
            let page = page.map_err(|e| failure(&container, &e.1))?;
            Ok(page.into_iter().filter_map(|meta| described(&root, &meta)).collect())
        });
        pages.boxed()
    }

    async fn get(&self, key: &str) -> Result<ByteStream> {
        self.meter.request();
        let found = self.store.get(&self.path(key)?).await.map_err(|e| self.lost(&e))?;
        let (container, meter) = (self.container.clone(), Arc::clone(&self.meter));
        let bytes = found.into_stream().map(move |chunk| {
            let bytes = chunk.map_err(|e| failure(&container, &e))?;
            meter.moved(bytes.len());
            Ok(bytes)
        });
        Ok(bytes.boxed())
    }
}
