//! Files in local folders. A file appears completely or not at all: it is written under a temporary name, and renamed.
//! State files are synced one by one; an export, which has very many files, is synced once at its end.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use super::walk::{self, PARTIAL, Walked};
use super::{ByteStream, Digest, Hashed};
use crate::entities::FileEntry;
use crate::error::{Class, Error, Result};
use crate::io::{ByteSource, FolderFile, in_thread};

const CHUNK: usize = 256 * 1024;
/// Any two starts of the machine may be different.
pub const UNKNOWN_BOOT: &str = "unknown";
/// The most times that a file is read again after its source broke off.
const MAX_RETRIES: u32 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// Creates a file that does not exist under its final name yet.
pub fn partial(path: &Path) -> Result<NamedTempFile> {
    let folder = folder_of(path)?;
    let create = || tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder);
    let created = create().or_else(|e| match e.kind() {
        // Most folders exist already.
        io::ErrorKind::NotFound => fs::create_dir_all(folder).and_then(|()| create()),
        _ => Err(e),
    });
    created.map_err(|e| Error::from(e).at(folder.display()))
}

/// Renames a finished partial file to its final name. The file is on disk after [`sync`].
pub fn appear(file: NamedTempFile, path: &Path) -> Result<()> {
    file.persist(path).map(drop).map_err(|e| Error::from(e.error).at(path.display()))
}

/// Writes a small file. It is on disk after [`sync`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = partial(path)?;
    file.write_all(bytes).map_err(|e| Error::from(e).at(path.display()))?;
    appear(file, path)
}

/// The same as [`appear`], and makes sure that the file is on disk.
pub fn appear_synced(file: NamedTempFile, path: &Path) -> Result<()> {
    let place = |e: io::Error| Error::from(e).at(path.display());
    file.as_file().sync_all().map_err(place)?;
    appear(file, path)?;
    sync_folder(folder_of(path)?)
}

/// Makes sure that the names in a folder are on disk.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|e| Error::from(e).at(folder.display()))
}

/// The same as [`write`], and makes sure that the file is on disk.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = partial(path)?;
    file.write_all(bytes).map_err(|e| Error::from(e).at(path.display()))?;
    appear_synced(file, path)
}

/// Makes sure that everything below `root` is on disk.
#[cfg(target_os = "linux")]
pub fn sync(root: &Path) -> Result<()> {
    let synced = File::open(root).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
    synced.map_err(|e| Error::from(e).at(root.display()))
}

/// Makes sure that everything below `root` is on disk.
#[cfg(not(target_os = "linux"))]
pub fn sync(root: &Path) -> Result<()> {
    for file in walk(root)? {
        let path = below(root, &file.path);
        let synced = fs::OpenOptions::new().append(true).open(&path).and_then(|file| file.sync_all());
        synced.map_err(|e| Error::from(e).at(path.display()))?;
    }
    Ok(())
}

/// Identifies the current start of the machine: files that were written since are whole, even if they are not on disk
/// yet. [`UNKNOWN_BOOT`] when the system does not tell.
pub fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if id.trim().is_empty() { UNKNOWN_BOOT.to_owned() } else { id.trim().to_owned() }
}

/// Streams a file to disk and hashes it in the same pass. A source that breaks off is read again. If the number of
/// bytes is not `size`, an existing file is kept unchanged. The file is on disk after [`sync`].
pub async fn store(path: &Path, size: Option<u64>, source: &dyn ByteSource) -> Result<Digest> {
    let may_be_small = size.is_none_or(|size| size < CHUNK as u64);
    if may_be_small && let Some(file) = source.in_folder().await {
        let path = path.to_owned();
        if let Some(digest) = in_thread(move || copy_small(&file, &path, size)).await? {
            return Ok(digest);
        }
    }
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

/// Copies a small file of another folder. `None` when it is not small, or cannot be read as it is listed.
fn copy_small(file: &FolderFile, path: &Path, size: Option<u64>) -> Result<Option<Digest>> {
    let opened = walk::resolve(&file.root, &below(&file.root, &file.path)).and_then(|from| start_of(&from));
    let Ok(Opened { start, rest: None, .. }) = opened else { return Ok(None) };
    let bytes = start.len() as u64;
    if size.is_some_and(|size| size != bytes) {
        return Ok(None);
    }
    write(path, &start)?;
    Ok(Some(Digest { bytes, sha256: Some(hex::encode(Sha256::digest(&start))) }))
}

async fn store_once(path: &Path, hashed: &Hashed<'_>, mut bytes: ByteStream) -> Result<()> {
    let mut start = Vec::new();
    while start.len() < CHUNK {
        let Some(chunk) = bytes.next().await else {
            // Most files are small: they are written in one visit to a thread.
            let path = path.to_owned();
            return in_thread(move || write(&path, &start)).await;
        };
        start.extend_from_slice(&chunk.map_err(|e| hashed.cause().unwrap_or(e))?);
    }
    let (file, temporary) = partial(path)?.into_parts();
    let mut writer = tokio::io::BufWriter::with_capacity(CHUNK, tokio::fs::File::from_std(file));
    let place = |e: io::Error| Error::from(e).at(path.display());
    writer.write_all(&start).await.map_err(place)?;
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(|e| hashed.cause().unwrap_or(e))?;
        writer.write_all(&chunk).await.map_err(place)?;
    }
    writer.flush().await.map_err(place)?;
    drop(bytes);
    let file = writer.into_inner().into_std().await;
    let whole = path.to_owned();
    in_thread(move || appear(NamedTempFile::from_parts(file, temporary), &whole)).await
}

/// Opens a file at a trusted path, which does not come from a server or an archive.
pub async fn open(path: &Path) -> Result<ByteStream> {
    let path = path.to_owned();
    in_thread(move || start_of(&path)).await.map(Opened::stream)
}

/// Opens a file below a folder. The path must be a file and must not lead out of the folder.
pub async fn open_below(root: &Path, path: &str) -> Result<ByteStream> {
    let (root, path) = (root.to_owned(), below(root, path));
    in_thread(move || start_of(&walk::resolve(&root, &path)?)).await.map(Opened::stream)
}

/// An open file and its first bytes. Most files are small: they are opened and read in one visit to a thread.
struct Opened {
    start: Vec<u8>,
    /// `None` when `start` is the whole file.
    rest: Option<File>,
    place: String,
}

fn start_of(path: &Path) -> Result<Opened> {
    let place = path.display().to_string();
    let read = || {
        let file = File::open(path)?;
        let (start, is_whole) = read_start(&file, file.metadata()?.len(), CHUNK)?;
        let rest = (!is_whole).then_some(file);
        Ok((start, rest))
    };
    let (start, rest) = read().map_err(|e: io::Error| Error::from(e).at(&place))?;
    Ok(Opened { start, rest, place })
}

/// The first bytes of a file of this size, and whether they are all of it. One call reads a small file: when a regular
/// file returns fewer bytes than requested, it has ended.
pub fn read_start(mut file: &File, size: u64, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let room = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1).min(limit);
    let mut start = vec![0; room];
    let count = file.read(&mut start)?;
    start.truncate(count);
    let has_ended = count < room && count as u64 == size;
    if !has_ended {
        file.take((limit - count) as u64).read_to_end(&mut start)?;
    }
    let is_whole = has_ended || start.len() < limit;
    Ok((start, is_whole))
}

impl Opened {
    fn stream(self) -> ByteStream {
        let Self { start, rest, place } = self;
        let start = (!start.is_empty()).then(|| Ok(Bytes::from(start)));
        let rest = rest.map(|file| ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK));
        let rest = stream::iter(rest).flatten();
        let rest = rest.map(move |chunk| chunk.map_err(|e| Error::from(e).at(&place)));
        stream::iter(start).chain(rest).boxed()
    }
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
