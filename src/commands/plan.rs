use super::selection::plan_of;
use super::{Printer, ends};
use crate::cli;
use crate::engine::{self, End, Survey};
use crate::entities::{Plan, PlannedExperiment};
use crate::error::{Error, Result};

pub async fn plan(args: cli::Plan, printer: &Printer) -> Result<u8> {
    let plan = plan_of(&args.selection)?;
    let source = ends::open_one(&ends::source_text(args.source.source.as_deref())?, End::Source).await?;
    let survey = engine::survey(source.snapshot()?.as_ref(), &plan).await?;
    survey.experiments.iter().for_each(|experiment| printer.object("experiment", experiment));
    print(&survey, printer);
    if let Some(path) = &args.output {
        let text = written(&plan, &survey)?;
        std::fs::write(path, text).map_err(|e| Error::from(e).at(path.display()))?;
        printer.news(&format!("written: {}", path.display()));
    }
    Ok(0)
}

fn print(survey: &Survey, printer: &Printer) {
    printer.result(&format!("{:>8} {:>8} {:>8} {:>8}  experiment", "runs", "deleted", "params", "metrics"));
    for e in &survey.experiments {
        let deleted = if e.experiment.lifecycle.is_deleted() { " (deleted)" } else { "" };
        let renamed = e.target_name.as_ref().map(|name| format!(" → {name}")).unwrap_or_default();
        let name = &e.experiment.name;
        printer.result(&format!(
            "{:>8} {:>8} {:>8} {:>8}  {name}{deleted}{renamed}",
            e.runs, e.deleted_runs, e.params, e.metrics
        ));
    }
    let sum = |of: fn(&engine::ExperimentSurvey) -> u64| survey.experiments.iter().map(of).sum::<u64>();
    let totals = [sum(|e| e.runs), sum(|e| e.deleted_runs), sum(|e| e.params), sum(|e| e.metrics)];
    let [runs, deleted, params, metrics] = totals;
    printer.result(&format!(
        "{runs:>8} {deleted:>8} {params:>8} {metrics:>8}  {} experiments",
        survey.experiments.len()
    ));
    let unreadable = sum(|e| e.unreadable_runs);
    if unreadable > 0 {
        printer.result(&format!("{unreadable} runs cannot be read at the source"));
    }
    printer.object(
        "outcome",
        &serde_json::json!({
            "step": "plan", "experiments": survey.experiments.len(), "runs": runs, "deleted_runs": deleted,
            "params": params, "metrics": metrics, "unreadable_runs": unreadable,
        }),
    );
}

/// Names what the globs have matched, so that the file can be read and edited.
fn written(plan: &Plan, survey: &Survey) -> Result<String> {
    let named = |e: &engine::ExperimentSurvey| {
        let known = plan.experiments.iter().find(|named| named.name == e.experiment.name);
        known.cloned().unwrap_or_else(|| PlannedExperiment {
            name: e.experiment.name.clone(),
            ..PlannedExperiment::default()
        })
    };
    let experiments = survey.experiments.iter().map(named).collect();
    Plan { globs: Vec::new(), experiments, ..plan.clone() }.to_toml()
}
