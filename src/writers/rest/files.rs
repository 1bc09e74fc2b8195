use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use crate::artifacts::{
    ArtifactStores, Broken, ByteStream, Digest, Hashed, Root, local, proxied_path, proxied_url_path,
};
use crate::entities::{ExperimentId, FileEntry, Kind, Owner, RunId, S3Object, is_mlmodel, with_new_ids};
use crate::error::{Class, Error, Result};
use crate::io::ByteSource;
use crate::rest::{Client, PathRules};
use crate::writers::{FileWriter, IdMap};

/// The routes by which files reach the target. They are the same for all of its artifact roots.
pub struct ArtifactUploader {
    pub client: Arc<Client>,
    pub stores: Arc<ArtifactStores>,
    pub id_map: Arc<dyn IdMap>,
    /// How the server changes paths.
    pub paths: PathRules,
    /// Whether the server signs single uploads to its store. It is asked when the store refuses a direct upload.
    pub signs_uploads: OnceCell<bool>,
}

impl ArtifactUploader {
    async fn signs_uploads(&self) -> Result<bool> {
        self.signs_uploads.get_or_try_init(|| self.client.signs_uploads()).await.copied()
    }
}

/// Writes below one artifact root: through the server's proxy, or directly to S3.
pub struct RestFiles {
    uploader: Arc<ArtifactUploader>,
    /// The source's root, and the target's.
    roots: (String, String),
    /// The run that owns the files, if any: the server signs uploads for runs only.
    run: Option<RunId>,
    /// The files on the target, after they were listed.
    existing: OnceCell<Option<BTreeMap<String, Option<u64>>>>,
}

/// The destination of a file.
enum FileAddress {
    /// The path as the proxy's URL encodes it.
    Proxied(String),
    S3(S3Object),
}

impl RestFiles {
    pub fn new(uploader: Arc<ArtifactUploader>, roots: (String, String)) -> Self {
        Self { uploader, roots, run: None, existing: OnceCell::new() }
    }

    #[must_use]
    pub fn of_run(self, run: &RunId) -> Self {
        Self { run: Some(run.clone()), ..self }
    }

    /// The destination of a file. Only the target's own root determines it.
    fn place(&self, path: &str) -> Result<FileAddress> {
        let root = &self.roots.1;
        if let Some(root) = proxied_path(root) {
            return Ok(FileAddress::Proxied(proxied_url_path(self.uploader.paths, root, path)?));
        }
        let object = S3Object::parse(root).ok_or_else(|| {
            Error::permanent(format!("the target keeps artifacts in {root}, which cannot be written"))
                .hint("start the target with --serve-artifacts, or with a --default-artifact-root in S3")
        })?;
        Ok(FileAddress::S3(object.below(path)))
    }

    /// The files below the target's root, with their sizes. `None` if this machine cannot list them.
    async fn list(&self) -> Result<Option<BTreeMap<String, Option<u64>>>> {
        let root = &self.roots.1;
        let files = match proxied_path(root) {
            Some(root) => self.list_proxied(root).await?,
            None => match self.store_root().await {
                Some(root) => root.files().try_concat().await?,
                None => return Ok(None),
            },
        };
        Ok(Some(files.into_iter().map(|file| (file.path, file.size)).collect()))
    }

    /// The target's root, if this machine can read it directly.
    async fn store_root(&self) -> Option<Root> {
        let experiment_id = ExperimentId::from("");
        let (kind, artifact_uri) = (Kind::Artifact, self.roots.1.as_str());
        self.uploader
            .stores
            .root(&Owner { kind, experiment_id: &experiment_id, id: "", artifact_uri, label: "" })
            .await
    }

    async fn list_proxied(&self, root: &str) -> Result<Vec<FileEntry>> {
        let (mut folders, mut files) = (vec![String::new()], Vec::new());
        while let Some(folder) = folders.pop() {
            let (here, below) = self.uploader.client.list_proxied(root, &folder).await?;
            files.extend(here);
            folders.extend(below);
        }
        Ok(files)
    }

    /// The content of an `MLmodel` file, with the new ids. The file is small enough for memory.
    async fn mlmodel(&self, source: &Hashed<'_>) -> Result<Text> {
        let text: BytesMut = source.open().await?.try_collect().await?;
        let (old, new) = &self.roots;
        Ok(Text(with_new_ids(&text, (old, new), |id| self.uploader.id_map.target_of(id)).into()))
    }

    /// False if the target's `MLmodel` file contains an id of the source that now has a new one: the file was written
    /// before that run or model existed.
    async fn names_new_ids(&self, path: &str) -> Result<bool> {
        let stream = match self.place(path)? {
            FileAddress::Proxied(path) => self.uploader.client.download_proxied(&path).await?,
            FileAddress::S3(_) => match self.store_root().await {
                Some(root) => root.open(path).await?,
                None => return Ok(true),
            },
        };
        let text: BytesMut = stream.try_collect().await?;
        Ok(with_new_ids(&text, ("", ""), |id| self.uploader.id_map.target_of(id)) == text)
    }

    async fn send(
        &self,
        to: &FileAddress,
        path: &str,
        size: Option<u64>,
        source: &dyn ByteSource,
    ) -> Result<()> {
        let object = match to {
            FileAddress::Proxied(path) => {
                let route = "/api/2.0/mlflow-artifacts/artifacts";
                return self.uploader.client.upload(route, path, size, source).await;
            }
            FileAddress::S3(object) => object,
        };
        let refusal = match self.uploader.stores.put(object, size, source).await {
            Err(Broken::Store(e)) if matches!(e.class(), Class::Forbidden | Class::Auth) => e,
            written => return written.map_err(Broken::into_error),
        };
        match (&self.run, size) {
            (Some(run), Some(size))
                if self.uploader.paths.keeps(path) && self.uploader.signs_uploads().await? =>
            {
                self.uploader.client.upload_presigned(run, path, size, source).await
            }
            _ => Err(refusal),
        }
    }

    /// Sends a file of unknown size, through a temporary file: MLflow 3.10 treats a request without an announced length
    /// as an empty file.
    async fn of_unknown_size(&self, to: &FileAddress, path: &str, source: &dyn ByteSource) -> Result<Digest> {
        let folder = tempfile::tempdir()?;
        let spooled = Spooled(folder.path().join("file"));
        let digest = local::store(&spooled.0, None, source).await?;
        self.send(to, path, Some(digest.bytes), &spooled).await?;
        Ok(digest)
    }
}

struct Spooled(PathBuf);

#[async_trait]
impl ByteSource for Spooled {
    async fn open(&self) -> Result<ByteStream> {
        local::open(&self.0).await
    }
}

/// A file in memory.
pub(super) struct Text(pub Bytes);

#[async_trait]
impl ByteSource for Text {
    async fn open(&self) -> Result<ByteStream> {
        let bytes = self.0.clone();
        Ok(stream::once(async { Ok(bytes) }).boxed())
    }
}

#[async_trait]
impl FileWriter for RestFiles {
    async fn has(&self, file: &FileEntry, digest: &Digest, looks: bool) -> Result<bool> {
        if !looks {
            return Ok(true);
        }
        let existing = self.existing.get_or_try_init(|| self.list()).await?;
        let Some(existing) = existing else { return Ok(true) };
        let Some(found) = existing.get(&file.path) else { return Ok(false) };
        // A file that was changed during the transfer may have another size.
        if is_mlmodel(&file.path, file.size) {
            return self.names_new_ids(&file.path).await;
        }
        Ok(found.is_none_or(|found| found == digest.bytes))
    }

    async fn write(&self, file: &FileEntry, source: &dyn ByteSource) -> Result<Digest> {
        let (to, path) = (self.place(&file.path)?, file.path.as_str());
        let hashed = Hashed::new(source).of_size(file.size).recorded_as(file.sha256.clone());
        let sent = if is_mlmodel(path, file.size) {
            // The digest covers the original content.
            let text = self.mlmodel(&hashed).await.map_err(|e| hashed.cause().unwrap_or(e))?;
            self.send(&to, path, Some(text.0.len() as u64), &text).await
        } else if let FileAddress::S3(object) = &to
            && let Some(digest) = self.uploader.stores.copy(source, object).await?
        {
            return Ok(digest);
        } else if file.size.is_none() {
            return self.of_unknown_size(&to, path, source).await;
        } else {
            self.send(&to, path, file.size, &hashed).await
        };
        sent.map_err(|e| hashed.cause().unwrap_or(e))?;
        hashed.digest()
    }
}
