//! Checks the free space for an export directory. The size of an export is not known before the artifacts are listed.

use std::path::Path;

use super::report::Report;
use crate::error::{Error, Result};

const CHECK: &str = "disk";
/// Few exports are smaller than this.
const MIN_FREE_BYTES: u64 = 5_000_000_000;

pub fn check(directory: &Path, report: &mut Report<'_>) {
    match free(directory) {
        Err(error) => report.fail(CHECK, error.to_string(), "choose another directory with --output-dir"),
        Ok(None) => {}
        Ok(Some(bytes)) => {
            let text = format!(
                "{} free for {}",
                humansize::format_size(bytes, humansize::DECIMAL),
                directory.display()
            );
            match bytes < MIN_FREE_BYTES {
                true => report.warn(
                    CHECK,
                    text,
                    "an export holds every artifact: choose a larger disk, or go straight across (--direct)",
                ),
                false => report.ok(CHECK, text),
            }
        }
    }
}

/// The free bytes where the directory is or will be. `None` where the system does not report them.
fn free(directory: &Path) -> Result<Option<u64>> {
    let directory = std::path::absolute(directory)?;
    let there = directory.ancestors().find(|folder| folder.exists()).unwrap_or(&directory);
    // The test file has no lasting name and is removed at once. A real write is needed, because permission bits do not
    // show everything.
    tempfile::tempfile_in(there).map_err(|e| Error::from(e).at(there.display()))?;
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(there)
            .map_err(|e| Error::from(std::io::Error::from(e)).at(there.display()))?;
        Ok(Some(stat.f_bavail.saturating_mul(stat.f_frsize)))
    }
    #[cfg(not(unix))]
    Ok(None)
}
