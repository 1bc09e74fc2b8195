use super::endpoints::{Endpoints, ensure_distinct, source_text};
use super::progress::follow;
use super::selection::plan_of;
use super::transfer::finish;
use super::validate::check_report;
use super::{Printer, check, confirm, connect};
use crate::cli;
use crate::engine::validate::{self, Validate};
use crate::engine::{self, Endpoint, Export, Import, Level, Outcome, Preflight, StateDir};
use crate::error::{Error, Result};
use crate::plan::Plan;

/// Runs all steps from the pre-flight to the validation. The outcome of the validation is the last line.
pub async fn run(args: cli::Run, state: StateDir, ends: &Endpoints<'_>, printer: &Printer) -> Result<u8> {
    check_report(args.report.as_deref())?;
    let plan = plan_of(&args.selection)?;
    let source = source_text(args.source.source.as_deref())?;
    state.refuse_busy(&args.target)?;
    // The configuration may set a directory, but `--direct` on the command line takes precedence.
    let output_dir = args.output_dir.filter(|_| !args.direct);
    let ask = Preflight {
        target: Some((args.target.clone(), ends.target_access(Some(&source))?)),
        source: Some((source.clone(), ends.source_access(&source)?)),
        output_dir: output_dir.clone(),
        plan: plan.clone(),
    };
    let (source, target) = connect::run_preflight(ask, printer).await?.both()?;
    ensure_distinct(&source, &target)?;
    let can = target.probe().map(|probe| &probe.capabilities);
    for report in [engine::check_source(&source, can).await?, engine::check_target(&target).await?] {
        check::print(&report, printer);
        if let Some(finding) = report.findings.iter().find(|finding| finding.level == Level::Failure) {
            let error = Error::permanent(format!("{}: {}", report.about.location, finding.text));
            return Err(match &finding.hint {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
    }
    let question = format!("Copy {} into {}?", source.location(), target.location());
    if !args.yes && !confirm::confirm(&question)? {
        return Err(Error::stopped());
    }
    let moved = match output_dir {
        Some(directory) => by_directory(&source, target, directory, &plan, &state, printer).await?,
        None => import(&source, target, &plan, &state, printer).await?,
    };
    let (outcome, failed, target) = match moved {
        Moved::Ended(outcome) => return finish(outcome, printer),
        Moved::Imported { outcome, failed, target } => (outcome, failed, target),
    };
    printer.object("outcome", &outcome);
    let (source, target) = (source.reader()?, target.reader()?);
    let job = validate::validate(Validate {
        source,
        target,
        plan,
        artifacts: args.artifacts.into(),
        reports: args.report.into_iter().collect(),
        state,
    });
    let validated = follow(job, printer).await?;
    let code = finish(validated, printer)?;
    // Items that failed during the import are now missing on the target: the exit code reports the cause, not the
    // effect.
    Ok(if failed > 0 && matches!(code, 0 | 4) { 3 } else { code })
}

enum Moved {
    /// The job was stopped, so there is nothing to validate.
    Ended(Outcome),
    Imported {
        outcome: Outcome,
        failed: u64,
        target: Endpoint,
    },
}

async fn by_directory(
    source: &Endpoint,
    target: Endpoint,
    output_dir: std::path::PathBuf,
    plan: &Plan,
    state: &StateDir,
    printer: &Printer,
) -> Result<Moved> {
    let export = Export {
        source: source.reader()?,
        output_dir: output_dir.clone(),
        plan: plan.clone(),
        state: state.clone(),
        journal: None,
        update: false,
        reread: false,
    };
    let exported = follow(engine::export(export)?, printer).await?;
    if exported.stopped {
        return Ok(Moved::Ended(exported));
    }
    printer.object("outcome", &exported);
    let failed = exported.failed();
    let moved = import(&Endpoint::Archive(output_dir), target, plan, state, printer).await?;
    Ok(match moved {
        Moved::Imported { outcome, failed: more, target } => {
            Moved::Imported { outcome, failed: failed + more, target }
        }
        ended @ Moved::Ended(_) => ended,
    })
}

async fn import(
    source: &Endpoint,
    target: Endpoint,
    plan: &Plan,
    state: &StateDir,
    printer: &Printer,
) -> Result<Moved> {
    let imported_to = target.clone();
    let (source, plan, state) = (source.reader()?, plan.clone(), state.clone());
    let job =
        engine::import(Import { source, target, plan, state, journal: None, update: false, reread: false })?;
    let imported = follow(job, printer).await?;
    if imported.stopped {
        return Ok(Moved::Ended(imported));
    }
    let failed = imported.failed();
    Ok(Moved::Imported { outcome: imported, failed, target: imported_to })
}
