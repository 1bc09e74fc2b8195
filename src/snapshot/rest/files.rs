use futures::stream::{self, StreamExt, TryStreamExt};

use crate::artifacts::is_speakable;
use crate::entities::{FileEntry, Owner};
use crate::error::Result;
use crate::rest::{Client, Pages};

/// Folders that are listed side by side.
const FOLDERS_AT_ONCE: usize = 8;

/// Lists an owner's artifacts level by level: the route shows one folder a call.
pub fn files<'a>(client: &'a Client, owner: Owner<'a>) -> Pages<'a, FileEntry> {
    stream::try_unfold(vec![String::new()], move |mut folders| async move {
        if folders.is_empty() {
            return Ok(None);
        }
        let now = folders.split_off(folders.len().saturating_sub(FOLDERS_AT_ONCE));
        let listed: Vec<_> = stream::iter(now)
            .map(|folder| async move { client.list_artifacts(owner, &folder).await })
            .buffered(FOLDERS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let mut files = Vec::new();
        for (here, below) in listed {
            files.extend(here);
            // The listing of such a folder is that of another one, or empty. Handed on as a file it fails by name.
            let (speakable, other): (Vec<_>, Vec<_>) =
                below.into_iter().partition(|folder| is_speakable(folder).is_ok());
            folders.extend(speakable);
            files.extend(other.into_iter().map(|path| FileEntry { path, size: None, sha256: None }));
        }
        Result::Ok(Some((files, folders)))
    })
    .boxed()
}
