//! Checks the free space for an export directory. The size of an export is not known before the artifacts are listed.

use std::path::Path;

use super::report::Report;
use crate::error::{Error, Result};

const CHECK: &str = "disk";
/// Most exports need more space than this.
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
                    "an export contains every artifact: choose a larger disk, or migrate directly (--direct)",
                ),
                false => report.ok(CHECK, text),
            }
        }
    }
}

/// The free bytes on the disk where the directory is or will be. `None` if the system does not report them.
fn free(directory: &Path) -> Result<Option<u64>> {
    let directory = std::path::absolute(directory)?;
    let existing = directory.ancestors().find(|folder| folder.exists()).unwrap_or(&directory);
    // The test file has no name and is removed at once. Only a real write shows whether writing is possible, because
    // permission bits are not the only reason for a refusal.
    tempfile::tempfile_in(existing).map_err(|e| Error::from(e).at(existing.display()))?;
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(existing)
            .map_err(|e| Error::from(std::io::Error::from(e)).at(existing.display()))?;
        Ok(Some(stat.f_bavail.saturating_mul(stat.f_frsize)))
    }
    #[cfg(not(unix))]
    Ok(None)
}
