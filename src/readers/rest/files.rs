use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::RestReader;
use crate::artifacts::{is_kept, proxied_path, proxied_url_path};
use crate::entities::{FileEntry, Kind, Owner, Readable, Unreadable};
use crate::error::{Class, Error, Result};
use crate::io::{Pages, circle};

/// Folders that are listed side by side.
const FOLDERS_AT_ONCE: usize = 8;

/// Folders of folders that never end are not followed beyond this: no file system and no store has longer paths.
const LONGEST_PATH: usize = 4_096;

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

/// The files of a folder, and the folders in it.
type Listed = (Vec<FileEntry>, Vec<String>);

/// How far a walk has come: folders that are still to be listed, and why files of the owner may be missing.
type Walk = (Vec<String>, Option<Error>);

impl RestReader {
    /// From the store itself where this machine reaches it, which takes a request for 1 000 files; else from the server,
    /// which takes one for each folder.
    pub(super) fn files_of<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        let pages = async move {
            match self.listed_directly(owner).await {
                Some(pages) => pages.map_ok(|page| page.into_iter().map(Ok).collect()).boxed(),
                None => self.walk(owner),
            }
        };
        pages.flatten_stream().boxed()
    }

    /// Lists an owner's artifacts level by level: the route shows one folder a call. A folder that cannot be listed
    /// costs no other.
    fn walk<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        let next = move |(mut folders, mut lost): Walk| async move {
            if folders.is_empty() {
                return match lost {
                    None => Ok(None),
                    Some(error) => Err(error),
                };
            }
            let now = folders.split_off(folders.len().saturating_sub(FOLDERS_AT_ONCE));
            let listed: Vec<_> = stream::iter(now)
                .map(|folder| async move { (self.folder(owner, &folder).await, folder) })
                .buffered(FOLDERS_AT_ONCE)
                .collect()
                .await;
            let mut files = Vec::new();
            for (answer, folder) in listed {
                let ((here, below), error) = match answer {
                    Ok(answer) => answer,
                    // Without the first one nothing is known of the owner's files.
                    Err(error) if folder.is_empty() || self.ends_all(&error).await => return Err(error),
                    Err(error) => {
                        files.push(Err(unlisted(owner, &folder, &error)));
                        continue;
                    }
                };
                lost = lost.or(error.filter(|_| owner.kind == Kind::Run));
                files.extend(here.into_iter().map(Ok));
                // One that is not below the folder that was asked for leads in a circle.
                let (below, astray): (Vec<_>, Vec<_>) =
                    below.into_iter().partition(|path| is_below(path, &folder));
                files.extend(astray.iter().map(|path| Err(unlisted(owner, path, &circle()))));
                // The listing of such a folder is that of another one, or empty. Handed on as a file it fails by name.
                let (sayable, other): (Vec<_>, Vec<_>) =
                    below.into_iter().partition(|folder| self.can_be_listed(owner, folder));
                folders.extend(sayable);
                files.extend(other.into_iter().map(|path| Ok(FileEntry::new(path, None))));
            }
            Result::Ok(Some((files, (folders, lost))))
        };
        stream::try_unfold((vec![String::new()], None), next).boxed()
    }

    /// One folder. What the server has listed and does not find (a run without an artifacts folder, a model of a
    /// deleted experiment: MLflow 3.10 over a file store) may have files all the same; then the error comes along,
    /// because a run that is not found has more that cannot be asked for.
    async fn folder(&self, owner: Owner<'_>, folder: &str) -> Result<(Listed, Option<Error>)> {
        let (proxied, rules) = (proxied_path(owner.artifact_uri), self.probe.capabilities.paths);
        if let Some(root) = proxied.filter(|_| is_kept(rules, folder).is_err()) {
            return Ok((self.client.list_proxied(root, folder).await?, None));
        }
        let error = match self.client.list_artifacts(owner, folder).await {
            Err(error) if error.class() == Class::NotFound => error,
            other => return Ok((other?, None)),
        };
        match proxied {
            Some(root) => match self.client.list_proxied(root, folder).await {
                Ok(listed) => Ok((listed, Some(error))),
                Err(other) if self.ends_all(&other).await => Err(other),
                Err(_) => Err(error),
            },
            None => Err(error),
        }
    }

    /// By the owner's route, or else by the proxy's, which is asked for the whole path.
    fn can_be_listed(&self, owner: Owner<'_>, folder: &str) -> bool {
        if folder.len() > LONGEST_PATH {
            return false;
        }
        let rules = self.probe.capabilities.paths;
        is_kept(rules, folder).is_ok()
            || proxied_path(owner.artifact_uri)
                .is_some_and(|root| proxied_url_path(rules, root, folder).is_ok())
    }
}

fn unlisted(owner: Owner<'_>, folder: &str, error: &Error) -> Unreadable {
    let reason = format!("the folder {folder:?} cannot be listed: {error}");
    Unreadable { kind: Kind::Artifact, id: owner.id_of(&format!("{folder}/")), reason }
}
