use super::{Printer, ends};
use crate::cli;
use crate::engine::{self, CheckReport, Level};
use crate::error::Result;

/// Exit code 1 when something stands in the way.
pub async fn check(args: cli::Check, printer: &Printer) -> Result<u8> {
    let source = ends::source_text(args.source.source.as_deref())?;
    let mut reports = Vec::new();
    match &args.target {
        None => {
            reports.push(engine::check(&ends::open_one(&source, engine::End::Source).await?, false).await?)
        }
        Some(target) => {
            let (source, target) = ends::open_both(&source, target).await?;
            reports.push(engine::check(&source, false).await?);
            reports.push(engine::check(&target, true).await?);
        }
    }
    reports.iter().for_each(|report| print(report, printer));
    let failed =
        reports.iter().flat_map(|report| &report.findings).any(|finding| finding.level == Level::Failure);
    Ok(u8::from(failed))
}

pub fn print(report: &CheckReport, printer: &Printer) {
    printer.object("check", report);
    let CheckReport { about, latency_ms, experiments, deleted_experiments, runs, more_runs, .. } = report;
    let CheckReport { registered_models, prompts, findings, .. } = report;
    let latency = latency_ms.map(|ms| format!(", answers in {ms} ms")).unwrap_or_default();
    let more = if *more_runs { "or more " } else { "" };
    printer.result(&format!("{} ({}{latency})", about.location, about.kind));
    printer.result(&format!(
        "  {experiments} experiments, {deleted_experiments} deleted ones, {runs} {more}runs, {registered_models} registered models, {prompts} prompts"
    ));
    for finding in findings {
        let word = match finding.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Failure => "failure",
        };
        printer.result(&format!("  {word}: {}", finding.text));
        if let Some(hint) = &finding.hint {
            printer.result(&format!("    hint: {hint}"));
        }
    }
}
