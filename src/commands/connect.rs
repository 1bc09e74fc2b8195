use serde_json::json;

use super::Printer;
use super::endpoints::{Endpoints, target_text};
use crate::cli;
use crate::engine::{Connected, Level, Line, Preflight, preflight};
use crate::error::Result;
use crate::plan::Plan;

/// Exit code 1 when a check fails, 5 when the failure may be temporary.
pub async fn connect(args: cli::Connect, ends: &Endpoints<'_>, printer: &Printer) -> Result<u8> {
    let source = match args.source.clone() {
        Some(text) => Some((text.clone(), ends.source_access(&text)?)),
        None => None,
    };
    let target = target_text(args.target.target.as_deref(), args.source.as_deref())?;
    let access = ends.target_access(args.source.as_deref())?;
    let target = Some((target, access));
    let ask = Preflight { source, target, output_dir: args.output_dir, plan: Plan::default() };
    let connected = run_preflight(ask, printer).await?;
    let of = |level: Level| connected.lines.iter().filter(|line| line.finding.level == level).count();
    let outcome =
        json!({ "step": "connect", "warnings": of(Level::Warning), "failures": of(Level::Failure) });
    printer.object("outcome", &outcome);
    Ok(connected.result().map_or_else(|error| error.exit_code(), |()| 0))
}

/// Runs the pre-flight and prints each line as it arrives.
pub async fn run_preflight(ask: Preflight, printer: &Printer) -> Result<Connected> {
    preflight(ask, &mut |line| print(line, printer)).await
}

fn print(line: &Line, printer: &Printer) {
    printer.object("connect", line);
    let word = match line.finding.level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Failure => "failure",
    };
    printer.result(&format!("{} {word:<7} {}: {}", line.end.name(), line.check, line.finding.text));
    if let Some(hint) = &line.finding.hint {
        printer.result(&format!("  hint: {hint}"));
    }
    if let Some(statement) = &line.statement {
        printer.result("  the policy statement that is missing:");
        let text = serde_json::to_string_pretty(statement).unwrap_or_default();
        text.lines().for_each(|line| printer.result(&format!("    {line}")));
    }
}
