use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Difference;
use crate::error::{Error, Result};

/// The maximum number of differences in memory. The HTML and Markdown reports contain at most this number. A browser
/// renders them in one or two seconds.
const FIRST: usize = 2_000;

/// Differences in the order in which they were found. Every item may differ, so only the first differences are kept in
/// memory. The others are in an unnamed file, one per line. This file disappears when this process ends.
#[derive(Default)]
pub struct Spool {
    first: Vec<Difference>,
    rest: Option<BufWriter<File>>,
    more: usize,
    /// The reason why the file cannot be written.
    broken: Option<Error>,
}

impl Spool {
    /// Adds a difference. The file is created in `folder`. [`flush`](Self::flush) reports write errors.
    pub fn add(&mut self, difference: &Difference, folder: &Path) {
        if self.first.len() < FIRST {
            self.first.push(difference.clone());
            return;
        }
        self.more += 1;
        if self.broken.is_none() {
            self.broken = self.put(difference, folder).err();
        }
    }

    fn put(&mut self, difference: &Difference, folder: &Path) -> Result<()> {
        let rest = match &mut self.rest {
            Some(rest) => rest,
            none => {
                let at = |e| Error::from(e).at(folder.display());
                fs::create_dir_all(folder).map_err(at)?;
                none.insert(BufWriter::new(tempfile::tempfile_in(folder).map_err(at)?))
            }
        };
        serde_json::to_writer(&mut *rest, difference)?;
        Ok(rest.write_all(b"\n")?)
    }

    /// Writes the buffered differences to the file, and returns the first write error. After this call, all differences
    /// can be read.
    pub fn flush(&mut self) -> Result<()> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        if let Some(rest) = &mut self.rest {
            rest.flush()?;
        }
        Ok(())
    }

    pub fn first(&self) -> &[Difference] {
        &self.first
    }

    /// The number of differences that are not in memory.
    pub fn more(&self) -> usize {
        self.more
    }
}

impl Serialize for Spool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.first.len() + self.more))?;
        self.first.iter().try_for_each(|difference| all.serialize_element(difference))?;
        if let Some(rest) = &self.rest {
            let mut file = rest.get_ref().try_clone().map_err(S::Error::custom)?;
            file.rewind().map_err(S::Error::custom)?;
            for line in BufReader::new(file).lines() {
                let line = line.map_err(S::Error::custom)?;
                all.serialize_element(&RawValue::from_string(line).map_err(S::Error::custom)?)?;
            }
        }
        all.end()
    }
}
