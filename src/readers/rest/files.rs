use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::RestReader;
use crate::artifacts::{is_kept, proxied_path, proxied_url_path};
use crate::entities::{FileEntry, Kind, Owner, Readable, Unreadable};
use crate::error::{Class, Error, Result};
use crate::io::{Pages, circle};

/// The most folders that are listed at the same time.
const MAX_CONCURRENT_FOLDERS: usize = 8;

/// Stops the walk in endlessly nested folders: no file system and no store has longer paths.
const MAX_PATH_LENGTH: usize = 4_096;

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

/// The files of a folder, and the folders in it.
type Listed = (Vec<FileEntry>, Vec<String>);

/// The state of a walk: folders that are not listed yet, and the reason why files of the owner may be missing.
type Walk = (Vec<String>, Option<Error>);

impl RestReader {
    /// The files of an owner. They are listed by the store itself if this machine can reach it, with one request per
    /// 1 000 files; otherwise by the server, with one request per folder.
    pub(super) fn files_of<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        let pages = async move {
            match self.listed_directly(owner).await {
                Some(pages) => pages.map_ok(|page| page.into_iter().map(Ok).collect()).boxed(),
                None => self.walk(owner),
            }
        };
        pages.flatten_stream().boxed()
    }

    /// Lists an owner's artifacts level by level: the route returns one folder per call. A folder that cannot be listed
    /// does not affect the others.
    fn walk<'a>(&'a self, owner: Owner<'a>) -> Pages<'a, Readable<FileEntry>> {
        let next = move |(mut folders, mut lost): Walk| async move {
            if folders.is_empty() {
                return match lost {
                    None => Ok(None),
                    Some(error) => Err(error),
                };
            }
            let now = folders.split_off(folders.len().saturating_sub(MAX_CONCURRENT_FOLDERS));
            let listed: Vec<_> = stream::iter(now)
                .map(|folder| async move { (self.folder(owner, &folder).await, folder) })
                .buffered(MAX_CONCURRENT_FOLDERS)
                .collect()
                .await;
            let mut files = Vec::new();
            for (answer, folder) in listed {
                let ((here, below), error) = match answer {
                    Ok(answer) => answer,
                    // Without the root folder, none of the owner's files are known.
                    Err(error) if folder.is_empty() || self.fails_every_request(&error).await => {
                        return Err(error);
                    }
                    Err(error) => {
                        files.push(Err(unlisted(owner, &folder, &error)));
                        continue;
                    }
                };
                lost = lost.or(error.filter(|_| owner.kind == Kind::Run));
                files.extend(here.into_iter().map(Ok));
                // A path that is not below the requested folder would lead in a circle.
                let (below, astray): (Vec<_>, Vec<_>) =
                    below.into_iter().partition(|path| is_below(path, &folder));
                files.extend(astray.iter().map(|path| Err(unlisted(owner, path, &circle()))));
                // For such a folder, the server would list another folder or nothing. It is returned as a file, so that
                // it fails with its name.
                let (listable, other): (Vec<_>, Vec<_>) =
                    below.into_iter().partition(|folder| self.can_be_listed(owner, folder));
                folders.extend(listable);
                files.extend(other.into_iter().map(|path| Ok(FileEntry::new(path, None))));
            }
            Result::Ok(Some((files, (folders, lost))))
        };
        stream::try_unfold((vec![String::new()], None), next).boxed()
    }

    /// Lists one folder. The server may not find an owner that it has listed (a run without an artifacts folder, a
    /// model of a deleted experiment: MLflow 3.10 over a file store), although the owner has files. Then the error is
    /// also returned, because nothing else of such a run can be requested.
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
                Err(other) if self.fails_every_request(&other).await => Err(other),
                Err(_) => Err(error),
            },
            None => Err(error),
        }
    }

    /// True when the owner's route or the proxy's route can list the folder. The proxy receives the whole path.
    fn can_be_listed(&self, owner: Owner<'_>, folder: &str) -> bool {
        if folder.len() > MAX_PATH_LENGTH {
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
