use super::Printer;
use super::endpoints::{Endpoints, source_text, target_text};
use super::progress::follow;
use super::selection::plan_of;
use crate::cli;
use crate::engine::{self, Level, Side, StateDir, taken_names, takes_files};
use crate::entities::quoted;
use crate::error::{Error, Result};
use crate::plan::Plan;

pub async fn export(
    args: cli::Export,
    state: StateDir,
    ends: &Endpoints<'_>,
    printer: &Printer,
) -> Result<u8> {
    let plan = plan_of(&args.selection)?;
    let directory =
        std::path::absolute(&args.output_dir).map_err(|e| Error::from(e).at(args.output_dir.display()))?;
    state.refuse_busy(&directory.display().to_string())?;
    let source = ends.open_one(&source_text(args.source.source.as_deref())?, Side::Source).await?;
    let (source, output_dir, journal) = (source.reader()?, args.output_dir, args.journal);
    let next =
        format!("mlferry import --input-dir {} --target URI", quoted(&output_dir.display().to_string()));
    let job = engine::export(engine::Export { source, output_dir, plan, state, journal })?;
    let outcome = follow(job, printer).await?;
    advise(&outcome, &next, printer);
    finish(outcome, printer)
}

pub async fn import(
    args: cli::Import,
    state: StateDir,
    ends: &Endpoints<'_>,
    printer: &Printer,
) -> Result<u8> {
    let plan = plan_of(&args.selection)?;
    let source = match (&args.input_dir, &args.source) {
        (Some(directory), _) => directory.display().to_string(),
        (None, Some(uri)) => uri.clone(),
        (None, None) => {
            return Err(Error::usage("nothing to import from")
                .hint("give --input-dir DIR, or --source with a server, a folder or a database of MLflow"));
        }
    };
    let target = target_text(args.target.target.as_deref(), Some(&source))?;
    let next = format!(
        "mlferry validate --source {} --target {}{}",
        quoted(&source),
        quoted(&target),
        shared_options(&plan)
    );
    state.refuse_busy(&target)?;
    let (source, target) = ends.open_both(&source, &target).await?;
    // One warning now explains the failures of all files later.
    let files = takes_files(&target).await?.filter(|finding| finding.level == Level::Failure);
    let (source, journal, update) = (source.reader()?, args.journal, args.update);
    // If the names cannot be compared now, the import itself reports why.
    let names = taken_names(source.as_ref(), &target, &plan).await.unwrap_or_default();
    for finding in files.into_iter().chain(names) {
        printer.problem(&format!("warning: the target {}", finding.text));
        finding.hint.iter().for_each(|hint| printer.problem(&format!("  hint: {hint}")));
        printer.object("finding", &finding);
    }
    let reread = matches!(args.artifacts, cli::Compared::Checksum);
    let job = engine::import(engine::Import { source, target, plan, state, journal, update, reread })?;
    let outcome = follow(job, printer).await?;
    advise(&outcome, &next, printer);
    finish(outcome, printer)
}

/// The options of a command for a target that other sources share. The rest of the selection follows as a comment, so
/// that the line can be copied.
fn shared_options(plan: &Plan) -> String {
    let mut options = String::new();
    if !plan.experiments_prefix.is_empty() {
        options += &format!(" --experiments-prefix {}", quoted(&plan.experiments_prefix));
    }
    for (is_set, option) in [(plan.merge, " --merge"), (plan.append_versions, " --append-versions")] {
        options += if is_set { option } else { "" };
    }
    let shared = Plan {
        experiments_prefix: plan.experiments_prefix.clone(),
        merge: plan.merge,
        append_versions: plan.append_versions,
        ..Plan::default()
    };
    options + if *plan == shared { "" } else { "  # and the same selection" }
}

/// Suggests the next step after a successful one.
fn advise(outcome: &engine::Outcome, next: &str, printer: &Printer) {
    if outcome.exit_code() == 0 && !printer.is_demo {
        printer.news(&format!("next: {next}"));
    }
}

/// Prints the last line of `--json`.
pub fn finish(outcome: engine::Outcome, printer: &Printer) -> Result<u8> {
    printer.object("outcome", &outcome);
    Ok(outcome.exit_code())
}
