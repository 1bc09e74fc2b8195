use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};

use crate::artifacts::{ByteStream, Digest, Hashed, local, proxied_path, proxied_url_path};
use crate::entities::{FileEntry, is_mlmodel, with_new_ids};
use crate::error::{Error, Result};
use crate::rest::{Client, Opener};
use crate::target::{FileWriter, Ledger};

/// Writes below one artifact root, through the server's proxy.
pub struct RestFiles {
    client: Arc<Client>,
    ledger: Arc<dyn Ledger>,
    /// The source's root, and the target's.
    roots: (String, String),
}

impl RestFiles {
    pub fn new(client: Arc<Client>, ledger: Arc<dyn Ledger>, roots: (String, String)) -> Self {
        Self { client, ledger, roots }
    }

    /// Small and changed on the way: its digest is that of what was read.
    async fn mlmodel(&self, path: &str, source: &Hashed<'_>) -> Result<()> {
        let text: BytesMut = source.open().await?.try_collect().await?;
        let (old, new) = &self.roots;
        let text = with_new_ids(&text, (old, new), |id| self.ledger.target_of(id));
        let size = text.len() as u64;
        self.upload(path, Some(size), &Text(text.into())).await
    }

    /// By way of a temporary file: MLflow 3.10 takes a request that does not announce its length for an empty file.
    async fn of_unknown_size(&self, path: &str, source: &dyn Opener) -> Result<Digest> {
        let folder = tempfile::tempdir()?;
        let spooled = Spooled(folder.path().join("file"));
        let digest = local::store(&spooled.0, source).await?;
        self.upload(path, Some(digest.bytes), &spooled).await?;
        Ok(digest)
    }

    async fn upload(&self, path: &str, size: Option<u64>, source: &dyn Opener) -> Result<()> {
        self.client.upload("/api/2.0/mlflow-artifacts/artifacts", path, size, source).await
    }
}

struct Spooled(PathBuf);

#[async_trait]
impl Opener for Spooled {
    async fn open(&self) -> Result<ByteStream> {
        local::open(&self.0).await
    }
}

/// A file that is in memory.
pub(super) struct Text(pub Bytes);

#[async_trait]
impl Opener for Text {
    async fn open(&self) -> Result<ByteStream> {
        let bytes = self.0.clone();
        Ok(stream::once(async { Ok(bytes) }).boxed())
    }
}

#[async_trait]
impl FileWriter for RestFiles {
    async fn write(&self, file: &FileEntry, source: &dyn Opener) -> Result<Digest> {
        let root = proxied_path(&self.roots.1).ok_or_else(|| {
            Error::permanent(format!(
                "the target keeps artifacts in {}, which cannot be written yet",
                self.roots.1
            ))
            .hint("start the target with --serve-artifacts and without --default-artifact-root")
        })?;
        let path = proxied_url_path(root, &file.path)?;
        let hashed = Hashed::new(source);
        let sent = match (is_mlmodel(&file.path, file.size), file.size) {
            (true, _) => self.mlmodel(&path, &hashed).await,
            (false, None) => return self.of_unknown_size(&path, source).await,
            (false, size) => self.upload(&path, size, &hashed).await,
        };
        sent.map_err(|e| hashed.cause().unwrap_or(e))?;
        hashed.digest()
    }
}
