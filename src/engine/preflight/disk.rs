//! Room for an export directory. How much it will take is not known before the artifacts are listed.

use std::path::Path;

use super::report::Report;
use crate::error::{Error, Result};

const CHECK: &str = "disk";
/// An export of less than this is rare.
const LITTLE: u64 = 5_000_000_000;

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
            match bytes < LITTLE {
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

/// Bytes that are free where the directory is or will be; none where the system does not tell.
fn free(directory: &Path) -> Result<Option<u64>> {
    let directory = std::path::absolute(directory)?;
    let there = directory.ancestors().find(|folder| folder.exists()).unwrap_or(&directory);
    // A name that goes away at once: permissions are more than their bits.
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
