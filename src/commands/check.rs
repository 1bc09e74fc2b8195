use serde_json::json;

use super::Printer;
use super::check_stores::check_stores;
use super::endpoints::{Endpoints, source_text};
use super::format::{arrives, tally};
use crate::cli;
use crate::engine::{self, CheckReport, Level};
use crate::error::Result;

/// Exit code 1 when a check fails, 3 when some of the items cannot be read.
pub async fn check(args: cli::Check, ends: &Endpoints<'_>, printer: &Printer) -> Result<u8> {
    let file = match &args.directory {
        Some(path) if path.is_file() => Some(path.to_string_lossy()),
        Some(directory) => return check_stores(directory, ends, printer).await,
        None => None,
    };
    let source = source_text(file.as_deref().or(args.source.source.as_deref()))?;
    let mut reports = Vec::new();
    match &args.target {
        None => {
            let source = ends.open_one(&source, engine::Side::Source).await?;
            reports.push(engine::check_source(&source, None).await?);
        }
        Some(target) => {
            let (source, target) = ends.open_both(&source, target).await?;
            let can = target.probe().map(|probe| &probe.capabilities);
            reports.push(engine::check_source(&source, can).await?);
            reports.push(engine::check_target(&target).await?);
        }
    }
    reports.iter().for_each(|report| print(report, printer));
    let findings = || reports.iter().flat_map(|report| &report.findings);
    let of = |level: Level| findings().filter(|finding| finding.level == level).count();
    let unreadable: u64 = reports.iter().map(|report| report.unreadable).sum();
    printer.object(
        "outcome",
        &json!({
            "step": "check", "warnings": of(Level::Warning), "failures": of(Level::Failure),
            "unreadable": unreadable,
        }),
    );
    Ok(match of(Level::Failure) {
        0 if unreadable > 0 => 3,
        0 => 0,
        _ => 1,
    })
}

pub fn print(report: &CheckReport, printer: &Printer) {
    let CheckReport { about, latency_ms, experiments, deleted_experiments, runs, more_runs, .. } = report;
    printer.object("check", report);
    report.kinds.iter().for_each(|kind| printer.object("check_kind", kind));
    report.others.iter().for_each(|other| printer.object("check_other", other));
    report.findings.iter().for_each(|finding| printer.object("finding", finding));
    let latency = latency_ms.map(|ms| format!(", answers in {ms} ms")).unwrap_or_default();
    let more = if *more_runs { " or more" } else { "" };
    printer.result(&format!("{} ({}{latency})", about.location, about.kind));
    printer.result(&format!(
        "  experiments: {experiments}, deleted ones: {deleted_experiments}, runs: {runs}{more}"
    ));
    print_table(report, printer);
    for finding in &report.findings {
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

/// Leaves out kinds without items, except the kinds that every server has.
fn print_table(report: &CheckReport, printer: &Printer) {
    let row =
        |title: &str, count: &str, text: &str| printer.result(&format!("  {title:<30} {count:>9}  {text}"));
    let kinds: Vec<_> = report.kinds.iter().filter(|row| row.is_shown()).collect();
    if !kinds.is_empty() {
        row("", "count", "arrives");
    }
    for kind in kinds {
        for (index, text) in arrives(&kind.fidelity).iter().enumerate() {
            match index {
                0 => row(kind.kind.title(), &tally(&kind.tally), text),
                _ => row("", "", text),
            }
        }
    }
    let others: Vec<_> = report.others.iter().filter(|other| other.tally.is_some()).collect();
    if !others.is_empty() {
        row("", "count", "does not arrive, because");
    }
    for other in others {
        let why = other.tally.unknown.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        row(other.title, &tally(&other.tally), &format!("{}{why}", other.reason));
    }
}
