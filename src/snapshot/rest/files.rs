use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::RestSnapshot;
use crate::artifacts::{is_kept, proxied_path, proxied_url_path};
use crate::entities::{FileEntry, Kind, Owner};
use crate::error::{Class, Error, Result};
use crate::rest::{Client, Pages, PathRules};

/// Folders that are listed side by side.
const FOLDERS_AT_ONCE: usize = 8;

/// The files of a folder, and the folders in it.
type Listed = (Vec<FileEntry>, Vec<String>);

impl RestSnapshot {
    /// From the store itself where this machine reaches it, which takes a request for 1 000 files; else from the server,
    /// which takes one for each folder.
    pub(super) fn files_of<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, FileEntry> {
        let pages = async move {
            match self.listed_directly(owner).await {
                Some(pages) => pages,
                None => files(&self.client, self.probe.capabilities.paths, owner),
            }
        };
        pages.flatten_stream().boxed()
    }
}

/// Lists an owner's artifacts level by level: the route shows one folder a call.
fn files<'a>(client: &'a Client, rules: PathRules, owner: Owner<'a>) -> Pages<'a, FileEntry> {
    stream::try_unfold((vec![String::new()], None), move |(mut folders, mut lost)| async move {
        if folders.is_empty() {
            return match lost {
                None => Ok(None),
                Some(error) => Err(error),
            };
        }
        let now = folders.split_off(folders.len().saturating_sub(FOLDERS_AT_ONCE));
        let listed: Vec<_> = stream::iter(now)
            .map(|folder| list(client, rules, owner, folder))
            .buffered(FOLDERS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let mut files = Vec::new();
        for ((here, below), error) in listed {
            lost = lost.or(error.filter(|_| owner.kind == Kind::Run));
            files.extend(here);
            // The listing of any other is that of another folder, or empty. Handed on as a file it fails by name.
            let (sayable, other): (Vec<_>, Vec<_>) =
                below.into_iter().partition(|folder| can_be_listed(rules, owner, folder));
            folders.extend(sayable);
            files.extend(other.into_iter().map(|path| FileEntry::new(path, None)));
        }
        Result::Ok(Some((files, (folders, lost))))
    })
    .boxed()
}

/// One folder. What the server has listed and does not find (a run without an artifacts folder, a model of a deleted
/// experiment: MLflow 3.10 over a file store) may have files all the same; then the error comes along, because a run
/// that is not found has more that cannot be asked for.
async fn list(
    client: &Client,
    rules: PathRules,
    owner: Owner<'_>,
    folder: String,
) -> Result<(Listed, Option<Error>)> {
    let proxied = proxied_path(owner.artifact_uri);
    if let Some(root) = proxied.filter(|_| is_kept(rules, &folder).is_err()) {
        return Ok((client.list_proxied(root, &folder).await?, None));
    }
    let error = match client.list_artifacts(owner, &folder).await {
        Err(error) if error.class() == Class::NotFound => error,
        other => return Ok((other?, None)),
    };
    match proxied {
        Some(root) => match client.list_proxied(root, &folder).await {
            Ok(listed) => Ok((listed, Some(error))),
            Err(_) => Err(error),
        },
        None => Err(error),
    }
}

/// By the owner's route, or else by the proxy's, which is asked for the whole path.
fn can_be_listed(rules: PathRules, owner: Owner<'_>, folder: &str) -> bool {
    is_kept(rules, folder).is_ok()
        || proxied_path(owner.artifact_uri).is_some_and(|root| proxied_url_path(rules, root, folder).is_ok())
}
