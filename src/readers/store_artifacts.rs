//! The files of the owners of a store that is read without its server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, stream};

use crate::artifacts::{ArtifactStores, ByteStream, local};
use crate::entities::{FileEntry, Owner, Readable, S3Object};
use crate::error::{Error, Result};
use crate::io::{Pages, Traffic};

/// Reads the files of runs, logged models and traces: beside their metadata, or in the store that their URI names.
pub struct StoreArtifacts {
    stores: Arc<ArtifactStores>,
}

impl StoreArtifacts {
    /// The files beside the metadata of a store in the folder `root`, and in the stores that this machine can read.
    pub fn beside(_root: &Path, stores: Arc<ArtifactStores>) -> Self {
        Self { stores }
    }

    /// Every file of the owner. `own` is the folder beside the owner's metadata, if the store has one.
    pub fn files<'a>(&'a self, owner: Owner<'a>, own: Option<PathBuf>) -> Pages<'a, Readable<FileEntry>> {
        stream::once(async move {
            match own {
                Some(folder) => Ok(local::walk(&folder)?.into_iter().map(Ok).collect()),
                None => Err(no_folder(owner)),
            }
        })
        .boxed()
    }

    pub async fn open(&self, owner: Owner<'_>, own: Option<PathBuf>, file: &FileEntry) -> Result<ByteStream> {
        local::open_below(&own.ok_or_else(|| no_folder(owner))?, &file.path).await
    }

    pub async fn sha256(
        &self,
        _owner: Owner<'_>,
        _own: Option<PathBuf>,
        _file: &FileEntry,
    ) -> Result<Option<String>> {
        Ok(None)
    }

    pub async fn in_s3(
        &self,
        _owner: Owner<'_>,
        _own: Option<PathBuf>,
        _file: &FileEntry,
    ) -> Option<S3Object> {
        None
    }

    pub fn take_notes(&self) -> Vec<String> {
        self.stores.take_notes()
    }

    pub fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

fn no_folder(owner: Owner<'_>) -> Error {
    Error::permanent(format!("{} cannot be read without its server", owner.artifact_uri))
}
