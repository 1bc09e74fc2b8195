use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::artifacts::ByteStream;
use crate::error::{Error, Result};

/// AWS: an upload has at most 10 000 parts.
const MAX_PARTS: u64 = 10_000;
/// Memory is counted in pieces of this many bytes.
const PIECE: u64 = 64 << 10;

/// The number of pieces for this many bytes.
pub fn permits(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(PIECE).max(1)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

/// The part size for a file: `least`, or more if there would be too many parts.
pub fn part_size(size: Option<u64>, least: u64) -> u64 {
    least.max(size.unwrap_or(0).div_ceil(MAX_PARTS))
}

/// Cuts a stream into parts.
pub struct Parts {
    bytes: ByteStream,
    rest: Bytes,
    size: usize,
    memory: Arc<Semaphore>,
    /// The size of `memory`, in pieces.
    budget: usize,
}

/// A part in memory. It holds its share of the memory limit.
pub struct Part {
    pub bytes: Bytes,
    pub is_full: bool,
    _share: OwnedSemaphorePermit,
}

impl Parts {
    /// `memory` has room for `budget` bytes when no upload is running.
    pub fn new(bytes: ByteStream, size: u64, memory: Arc<Semaphore>, budget: u64) -> Result<Self> {
        let size =
            usize::try_from(size).map_err(|_| Error::permanent("the file is too large for this machine"))?;
        Ok(Self { bytes, rest: Bytes::new(), size, memory, budget: permits(budget) })
    }

    /// The next part. If at most `expected` bytes remain, it allocates only these. `None` at the end.
    pub async fn next(&mut self, expected: Option<u64>) -> Result<Option<Part>> {
        let room = expected
            .and_then(|size| usize::try_from(size).ok())
            .map_or(self.size, |size| size.min(self.size));
        let pieces = u32::try_from(permits(room as u64).min(self.budget)).unwrap_or(u32::MAX);
        // This fails only when the semaphore is closed, and nothing closes it.
        let share = Arc::clone(&self.memory).acquire_many_owned(pieces).await;
        let share = share.map_err(|e| Error::permanent(e.to_string()))?;
        let mut part = BytesMut::with_capacity(room);
        while part.len() < self.size {
            if self.rest.is_empty() {
                match self.bytes.try_next().await? {
                    Some(bytes) => self.rest = bytes,
                    None => break,
                }
            }
            let taken = self.rest.len().min(self.size - part.len());
            part.extend_from_slice(&self.rest.split_to(taken));
        }
        let is_full = part.len() == self.size;
        Ok((!part.is_empty()).then(|| Part { bytes: part.freeze(), is_full, _share: share }))
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn parts_are_cut_wherever_chunks_end() {
        let chunks = ["abcde", "", "f", "ghijklm"].map(|text| Ok(Bytes::from_static(text.as_bytes())));
        let memory = Arc::new(Semaphore::new(permits(1)));
        let mut parts = Parts::new(stream::iter(chunks).boxed(), 4, Arc::clone(&memory), 1).unwrap();
        let mut seen = Vec::new();
        while let Some(part) = parts.next(None).await.unwrap() {
            assert_eq!(memory.available_permits(), 0, "a part in memory holds its share");
            seen.push((String::from_utf8(part.bytes.to_vec()).unwrap(), part.is_full));
        }
        let expected = [("abcd", true), ("efgh", true), ("ijkl", true), ("m", false)];
        assert_eq!(seen, expected.map(|(text, full)| (text.to_owned(), full)));
    }

    #[test]
    fn no_upload_has_too_many_parts() {
        assert_eq!(part_size(Some(1 << 30), 8 << 20), 8 << 20);
        let five_tib = 5 << 40;
        assert!(part_size(Some(five_tib), 8 << 20) * MAX_PARTS >= five_tib);
    }
}
