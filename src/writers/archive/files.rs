use std::fs;

use async_trait::async_trait;

use crate::archive::{ArtifactList, Layout, OwnerFolder};
use crate::artifacts::{Digest, local};
use crate::entities::{FileEntry, is_safe_path};
use crate::error::{Error, Result};
use crate::io::ByteSource;
use crate::writers::FileWriter;

/// Writes the artifact folder of one run or logged model.
pub struct ArchiveFiles {
    layout: Layout,
    folder: OwnerFolder,
}

impl ArchiveFiles {
    pub fn new(layout: &Layout, folder: OwnerFolder) -> Self {
        Self { layout: layout.clone(), folder }
    }

    /// Writes the list of what the folder holds; `lacking` when something of the owner could not be read.
    pub fn close(&self, files: Vec<FileEntry>, missing: Vec<(String, String)>, lacking: bool) -> Result<()> {
        let list = ArtifactList { files, missing: missing.into_iter().collect(), lacking };
        // The incumbent takes a run without this folder for one without artifacts.
        self.layout.guard(&self.folder.artifacts())?;
        fs::create_dir_all(self.folder.artifacts())?;
        local::write(&self.folder.list(), &serde_json::to_vec(&list)?)
    }
}

#[async_trait]
impl FileWriter for ArchiveFiles {
    async fn has(&self, file: &FileEntry, digest: &Digest, _looks: bool) -> Result<bool> {
        let is_there =
            || self.folder.artifact(&file.path).metadata().is_ok_and(|meta| meta.len() == digest.bytes);
        Ok(is_safe_path(&file.path) && is_there())
    }

    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest> {
        if !is_safe_path(&file.path) {
            return Err(Error::permanent(format!("{:?} would be written outside of its folder", file.path)));
        }
        let path = self.folder.artifact(&file.path);
        // The file itself takes the place of a link.
        self.layout.guard(path.parent().unwrap_or(&path))?;
        local::store(&path, file.size, source).await
    }
}
