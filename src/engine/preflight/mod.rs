//! Step 3: checks that both ends can be reached and used, before anything is moved. The cheap checks come first: the
//! identity, the App, its data plane, its artifact store, its role. The only write is a probe object in the artifact
//! store, which is deleted again.

mod account;
mod disk;
mod managed;
mod names;
mod one_server;
mod permissions;
mod report;
mod server;
mod store;
mod taken_names;

use std::path::PathBuf;

use super::Endpoint;
use crate::aws::Arn;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::rest::{Access, Side};

use self::report::Report;
pub use report::Line;
pub use taken_names::{TAKEN_NAMES, taken_names};

/// The ends to check.
#[derive(Default)]
pub struct Preflight {
    pub source: Option<(String, Access)>,
    pub target: Option<(String, Access)>,
    /// The directory of the export, if the data travel through a directory.
    pub output_dir: Option<PathBuf>,
    /// The selection, as far as it is known.
    pub plan: Plan,
}

/// A function that receives each line as soon as it is known.
pub type OnLine<'a> = &'a mut (dyn FnMut(&Line) + Send);

/// The result of a pre-flight check. `source` and `target` are set if they can be used, even with warnings.
pub struct Connected {
    pub source: Option<Endpoint>,
    pub target: Option<Endpoint>,
    pub lines: Vec<Line>,
}

impl Connected {
    /// Returns both ends, if no check has failed.
    pub fn both(self) -> Result<(Endpoint, Endpoint)> {
        self.result()?;
        match (self.source, self.target) {
            (Some(source), Some(target)) => Ok((source, target)),
            _ => Err(Error::usage("a migration has a source and a target")),
        }
    }

    /// Returns the first failure as an error, if there is one.
    pub fn result(&self) -> Result<()> {
        let Some(line) = self.lines.iter().find(|line| line.is_failure()) else { return Ok(()) };
        let error = Error::new(line.class, format!("{}: {}", line.end_name(), line.finding.text));
        Err(match &line.finding.hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }
}

/// Checks both ends. A problem with an end is a line of the result. An error is only returned for invalid input, such
/// as a malformed ARN.
pub async fn preflight(ask: Preflight, tell: OnLine<'_>) -> Result<Connected> {
    let mut lines = Vec::new();
    let mut registers_models = None;
    let source = match ask.source {
        Some((text, access)) => {
            let mut report = Report::new(Side::Source, tell);
            let endpoint = inspect(&text, access, &mut report).await?.endpoint;
            lines.append(&mut report.lines);
            endpoint
        }
        None => None,
    };
    let target = match ask.target {
        Some((text, access)) => {
            let mut report = Report::new(Side::Target, tell);
            let looked = inspect(&text, access, &mut report).await?;
            registers_models = looked.registers_models;
            lines.append(&mut report.lines);
            looked.endpoint
        }
        None => None,
    };
    let mut report = Report::new(Side::Target, tell);
    if let (Some(source), Some(target)) = (&source, &target) {
        one_server::check(source, target, &mut report).await;
        taken_names::check(source, target, &ask.plan, &mut report).await;
    }
    if let Some(arn) = registers_models {
        names::check(&arn, source.as_ref(), &mut report).await;
    }
    if let Some(directory) = ask.output_dir {
        disk::check(&directory, &mut report);
    }
    lines.append(&mut report.lines);
    Ok(Connected { source, target, lines })
}

/// The result of checking one end. `endpoint` is `None` when the end cannot be used.
#[derive(Default)]
struct EndResult {
    endpoint: Option<Endpoint>,
    /// The App, if it copies registered models to the SageMaker Model Registry.
    registers_models: Option<Arn>,
}

async fn inspect(text: &str, access: Access, report: &mut Report<'_>) -> Result<EndResult> {
    match text.trim().starts_with("arn:") {
        true => Ok(managed::inspect(Arn::parse(text)?, access, report).await),
        false => {
            Ok(EndResult { endpoint: server::inspect(text, access, report).await?, ..EndResult::default() })
        }
    }
}
