use super::follow::follow;
use super::selection::plan_of;
use super::transfer::finish;
use super::{Printer, ends};
use crate::cli;
use crate::engine::validate::{self as engine, ArtifactCheck};
use crate::error::{Error, Result};

pub async fn validate(args: cli::Validate, printer: &Printer) -> Result<u8> {
    if args.report.as_ref().is_some_and(|path| path.extension().is_none_or(|extension| extension != "json")) {
        return Err(Error::usage("--report writes JSON").hint("give it a name that ends in .json"));
    }
    let plan = plan_of(&args.selection)?;
    let (source, target) = ends::open_both(&args.source, &args.target).await?;
    let (source, target) = (source.snapshot()?, target.snapshot()?);
    let artifacts = args.artifacts.into();
    let job = engine::validate(engine::Validate { source, target, plan, artifacts, report: args.report });
    finish(follow(job, printer).await?, printer)
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
