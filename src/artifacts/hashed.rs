use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use sha2::{Digest as _, Sha256};

use crate::error::{Class, Error, Result};
use crate::io::ByteSource;

/// A file's bytes as they arrive.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// The size and the hash of a file that was read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    pub bytes: u64,
    /// Hexadecimal. `None` when the bytes were not read in sequence, because S3 copied them in parts.
    pub sha256: Option<String>,
}

/// After the file has ended too early this many times, it counts as shorter than announced.
const SHORT_READS: u32 = 3;

/// Opens a file as often as needed, and hashes the bytes of the last pass. It keeps the error of the file itself: the
/// transport would only see that the bytes broke off, and would retry in vain.
pub struct Hashed<'a> {
    inner: &'a dyn ByteSource,
    /// The expected number of bytes, if known.
    size: Option<u64>,
    /// The checksum that an export recorded.
    recorded: Option<String>,
    pass: Mutex<Arc<Mutex<Pass>>>,
}

#[derive(Default)]
struct Pass {
    hasher: Sha256,
    bytes: u64,
    /// How often the file ended too early, including this pass.
    short: u32,
    /// Why the source broke off.
    broken: Option<Error>,
}

impl<'a> Hashed<'a> {
    pub fn new(inner: &'a dyn ByteSource) -> Self {
        Self { inner, size: None, recorded: None, pass: Mutex::default() }
    }

    /// The stream fails when the number of bytes is not `size`.
    #[must_use]
    pub fn of_size(self, size: Option<u64>) -> Self {
        Self { size, ..self }
    }

    /// The stream fails when the bytes do not have this checksum. Its last bytes are held back until this is known, so
    /// that no target takes a damaged file for a whole one.
    #[must_use]
    pub fn recorded_as(self, sha256: Option<String>) -> Self {
        Self { recorded: sha256, ..self }
    }

    /// The digest of the last pass, or the error that broke it off.
    pub fn digest(self) -> Result<Digest> {
        if let Some(error) = self.cause() {
            return Err(error);
        }
        let pass = self.pass.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut pass = lock(&pass);
        let sha256 = hex::encode(std::mem::take(&mut pass.hasher).finalize());
        Ok(Digest { bytes: pass.bytes, sha256: Some(sha256) })
    }

    /// The error of the source, if the source broke off.
    pub fn cause(&self) -> Option<Error> {
        let pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        let broken = lock(&pass).broken.clone()?;
        Some(broken.at("its source cannot be read"))
    }

    /// Starts the next pass, unless the last error would occur again.
    fn next_pass(&self) -> Result<Arc<Mutex<Pass>>> {
        let mut pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        let next = {
            let last = lock(&pass);
            if let Some(error) = last.broken.as_ref().filter(|error| error.class() != Class::Transient) {
                return Err(error.clone());
            }
            Pass { short: last.short, ..Pass::default() }
        };
        *pass = Arc::new(Mutex::new(next));
        Ok(Arc::clone(&pass))
    }
}

impl Pass {
    fn took(&mut self, chunk: Result<Bytes>, size: Option<u64>) -> Result<Bytes> {
        let bytes = chunk.and_then(|bytes| {
            self.bytes += bytes.len() as u64;
            match size.filter(|size| self.bytes > *size) {
                Some(size) => {
                    Err(Error::permanent(format!("it is longer than the {size} bytes that it had"))
                        .hint("it is being written: run the same command again when this is done"))
                }
                None => Ok(bytes),
            }
        });
        match bytes {
            Ok(bytes) => {
                self.hasher.update(&bytes);
                Ok(bytes)
            }
            Err(error) => Err(self.broke(error)),
        }
    }

    /// Returns an error when the bytes end too early.
    fn check_length(&mut self, size: Option<u64>) -> Option<Error> {
        let size = size.filter(|size| self.bytes < *size && self.broken.is_none())?;
        self.short += 1;
        let class = if self.short < SHORT_READS { Class::Transient } else { Class::Permanent };
        let error = Error::new(class, format!("it ended after {} of {size} bytes", self.bytes));
        Some(self.broke(error))
    }

    fn check_sum(&mut self, recorded: &str) -> Option<Error> {
        if self.broken.is_some() || hex::encode(self.hasher.clone().finalize()) == recorded {
            return None;
        }
        Some(self.broke(differs_from_record()))
    }

    /// Keeps the error, and returns a transient one for the transport, which only needs to know that the bytes broke
    /// off.
    fn broke(&mut self, error: Error) -> Error {
        let transient = Error::transient(error.to_string());
        self.broken = Some(error);
        transient
    }
}

#[async_trait]
impl ByteSource for Hashed<'_> {
    async fn open(&self) -> Result<ByteStream> {
        let (pass, size) = (self.next_pass()?, self.size);
        let bytes = self.inner.open().await.inspect_err(|error| lock(&pass).broken = Some(error.clone()))?;
        let (at_end, at_last) = (Arc::clone(&pass), Arc::clone(&pass));
        let passing = bytes.map(move |chunk| lock(&pass).took(chunk, size));
        let end = stream::once(async move { lock(&at_end).check_length(size) })
            .filter_map(|error| async { error.map(Err) });
        let bytes = passing.chain(end);
        let Some(recorded) = self.recorded.clone() else { return Ok(bytes.boxed()) };
        let checked = stream::once(async move { lock(&at_last).check_sum(&recorded) })
            .filter_map(|error| async { error.map(Err) });
        Ok(without_last_on_error(bytes.chain(checked)).boxed())
    }
}

/// Passes each chunk on when the next one has arrived. If an error follows a chunk, only the error is passed on.
fn without_last_on_error(
    bytes: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let ended = bytes.map(Some).chain(stream::once(async { None }));
    let held = ended.scan(None, |held: &mut Option<Bytes>, next| {
        let passed = match next {
            Some(Ok(chunk)) => held.replace(chunk).map(Ok),
            Some(Err(error)) => {
                *held = None;
                Some(Err(error))
            }
            None => held.take().map(Ok),
        };
        std::future::ready(Some(passed))
    });
    held.filter_map(std::future::ready)
}

/// The error for a file of an export directory that was damaged since.
pub fn differs_from_record() -> Error {
    Error::permanent("its checksum differs from the checksum that the export recorded").hint(
        "the export directory was damaged: remove the file there, and export again into the same directory",
    )
}

fn lock(pass: &Arc<Mutex<Pass>>) -> std::sync::MutexGuard<'_, Pass> {
    pass.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    struct Text(&'static str, Option<Error>);

    #[async_trait]
    impl ByteSource for Text {
        async fn open(&self) -> Result<ByteStream> {
            let chunks =
                [Ok(Bytes::from_static(self.0.as_bytes()))].into_iter().chain(self.1.clone().map(Err));
            Ok(stream::iter(chunks.collect::<Vec<_>>()).boxed())
        }
    }

    async fn read(file: &Hashed<'_>) -> Result<Vec<Bytes>> {
        file.open().await?.try_collect().await
    }

    #[tokio::test]
    async fn a_file_of_another_length_breaks_off() {
        let text = Text("abc", None);
        let long = Hashed::new(&text).of_size(Some(2));
        assert!(read(&long).await.is_err());
        assert!(long.cause().unwrap().to_string().contains("longer than the 2 bytes"));
        let short = Hashed::new(&text).of_size(Some(4));
        for _ in 0..SHORT_READS {
            assert_eq!(read(&short).await.unwrap_err().class(), Class::Transient);
        }
        // The last error is about the file itself, so the file is not read a fourth time.
        assert_eq!(read(&short).await.unwrap_err().class(), Class::Permanent);
        assert!(short.digest().unwrap_err().to_string().contains("it ended after 3 of 4 bytes"));
        let right = Hashed::new(&text).of_size(Some(3));
        read(&right).await.unwrap();
        assert_eq!(right.digest().unwrap().bytes, 3);
    }

    #[tokio::test]
    async fn the_end_of_a_file_with_another_checksum_is_held_back() {
        let text = Text("abc", None);
        let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let same = Hashed::new(&text).recorded_as(Some(right.to_owned()));
        assert_eq!(read(&same).await.unwrap().concat(), b"abc");
        let other = Hashed::new(&text).recorded_as(Some("0".repeat(64)));
        let chunks: Vec<_> = other.open().await.unwrap().collect().await;
        assert!(chunks.last().unwrap().is_err() && chunks.iter().filter(|chunk| chunk.is_ok()).count() == 0);
        assert!(other.digest().unwrap_err().to_string().contains("its checksum differs"));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_not_tried_again() {
        let text = Text("abc", Some(Error::permanent("torn")));
        let hashed = Hashed::new(&text);
        assert_eq!(
            read(&hashed).await.unwrap_err().class(),
            Class::Transient,
            "the transport sees a transient error"
        );
        assert_eq!(hashed.open().await.err().unwrap().class(), Class::Permanent);
        assert_eq!(hashed.cause().unwrap().to_string(), "its source cannot be read: torn");
        let text = Text("abc", Some(Error::transient("reset")));
        let hashed = Hashed::new(&text);
        assert!(read(&hashed).await.is_err());
        assert!(hashed.open().await.is_ok(), "the next try may succeed");
    }
}
