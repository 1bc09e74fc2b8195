//! Writes a report to its files. The extension of each file selects the format.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::document::Report;
use super::{Format, html, markdown};
use crate::artifacts::local;
use crate::error::{Error, Result};

impl Report {
    /// Writes all files and returns their paths.
    pub fn write(&mut self) -> Result<Vec<PathBuf>> {
        self.differences.flush()?;
        self.paths.iter().try_for_each(|path| self.write_to(path))?;
        Ok(self.paths.clone())
    }

    fn write_to(&self, path: &Path) -> Result<()> {
        let mut file = local::partial(path)?;
        let mut to = BufWriter::new(&mut file);
        self.write_as(Format::of(path)?, &mut to)?;
        to.flush().map_err(|e| Error::from(e).at(path.display()))?;
        drop(to);
        local::appear_synced(file, path)
    }

    pub(super) fn write_as(&self, format: Format, to: &mut dyn Write) -> Result<()> {
        match format {
            Format::Json => serde_json::to_writer_pretty(to, self)?,
            Format::Markdown => to.write_all(markdown::write(self)?.as_bytes())?,
            Format::Html => to.write_all(html::write(self)?.as_bytes())?,
        }
        Ok(())
    }
}
