use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Difference;
use crate::error::{Error, Result};

/// Differences that are kept in memory: as many as a report for reading writes out. A browser lays out so many in a
/// second or two.
const FIRST: usize = 2_000;

/// Differences in the order in which they were found. There may be as many as there are items: all but the first ones
/// wait in a file without a name, one a line, which is gone with this process.
#[derive(Default)]
pub struct Spool {
    first: Vec<Difference>,
    rest: Option<BufWriter<File>>,
    more: usize,
    /// Why the file cannot be written.
    broken: Option<Error>,
}

impl Spool {
    /// The file lies in `folder`. What goes wrong there is told by [`settle`](Self::settle).
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
                let place = |e| Error::from(e).at(folder.display());
                fs::create_dir_all(folder).map_err(place)?;
                none.insert(BufWriter::new(tempfile::tempfile_in(folder).map_err(place)?))
            }
        };
        serde_json::to_writer(&mut *rest, difference)?;
        Ok(rest.write_all(b"\n")?)
    }

    /// All of them can be read now.
    pub fn settle(&mut self) -> Result<()> {
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

    /// How many come after the first ones.
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
