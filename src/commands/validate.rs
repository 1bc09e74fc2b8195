use std::path::Path;

use super::Printer;
use super::endpoints::Endpoints;
use super::progress::follow;
use super::selection::plan_of;
use super::transfer::finish;
use crate::cli;
use crate::engine::StateDir;
use crate::engine::validate::{self as engine, ArtifactCheck, Format};
use crate::error::{Error, Result};

pub async fn validate(
    args: cli::Validate,
    state: StateDir,
    ends: &Endpoints<'_>,
    printer: &Printer,
) -> Result<u8> {
    check_report(args.report.as_deref())?;
    let plan = plan_of(&args.selection)?;
    let (source, target) = ends.open_both(&args.source, &args.target).await?;
    let (source, target) = (source.reader()?, target.reader()?);
    let artifacts = args.artifacts.into();
    let job = engine::validate(engine::Validate {
        source,
        target,
        plan,
        artifacts,
        state,
        reports: args.report.into_iter().collect(),
    });
    finish(follow(job, printer).await?, printer)
}

/// Checks before anything is read whether a report can be written to this path in the format of its name. The report
/// itself is written at the end.
pub fn check_report(report: Option<&Path>) -> Result<()> {
    let Some(path) = report else { return Ok(()) };
    Format::of(path).map_err(|e| e.at("--report"))?;
    let wrong = |why: String, hint: &str| Err(Error::usage(format!("--report: {why}")).hint(hint));
    if path.is_dir() {
        return wrong(format!("{} is a directory", path.display()), "name a file in it");
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let why = format!("there is no directory {}", folder.display());
        return wrong(why, "create it, or name a file in a directory that exists");
    }
    // Permission bits are not enough: only creating a file shows whether it works. The file has no name or is unlinked
    // immediately.
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = format!("no file can be written in {}: {error}", folder.display());
            wrong(why, "name a file in a directory that you may write to")
        }
    }
}

impl From<cli::Artifacts> for ArtifactCheck {
    fn from(given: cli::Artifacts) -> Self {
        match given {
            cli::Artifacts::None => Self::None,
            cli::Artifacts::Size => Self::Size,
            cli::Artifacts::Checksum => Self::Checksum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_refused(path: &Path, why: &str) {
        let error = check_report(Some(path)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(why) && error.get_hint().is_some(), "{error}");
    }

    #[test]
    fn a_report_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        check_report(None).unwrap();
        check_report(Some(Path::new("report.html"))).unwrap();
        check_report(Some(&folder.path().join("report.json"))).unwrap();
        is_refused(&folder.path().join("report.txt"), "--report");
        is_refused(&folder.path().join("gone/report.json"), "there is no directory");
        std::fs::create_dir(folder.path().join("a.html")).unwrap();
        is_refused(&folder.path().join("a.html"), "is a directory");
        // Not even root can create files in /proc.
        #[cfg(target_os = "linux")]
        is_refused(Path::new("/proc/report.json"), "no file can be written in /proc");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
