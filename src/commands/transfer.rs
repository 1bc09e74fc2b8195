use super::Printer;
use super::endpoints::{Endpoints, source_text, target_text};
use super::progress::follow;
use super::selection::plan_of;
use crate::cli;
use crate::engine::{self, Level, Side, StateDir, taken_names, takes_files};
use crate::entities::quoted;
use crate::error::{Error, Result};
use crate::plan::{Plan, SameNames};

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
    let (update, reread) = (args.revisit.update, args.revisit.rereads_files());
    let job = engine::export(engine::Export { source, output_dir, plan, state, journal, update, reread })?;
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
        "mlferry validate --source {} --target {}{}{}",
        quoted(&source),
        quoted(&target),
        ends.options().artifact_options(),
        shared_options(&plan)
    );
    state.refuse_busy(&target)?;
    let (source, target) = ends.open_both(&source, &target).await?;
    // One warning now explains the failures of all files later.
    let files = takes_files(&target).await?.filter(|finding| finding.level == Level::Failure);
    let (source, journal, update) = (source.reader()?, args.journal, args.revisit.update);
    // If the names cannot be compared now, the import itself reports why.
    let names = taken_names(source.as_ref(), &target, &plan).await.unwrap_or_default();
    for finding in files.into_iter().chain(names) {
        printer.problem(&format!("warning: the target {}", finding.text));
        finding.hint.iter().for_each(|hint| printer.problem(&format!("  hint: {hint}")));
        printer.object("finding", &finding);
    }
    let reread = args.revisit.rereads_files();
    let job = engine::import(engine::Import { source, target, plan, state, journal, update, reread })?;
    let outcome = follow(job, printer).await?;
    advise(&outcome, &next, printer);
    finish(outcome, printer)
}

/// The options of a command for a target that other sources share. The rest of the selection follows as a comment, so
/// that the line can be copied.
fn shared_options(plan: &Plan) -> String {
    let names = plan.same_names();
    let mut options: String = names.options().iter().map(|option| format!(" {option}")).collect();
    let SameNames { prefix: experiments_prefix, merge, append_versions } = names;
    if *plan != (Plan { experiments_prefix, merge, append_versions, ..Plan::default() }) {
        options += "  # and the same selection";
    }
    options
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
