use std::path::Path;

use super::Printer;
use super::endpoints::Endpoints;
use super::follow::follow;
use super::selection::plan_of;
use super::transfer::finish;
use crate::cli;
use crate::engine::StateDir;
use crate::engine::validate::{self as engine, ArtifactCheck, Format};
use crate::error::Result;

pub async fn validate(
    args: cli::Validate,
    state: StateDir,
    ends: &Endpoints<'_>,
    printer: &Printer,
) -> Result<u8> {
    check_name(args.report.as_deref())?;
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

/// Before anything is read: a name in whose format no report can be written.
pub fn check_name(report: Option<&Path>) -> Result<()> {
    report.map_or(Ok(()), |path| Format::of(path).map(drop).map_err(|e| e.at("--report")))
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
