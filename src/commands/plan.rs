use super::selection::plan_of;
use super::{Printer, ends};
use crate::cli;
use crate::engine::{self, End, Survey};
use crate::entities::{Kind, Plan, PlannedExperiment};
use crate::error::{Error, Result};

pub async fn plan(args: cli::Plan, printer: &Printer) -> Result<u8> {
    let plan = plan_of(&args.selection)?;
    let source = ends::open_one(&ends::source_text(args.source.source.as_deref())?, End::Source).await?;
    let survey = engine::survey(source.snapshot()?.as_ref(), &plan).await?;
    survey.experiments.iter().for_each(|experiment| printer.object("experiment", experiment));
    survey.models.iter().for_each(|model| printer.object("registered_model", model));
    survey.evaluation_datasets.iter().for_each(|dataset| printer.object("evaluation_dataset", dataset));
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
    let counts = [
        (sum(|e| e.logged_models), "logged models"),
        (sum(|e| e.traces), "traces"),
        (sum(|e| e.scorers), "scorers"),
    ];
    for (count, what) in counts {
        if count > 0 {
            printer.result(&format!("{count:>8}  {what}"));
        }
    }
    print_models(survey, printer);
    print_datasets(survey, printer);
    let unreadable = sum(|e| e.unreadable_runs);
    if unreadable > 0 {
        printer.result(&format!("{unreadable} runs cannot be read at the source"));
    }
    for note in &survey.left_behind {
        printer.result(note);
        printer.object("note", &serde_json::json!({ "text": note }));
    }
    printer.object(
        "outcome",
        &serde_json::json!({
            "step": "plan", "experiments": survey.experiments.len(), "runs": runs, "deleted_runs": deleted,
            "params": params, "metrics": metrics, "unreadable_runs": unreadable,
            "registered_models": survey.models.iter().filter(|m| m.kind == Kind::RegisteredModel).count(),
            "prompts": survey.models.iter().filter(|m| m.kind == Kind::Prompt).count(),
            "needed": survey.needed.len(), "logged_models": sum(|e| e.logged_models),
            "scorers": sum(|e| e.scorers), "traces": sum(|e| e.traces), "evaluation_datasets": survey.evaluation_datasets.len(),
        }),
    );
}

fn print_models(survey: &Survey, printer: &Printer) {
    for kind in [Kind::RegisteredModel, Kind::Prompt] {
        let of_kind: Vec<_> = survey.models.iter().filter(|model| model.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        printer.result(&format!("{:>8}  {}", "versions", kind.title()));
        for model in of_kind {
            let renamed = model.target_name.as_ref().map(|name| format!(" → {name}")).unwrap_or_default();
            printer.result(&format!("{:>8}  {}{renamed}", model.versions, model.name));
        }
    }
    for (id, version) in &survey.needed {
        printer.result(&format!("{id} goes along: needed by {version}"));
    }
}

fn print_datasets(survey: &Survey, printer: &Printer) {
    if survey.evaluation_datasets.is_empty() {
        return;
    }
    printer.result(&format!("{:>8}  evaluation datasets", survey.evaluation_datasets.len()));
    for dataset in &survey.evaluation_datasets {
        printer.result(&format!("{:>8}  {}", "", dataset.name));
    }
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
    let named = |kind: Kind| {
        let of_kind = survey.models.iter().filter(move |model| model.kind == kind);
        of_kind.map(|model| Plan::literal(&model.name)).collect()
    };
    let (models, prompts) = (named(Kind::RegisteredModel), named(Kind::Prompt));
    let datasets = survey.evaluation_datasets.iter().map(|one| Plan::literal(&one.name)).collect();
    Plan { globs: Vec::new(), experiments, models, prompts, datasets, ..plan.clone() }.to_toml()
}
