//! The artifacts of a store that is read without its server. The paths in a store are those of the machine that wrote
//! it; here the files may be elsewhere, often in a folder beside the store.

mod found;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use self::found::{Found, Places};
use super::FilePlace;
use crate::artifacts::{ArtifactStores, ByteStream, Root};
use crate::entities::{ExperimentId, FileEntry, Kind, Owner, Readable, S3Object, Unreadable};
use crate::error::{Class, Error, Result};
use crate::io::{FolderFile, Meter, Pages, Traffic, in_thread};
use crate::rest::ArtifactRoots;

/// The advice for a folder of files that cannot be read.
pub const READABLE: &str =
    "make it readable for this user, or put its files back, and run the same command again";

/// More owners than those whose files are read at the same time.
const MAX_RECENT_OWNERS: usize = 2_000;

pub struct StoreArtifacts {
    stores: Arc<ArtifactStores>,
    meter: Arc<Meter>,
    places: Arc<Places>,
    recent: Mutex<RecentFolders>,
}

/// The folders of owners. A run of 5,000 files opens each of them on its own.
type RecentFolders = HashMap<(Kind, ExperimentId, String), PathBuf>;

/// The folder beside an owner's metadata, if the store has one. It is looked for in a thread for slow work.
pub trait OwnFolder: FnOnce() -> Option<PathBuf> + Send + 'static {}

impl<F: FnOnce() -> Option<PathBuf> + Send + 'static> OwnFolder for F {}

/// For stores that have no such folders.
pub fn no_own_folder() -> Option<PathBuf> {
    None
}

/// The result of looking for the files of an owner.
struct Search {
    found: Found,
    /// The location in the store, or the one that the user named for it.
    uri: String,
    /// The store names another folder, which exists and has files, too.
    is_elsewhere: bool,
}

impl StoreArtifacts {
    /// `project` is the folder in which the store is, and `files` the store itself if it is a folder.
    pub fn beside(project: &Path, files: Option<&Path>, roots: ArtifactRoots) -> Self {
        let meter = Arc::new(Meter::default());
        let stores = Arc::new(ArtifactStores::new(Arc::clone(&meter), None));
        let places = Arc::new(Places::beside(project, files, roots));
        Self { stores, meter, places, recent: Mutex::default() }
    }

    /// Every file of an owner.
    pub fn files<'a>(&'a self, owner: Owner<'a>, own: impl OwnFolder) -> Pages<'a, Readable<FileEntry>> {
        let pages = async move {
            match self.root(&owner, own).await {
                Ok(None) => stream::empty().boxed(),
                Ok(Some(root)) => root.files().map_ok(|page| page.into_iter().map(Ok).collect()).boxed(),
                Err(error) if error.class() == Class::Transient => stream::once(async { Err(error) }).boxed(),
                Err(error) => {
                    let (kind, id) = (Kind::Artifact, owner.id_of(""));
                    let reason = match error.get_hint() {
                        Some(hint) => format!("{error}: {hint}"),
                        None => error.to_string(),
                    };
                    stream::iter([Ok(vec![Err(Unreadable { kind, id, reason })])]).boxed()
                }
            }
        };
        pages.flatten_stream().boxed()
    }

    /// # Errors
    /// [`Class::NotFound`] when the owner has no such file.
    pub async fn open(&self, owner: Owner<'_>, own: impl OwnFolder, file: &FileEntry) -> Result<ByteStream> {
        match self.root(&owner, own).await? {
            Some(root) => root.open(&file.path).await,
            None => Err(Error::new(Class::NotFound, format!("{} has no files", owner.label))),
        }
    }

    pub async fn sha256(
        &self,
        owner: Owner<'_>,
        own: impl OwnFolder,
        file: &FileEntry,
    ) -> Result<Option<String>> {
        match self.root(&owner, own).await? {
            Some(root) => root.sha256(&file.path).await,
            None => Ok(None),
        }
    }

    pub async fn in_s3(&self, owner: Owner<'_>, own: impl OwnFolder, file: &FileEntry) -> Option<S3Object> {
        self.root(&owner, own).await.ok()??.in_s3(&file.path)
    }

    pub async fn in_folder(
        &self,
        owner: Owner<'_>,
        own: impl OwnFolder,
        file: &FileEntry,
    ) -> Option<FolderFile> {
        let root = self.root(&owner, own).await.ok()??;
        Some(FolderFile { root: root.folder()?.to_owned(), path: file.path.clone() })
    }

    pub fn take_notes(&self) -> Vec<String> {
        self.stores.take_notes()
    }

    pub fn traffic(&self) -> Traffic {
        self.meter.read()
    }

    /// Where the files of an owner are, without reading them.
    pub async fn place(&self, owner: &Owner<'_>, own: impl OwnFolder) -> Result<FilePlace> {
        Ok(match self.find(owner, own).await?.found {
            Found::Nothing => FilePlace::Nothing,
            Found::Remote => FilePlace::Remote,
            Found::Refused(folder, reason) => FilePlace::Refused { folder, reason },
            Found::Unknown => FilePlace::Unknown { root: found::root_of(owner.artifact_uri).to_owned() },
            Found::Folder(folder)
                if crate::artifacts::folder(owner.artifact_uri).as_ref() == Some(&folder) =>
            {
                FilePlace::Named
            }
            Found::Folder(_) => FilePlace::Moved,
        })
    }

    async fn find(&self, owner: &Owner<'_>, own: impl OwnFolder) -> Result<Search> {
        let (places, named) = (Arc::clone(&self.places), self.places.named(owner.artifact_uri));
        let (kind, experiment_id, id) = (owner.kind, owner.experiment_id.clone(), owner.id.to_owned());
        let (is_named, uri) = (named.is_some(), named.unwrap_or_else(|| owner.artifact_uri.to_owned()));
        in_thread(move || {
            // A place that the user named comes before the folder beside the metadata.
            let own = if is_named { None } else { own() };
            let owner =
                Owner { kind, experiment_id: &experiment_id, id: &id, artifact_uri: &uri, label: &id };
            let found = places.find(&owner, own.as_deref());
            let is_elsewhere =
                matches!(&found, Found::Folder(folder) if places.named_elsewhere(&uri, folder));
            Ok(Search { found, uri, is_elsewhere })
        })
        .await
    }

    fn recent(&self) -> MutexGuard<'_, RecentFolders> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The root of an owner's files. `None` if it never had any.
    async fn root(&self, owner: &Owner<'_>, own: impl OwnFolder) -> Result<Option<Root>> {
        let key = (owner.kind, owner.experiment_id.clone(), owner.id.to_owned());
        if let Some(folder) = self.recent().get(&key) {
            return Ok(Some(Root::of_folder(folder)));
        }
        let Search { found, uri, is_elsewhere } = self.find(owner, own).await?;
        let (uri, owner) = (uri.as_str(), Owner { artifact_uri: &uri, ..*owner });
        match found {
            Found::Folder(folder) => {
                if is_elsewhere {
                    let root = found::root_of(uri);
                    self.stores.note(format!(
                        "the store names {root}, where files are, too: the folder beside the store was read instead; \
                         to read that one, name it as its own new place: --artifact-root {root}={root}"
                    ));
                }
                let root = Root::of_folder(&folder);
                let mut recent = self.recent();
                if recent.len() >= MAX_RECENT_OWNERS {
                    recent.clear();
                }
                recent.insert(key, folder);
                Ok(Some(root))
            }
            Found::Nothing => Ok(None),
            Found::Refused(folder, reason) => {
                Err(Error::permanent(format!("its files in {} cannot be read: {reason}", folder.display()))
                    .hint(READABLE))
            }
            // Boxed, because the future of an S3 client is deeply nested.
            Found::Remote => self.stores.remote_root(&owner).boxed().await.map(Some),
            Found::Unknown => {
                let hint = match uri.starts_with("mlflow-artifacts:") {
                    true => {
                        "say where the server kept them: --artifacts-destination /FOLDER or s3://BUCKET/PREFIX"
                    }
                    false => {
                        "say where they are: --artifact-root FROM=TO replaces the beginning FROM of such locations"
                    }
                };
                Err(Error::permanent(format!("its files at {uri} are not on this machine")).hint(hint))
            }
        }
    }
}
