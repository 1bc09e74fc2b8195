use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::rest::Opener;

/// A file's bytes as they arrive.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// What a file was, once all of it has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    pub bytes: u64,
    /// Hexadecimal. None when nobody has read the bytes in one row: S3 has copied them in parts.
    pub sha256: Option<String>,
}

/// Opens a file as often as it is asked to, and hashes what passes the last time.
pub struct Hashed<'a> {
    inner: &'a dyn Opener,
    pass: Mutex<Arc<Mutex<Pass>>>,
}

#[derive(Default)]
struct Pass {
    hasher: Sha256,
    bytes: u64,
    /// Why the source broke off: the transport only tells that it did.
    broken: Option<Error>,
}

impl<'a> Hashed<'a> {
    pub fn new(inner: &'a dyn Opener) -> Self {
        Self { inner, pass: Mutex::default() }
    }

    /// The digest of the last pass, or why that pass broke off.
    pub fn digest(self) -> Result<Digest> {
        let pass = self.pass.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut pass = lock(&pass);
        match pass.broken.take() {
            Some(error) => Err(error),
            None => {
                let sha256 = hex::encode(std::mem::take(&mut pass.hasher).finalize());
                Ok(Digest { bytes: pass.bytes, sha256: Some(sha256) })
            }
        }
    }

    /// The source's own reason, if it was the source that broke off.
    pub fn cause(&self) -> Option<Error> {
        let pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        lock(&pass).broken.take()
    }
}

#[async_trait]
impl Opener for Hashed<'_> {
    async fn open(&self) -> Result<ByteStream> {
        let pass = Arc::new(Mutex::new(Pass::default()));
        *self.pass.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&pass);
        let bytes = self.inner.open().await?;
        Ok(bytes
            .map(move |chunk| {
                let mut pass = lock(&pass);
                match chunk {
                    Ok(bytes) => {
                        pass.hasher.update(&bytes);
                        pass.bytes += bytes.len() as u64;
                        Ok(bytes)
                    }
                    Err(error) => {
                        let told = Error::transient(error.to_string());
                        pass.broken = Some(error);
                        Err(told)
                    }
                }
            })
            .boxed())
    }
}

fn lock(pass: &Arc<Mutex<Pass>>) -> std::sync::MutexGuard<'_, Pass> {
    pass.lock().unwrap_or_else(PoisonError::into_inner)
}
