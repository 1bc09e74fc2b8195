//! Files in local folders. A file appears completely or not at all: it is written under a temporary name, synced, and
//! renamed; then its folder is synced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use super::walk::{self, PARTIAL, Walked};
use super::{ByteStream, Digest, Hashed};
use crate::entities::FileEntry;
use crate::error::{Class, Error, Result};
use crate::io::ByteSource;

const CHUNK: usize = 256 * 1024;
/// The most times that a file is read again after its source broke off.
const MAX_RETRIES: u32 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// Creates a file that does not exist under its final name yet.
pub fn partial(path: &Path) -> Result<NamedTempFile> {
    let folder = folder_of(path)?;
    fs::create_dir_all(folder).map_err(|e| Error::from(e).at(folder.display()))?;
    tempfile::Builder::new()
        .prefix(PARTIAL)
        .tempfile_in(folder)
        .map_err(|e| Error::from(e).at(folder.display()))
}

/// Renames a finished partial file to its final name, and makes sure that it is on disk.
pub fn appear(file: NamedTempFile, path: &Path) -> Result<()> {
    let place = |e: io::Error| Error::from(e).at(path.display());
    file.as_file().sync_all().map_err(place)?;
    file.persist(path).map_err(|e| place(e.error))?;
    File::open(folder_of(path)?).and_then(|folder| folder.sync_all()).map_err(place)
}

/// Writes a small file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = partial(path)?;
    file.write_all(bytes).map_err(|e| Error::from(e).at(path.display()))?;
    appear(file, path)
}

/// Streams a file to disk and hashes it in the same pass. A source that breaks off is read again. If the number of
/// bytes is not `size`, an existing file is kept unchanged.
pub async fn store(path: &Path, size: Option<u64>, source: &dyn ByteSource) -> Result<Digest> {
    let hashed = Hashed::new(source).of_size(size);
    let mut retries = 0;
    loop {
        // The source itself repeats a failed open, so this failure is final.
        let bytes = hashed.open().await.map_err(|e| hashed.cause().unwrap_or(e))?;
        match store_once(path, &hashed, bytes).await {
            Err(error) if error.class() == Class::Transient && retries < MAX_RETRIES => {
                let delay = FIRST_DELAY * 2_u32.pow(retries);
                retries += 1;
                tracing::warn!("{error}; again in {:.1} s", delay.as_secs_f64());
                tokio::time::sleep(delay).await;
            }
            Err(error) => return Err(error),
            Ok(()) => return hashed.digest(),
        }
    }
}

async fn store_once(path: &Path, hashed: &Hashed<'_>, mut bytes: ByteStream) -> Result<()> {
    let (file, temporary) = partial(path)?.into_parts();
    let mut writer = tokio::io::BufWriter::with_capacity(CHUNK, tokio::fs::File::from_std(file));
    let place = |e: io::Error| Error::from(e).at(path.display());
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(|e| hashed.cause().unwrap_or(e))?;
        writer.write_all(&chunk).await.map_err(place)?;
    }
    writer.flush().await.map_err(place)?;
    drop(bytes);
    let file = writer.into_inner().into_std().await;
    let whole = path.to_owned();
    tokio::task::spawn_blocking(move || appear(NamedTempFile::from_parts(file, temporary), &whole))
        .await
        .map_err(|e| Error::permanent(e.to_string()))?
}

/// Opens a file at a trusted path, which does not come from a server or an archive.
pub async fn open(path: &Path) -> Result<ByteStream> {
    let file = tokio::fs::File::open(path).await.map_err(|e| Error::from(e).at(path.display()))?;
    let place = path.display().to_string();
    let chunks = ReaderStream::with_capacity(file, CHUNK);
    Ok(chunks.map(move |chunk| chunk.map_err(|e| Error::from(e).at(&place))).boxed())
}

/// Opens a file below a folder. The path must be a file and must not lead out of the folder.
pub async fn open_below(root: &Path, path: &str) -> Result<ByteStream> {
    let (root, path) = (root.to_owned(), below(root, path));
    let resolved = tokio::task::spawn_blocking(move || walk::resolve(&root, &path)).await;
    open(&resolved.map_err(|e| Error::permanent(e.to_string()))??).await
}

/// Every file below `root`, in the order of the paths. Empty when the folder does not exist.
pub fn walk(root: &Path) -> Result<Vec<FileEntry>> {
    let Walked { files, unread } = walk::walk(root);
    unread.map_or(Ok(files), Err)
}

/// Removes the partial files below `root` that a killed process left.
pub fn sweep(root: &Path) -> Result<()> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                fs::remove_file(entry.path()).map_err(|e| Error::from(e).at(entry.path().display()))?;
            }
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> Result<&Path> {
    let folder =
        path.parent().ok_or_else(|| Error::permanent(format!("{} has no folder", path.display())))?;
    // A name without a folder is in the working directory.
    Ok(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// The path of an artifact below `root`. The parts are used unchanged.
pub fn below(root: &Path, path: &str) -> PathBuf {
    path.split('/').fold(root.to_owned(), |folder, part| folder.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use bytes::Bytes;

    struct Script(Vec<Result<&'static str, &'static str>>);

    #[async_trait]
    impl ByteSource for Script {
        async fn open(&self) -> Result<ByteStream> {
            let chunks: Vec<Result<Bytes>> = self
                .0
                .iter()
                .map(|step| step.map(|text| Bytes::from_static(text.as_bytes())).map_err(Error::transient))
                .collect();
            Ok(futures::stream::iter(chunks).boxed())
        }
    }

    #[tokio::test]
    async fn a_stored_file_is_whole_and_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let path = below(folder.path(), "a/b c/100%.txt");
        let digest = store(&path, Some(3), &Script(vec![Ok("ab"), Ok("c")])).await.unwrap();
        assert_eq!(digest.bytes, 3);
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.sha256.as_deref(), Some(expected));
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(walk(folder.path()).unwrap()[0].path, "a/b c/100%.txt");
    }

    #[test]
    fn partial_files_of_a_killed_process_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/x");
        let left = partial(&path).unwrap().keep().unwrap().1;
        write(&path, b"x").unwrap();
        assert_eq!(walk(folder.path()).unwrap().len(), 1);
        sweep(folder.path()).unwrap();
        assert!(path.is_file() && !left.exists());
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_never_appears() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let error = store(&path, None, &Script(vec![Ok("ab"), Err("gone")])).await.unwrap_err();
        assert_eq!(error.to_string(), "its source cannot be read: gone");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_of_another_length_does_not_replace_the_existing_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write(&path, b"old").unwrap();
        for size in [1, 3] {
            let error = store(&path, Some(size), &Script(vec![Ok("ab")])).await.unwrap_err();
            assert_eq!(error.class(), Class::Permanent, "{error}");
            assert_eq!(fs::read(&path).unwrap(), b"old");
        }
    }
}
