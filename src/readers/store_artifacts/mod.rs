//! The artifacts of a store that is read without its server. The paths in a store are those of the machine that wrote
//! it; here the files may be elsewhere, often in a folder beside the store.

mod found;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use self::found::{Found, Places};
use super::FilePlace;
use crate::artifacts::{ArtifactStores, ByteStream, Root};
use crate::entities::{FileEntry, Kind, Owner, Readable, S3Object, Unreadable};
use crate::error::{Class, Error, Result};
use crate::io::{Meter, Pages, Traffic};
use crate::rest::ArtifactRoots;

pub struct StoreArtifacts {
    stores: Arc<ArtifactStores>,
    meter: Arc<Meter>,
    places: Places,
}

impl StoreArtifacts {
    /// `project` is the folder in which the store is, and `files` the store itself if it is a folder.
    pub fn beside(project: &Path, files: Option<&Path>, roots: ArtifactRoots) -> Self {
        let meter = Arc::new(Meter::default());
        let stores = Arc::new(ArtifactStores::new(Arc::clone(&meter), None));
        Self { stores, meter, places: Places::beside(project, files, roots) }
    }

    /// Every file of an owner. `own` is the folder beside the owner's metadata, if the store has one.
    pub fn files<'a>(&'a self, owner: Owner<'a>, own: Option<PathBuf>) -> Pages<'a, Readable<FileEntry>> {
        let pages = async move {
            match self.root(&owner, own.as_deref()).await {
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
    pub async fn open(&self, owner: Owner<'_>, own: Option<PathBuf>, file: &FileEntry) -> Result<ByteStream> {
        match self.root(&owner, own.as_deref()).await? {
            Some(root) => root.open(&file.path).await,
            None => Err(Error::new(Class::NotFound, format!("{} has no files", owner.label))),
        }
    }

    pub async fn sha256(
        &self,
        owner: Owner<'_>,
        own: Option<PathBuf>,
        file: &FileEntry,
    ) -> Result<Option<String>> {
        match self.root(&owner, own.as_deref()).await? {
            Some(root) => root.sha256(&file.path).await,
            None => Ok(None),
        }
    }

    pub async fn in_s3(&self, owner: Owner<'_>, own: Option<PathBuf>, file: &FileEntry) -> Option<S3Object> {
        self.root(&owner, own.as_deref()).await.ok()??.in_s3(&file.path)
    }

    pub fn take_notes(&self) -> Vec<String> {
        self.stores.take_notes()
    }

    pub fn traffic(&self) -> Traffic {
        self.meter.read()
    }

    /// Where the files of an owner are, without reading them.
    pub fn place(&self, owner: &Owner<'_>, own: Option<&Path>) -> FilePlace {
        let named = self.places.named(owner.artifact_uri);
        let own = own.filter(|_| named.is_none());
        let uri = named.as_deref().unwrap_or(owner.artifact_uri);
        match self.places.find(&Owner { artifact_uri: uri, ..*owner }, own) {
            Found::Nothing => FilePlace::Nothing,
            Found::Remote => FilePlace::Remote,
            Found::Refused(folder) => FilePlace::Refused(folder),
            Found::Unknown => FilePlace::Unknown { root: found::root_of(owner.artifact_uri).to_owned() },
            Found::Folder(folder)
                if crate::artifacts::folder(owner.artifact_uri).as_ref() == Some(&folder) =>
            {
                FilePlace::Named
            }
            Found::Folder(_) => FilePlace::Moved,
        }
    }

    /// The root of an owner's files. `None` if it never had any.
    async fn root(&self, owner: &Owner<'_>, own: Option<&Path>) -> Result<Option<Root>> {
        let named = self.places.named(owner.artifact_uri);
        // A place that the user named comes before the folder beside the metadata.
        let own = own.filter(|_| named.is_none());
        let uri = named.as_deref().unwrap_or(owner.artifact_uri);
        let owner = Owner { artifact_uri: uri, ..*owner };
        match self.places.find(&owner, own) {
            Found::Folder(folder) => {
                if self.places.named_elsewhere(uri, &folder) {
                    let root = found::root_of(uri);
                    self.stores.note(format!(
                        "the store names {root}, where files are, too: the folder beside the store was read instead; \
                         --artifact-root {root}={root} reads that one"
                    ));
                }
                Ok(Some(Root::of_folder(&folder)))
            }
            Found::Nothing => Ok(None),
            Found::Refused(folder) => Err(Error::permanent(format!(
                "its files in {} cannot be read: permission denied",
                folder.display()
            ))
            .hint("run mlferry as a user who may read them")),
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
