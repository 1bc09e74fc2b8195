use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::archive::{ArtifactList, Checksums, Layout, OwnerFolder, Sum};
use crate::artifacts::{Digest, local};
use crate::entities::{FileEntry, is_safe_path};
use crate::error::{Code, Error, Result};
use crate::io::ByteSource;
use crate::writers::FileWriter;

/// Writes the artifact folder of one run or logged model.
pub struct ArchiveFiles {
    layout: Layout,
    checksums: Arc<Checksums>,
    folder: OwnerFolder,
    /// The checksums of the files are stored one by one, because this owner has no list of files.
    one_by_one: bool,
}

impl ArchiveFiles {
    pub fn new(layout: &Layout, checksums: &Arc<Checksums>, folder: OwnerFolder) -> Self {
        Self { layout: layout.clone(), checksums: Arc::clone(checksums), folder, one_by_one: false }
    }

    /// For an owner that has no list of files.
    #[must_use]
    pub fn one_by_one(self) -> Self {
        Self { one_by_one: true, ..self }
    }

    /// Removes what an earlier export has written in the way of a file: at the source, a folder has become a file, or
    /// the other way round.
    fn clear(&self, path: &Path) -> Result<()> {
        let top = self.folder.artifacts();
        let place = |e: std::io::Error| Error::from(e).at(path.display());
        if path.is_dir() {
            fs::remove_dir_all(path).map_err(place)?;
        }
        let folders =
            path.ancestors().skip(1).take_while(|folder| *folder != top && folder.starts_with(&top));
        for folder in folders.filter(|folder| folder.is_file()) {
            match fs::remove_file(folder) {
                // Another file of the same folder has removed it.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                other => other.map_err(place)?,
            }
        }
        Ok(())
    }

    /// Writes the list of the folder's files. `lacking` means that a part of the owner could not be read. Returns the
    /// list's path and checksum.
    pub fn close(
        &self,
        files: Vec<FileEntry>,
        missing: Vec<(String, String)>,
        lacking: bool,
    ) -> Result<(PathBuf, Sum)> {
        let list = ArtifactList { files, missing: missing.into_iter().collect(), lacking };
        // mlflow-export-import treats a run without this folder as one without artifacts.
        let folder = self.folder.artifacts();
        self.layout.guard(&folder)?;
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
        }
        let (path, text) = (self.folder.list(), serde_json::to_vec(&list)?);
        local::write(&path, &text)?;
        Ok((path, Sum::of(&text)))
    }
}

/// True when a folder is in place of the file, or a file in place of one of its folders.
fn is_in_the_way(error: &Error) -> bool {
    use std::io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory};
    let kinds = [AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory];
    matches!(error.get_code(), Some(Code::Io(kind)) if kinds.contains(kind))
}

/// True when nothing was missing at the source, and all files still have their full length. Their content is only
/// read after a crash of the machine.
pub fn is_whole(checksums: &Checksums, folder: &OwnerFolder) -> bool {
    let list = checksums.read(&folder.list(), |text| Ok(serde_json::from_reader::<_, ArtifactList>(text)?));
    let is_present = |file: &FileEntry| {
        let now = folder.artifact(&file.path).metadata();
        is_safe_path(&file.path)
            && now.is_ok_and(|now| now.is_file() && file.size.is_none_or(|size| size == now.len()))
            && has_content(checksums, &folder.artifact(&file.path), file.sha256.as_deref())
    };
    list.is_ok_and(|list| list.missing.is_empty() && !list.lacking && list.files.iter().all(is_present))
}

fn has_content(checksums: &Checksums, path: &Path, sha256: Option<&str>) -> bool {
    let Some(sum) = sha256.and_then(Sum::parse).filter(|_| checksums.reads_files()) else { return true };
    Sum::of_file(path).is_ok_and(|now| now == sum)
}

#[async_trait]
impl FileWriter for ArchiveFiles {
    async fn has(&self, file: &FileEntry, digest: &Digest, _looks: bool) -> Result<bool> {
        let path = self.folder.artifact(&file.path);
        let is_present = || {
            path.metadata().is_ok_and(|meta| meta.len() == digest.bytes)
                && has_content(&self.checksums, &path, digest.sha256.as_deref())
        };
        Ok(is_safe_path(&file.path) && is_present() && (!self.one_by_one || self.checksums.is_sound(&path)))
    }

    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest> {
        if !is_safe_path(&file.path) {
            return Err(Error::permanent(format!("{:?} would be written outside of its folder", file.path)));
        }
        let path = self.folder.artifact(&file.path);
        // If the path is a link, it is replaced by the file itself.
        self.layout.guard(path.parent().unwrap_or(&path))?;
        let stored = local::store(&path, file.size, source).await;
        let digest = match stored {
            Err(error) if is_in_the_way(&error) => {
                self.clear(&path)?;
                local::store(&path, file.size, source).await?
            }
            other => other?,
        };
        if let Some(sum) = digest.sha256.as_deref().and_then(Sum::parse).filter(|_| self.one_by_one) {
            self.checksums.add(&[(&path, sum)])?;
        }
        Ok(digest)
    }
}
