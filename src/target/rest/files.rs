use std::sync::Arc;

use async_trait::async_trait;

use crate::artifacts::{Digest, Hashed, proxied_path, proxied_url_path};
use crate::entities::FileEntry;
use crate::error::{Error, Result};
use crate::rest::{Client, Opener};
use crate::target::FileWriter;

/// Writes below one artifact root, through the server's proxy.
pub struct RestFiles {
    client: Arc<Client>,
    artifact_uri: String,
}

impl RestFiles {
    pub fn new(client: Arc<Client>, artifact_uri: String) -> Self {
        Self { client, artifact_uri }
    }
}

#[async_trait]
impl FileWriter for RestFiles {
    async fn write(&self, file: &FileEntry, source: &dyn Opener) -> Result<Digest> {
        let root = proxied_path(&self.artifact_uri).ok_or_else(|| {
            Error::permanent(format!(
                "the target keeps artifacts in {}, which cannot be written yet",
                self.artifact_uri
            ))
            .hint("start the target with --serve-artifacts and without --default-artifact-root")
        })?;
        let hashed = Hashed::new(source);
        let path = proxied_url_path(root, &file.path)?;
        let sent = self.client.upload("/api/2.0/mlflow-artifacts/artifacts", &path, file.size, &hashed).await;
        sent.map_err(|e| hashed.cause().unwrap_or(e))?;
        hashed.digest()
    }
}
