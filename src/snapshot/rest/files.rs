use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::RestSnapshot;
use crate::artifacts::{is_speakable, proxied_path};
use crate::entities::{FileEntry, Kind, Owner};
use crate::error::{Class, Error, Result};
use crate::rest::{Client, Pages};

/// Folders that are listed side by side.
const FOLDERS_AT_ONCE: usize = 8;

/// The files of a folder, and the folders in it.
type Listed = (Vec<FileEntry>, Vec<String>);

impl RestSnapshot {
    /// From the store itself where this machine reaches it, which takes a request for 1 000 files; else from the server,
    /// which takes one for each folder.
    pub(super) fn files_of<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, FileEntry> {
        let pages = async move {
            match self.stores.root(&owner).await {
                Some(root) => root.files(),
                None => files(&self.client, owner),
            }
        };
        pages.flatten_stream().boxed()
    }
}

/// Lists an owner's artifacts level by level: the route shows one folder a call.
fn files<'a>(client: &'a Client, owner: Owner<'a>) -> Pages<'a, FileEntry> {
    stream::try_unfold((vec![String::new()], None), move |(mut folders, mut lost)| async move {
        if folders.is_empty() {
            return match lost {
                None => Ok(None),
                Some(error) => Err(error),
            };
        }
        let now = folders.split_off(folders.len().saturating_sub(FOLDERS_AT_ONCE));
        let listed: Vec<_> = stream::iter(now)
            .map(|folder| list(client, owner, folder))
            .buffered(FOLDERS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let mut files = Vec::new();
        for ((here, below), error) in listed {
            lost = lost.or(error.filter(|_| owner.kind == Kind::Run));
            files.extend(here);
            // The listing of such a folder is that of another one, or empty. Handed on as a file it fails by name.
            let (speakable, other): (Vec<_>, Vec<_>) =
                below.into_iter().partition(|folder| is_speakable(folder).is_ok());
            folders.extend(speakable);
            files.extend(other.into_iter().map(|path| FileEntry { path, size: None, sha256: None }));
        }
        Result::Ok(Some((files, (folders, lost))))
    })
    .boxed()
}

/// One folder. What the server has listed and does not find (a run without an artifacts folder, a model of a deleted
/// experiment: MLflow 3.10 over a file store) may have files all the same; then the error comes along, because a run
/// that is not found has more that cannot be asked for.
async fn list(client: &Client, owner: Owner<'_>, folder: String) -> Result<(Listed, Option<Error>)> {
    let error = match client.list_artifacts(owner, &folder).await {
        Err(error) if error.class() == Class::NotFound => error,
        other => return Ok((other?, None)),
    };
    match proxied_path(owner.artifact_uri) {
        Some(root) => match client.list_proxied(root, &folder).await {
            Ok(listed) => Ok((listed, Some(error))),
            Err(_) => Err(error),
        },
        None => Err(error),
    }
}
