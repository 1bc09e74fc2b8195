use super::Printer;
use super::endpoints::{Endpoints, source_text};
use super::format::counted;
use super::selection::plan_of;
use crate::cli;
use crate::engine::{self, Side, Survey};
use crate::entities::{Kind, Unreadable};
use crate::error::{Error, Result};
use crate::plan::{ExperimentSelection, Plan, PlannedExperiment, PlannedModel};

/// Exit code 3 when some of the selected items cannot be read.
pub async fn plan(args: cli::Plan, ends: &Endpoints<'_>, printer: &Printer) -> Result<u8> {
    let plan = plan_of(&args.selection)?;
    let source = ends.open_one(&source_text(args.source.source.as_deref())?, Side::Source).await?;
    let survey = engine::survey(source.reader()?.as_ref(), &plan).await?;
    survey.experiments.iter().for_each(|experiment| printer.object("experiment", experiment));
    survey.models.iter().for_each(|model| printer.object("registered_model", model));
    survey.evaluation_datasets.iter().for_each(|dataset| printer.object("evaluation_dataset", dataset));
    print(&survey, printer);
    if let Some(path) = &args.output {
        let text = written(&plan, &survey)?;
        std::fs::write(path, text).map_err(|e| Error::from(e).at(path.display()))?;
        printer.news(&format!("written: {}", path.display()));
    }
    Ok(if survey.unreadable.is_empty() { 0 } else { 3 })
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
        "{runs:>8} {deleted:>8} {params:>8} {metrics:>8}  {}",
        counted(Kind::Experiment, survey.experiments.len() as u64)
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
    for lost in &survey.unreadable {
        let Unreadable { kind, id, reason } = lost;
        printer.result(&format!("{} {id} cannot be read: {reason}", kind.words().0));
        printer.object("unreadable", lost);
    }
    for note in survey.notes.iter().chain(&survey.not_migrated) {
        printer.result(note);
        printer.object("note", &serde_json::json!({ "text": note }));
    }
    printer.object(
        "outcome",
        &serde_json::json!({
            "step": "plan", "experiments": survey.experiments.len(), "runs": runs, "deleted_runs": deleted,
            "params": params, "metrics": metrics, "unreadable_runs": unreadable,
            "unreadable": survey.unreadable.len(),
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
            let only =
                model.only.as_ref().map(|only| format!(", only {}", numbers(only))).unwrap_or_default();
            printer.result(&format!("{:>8}  {}{only}{renamed}", model.versions, model.name));
        }
    }
    for (id, version) in &survey.needed {
        printer.result(&format!("{id} is included: needed by {version}"));
    }
}

fn numbers(of: &[u64]) -> String {
    of.iter().map(|number| format!("v{number}")).collect::<Vec<_>>().join(" ")
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

/// Lists the names that the globs match, so that the user can read and edit the file. Items that are included because a
/// version needs them are not listed: the versions imply them.
fn written(plan: &Plan, survey: &Survey) -> Result<String> {
    let matcher = plan.matcher()?;
    let named = |e: &engine::ExperimentSurvey| {
        let known = plan.experiments.iter().find(|named| named.name == e.experiment.name);
        known.cloned().unwrap_or_else(|| PlannedExperiment {
            name: e.experiment.name.clone(),
            ..PlannedExperiment::default()
        })
    };
    let chosen =
        survey.experiments.iter().filter(|e| matcher.choose(&e.experiment) != ExperimentSelection::No);
    let experiments = chosen.map(named).collect();
    let of_kind = |kind: Kind| survey.models.iter().filter(move |model| model.kind == kind);
    let whole = |kind: Kind| {
        of_kind(kind).filter(|model| model.only.is_none()).map(|model| Plan::literal(&model.name)).collect()
    };
    let single = |kind: Kind| {
        let planned = |model: &engine::ModelSurvey| {
            let versions = Some(model.only.as_ref()?.iter().copied().collect());
            Some(PlannedModel { name: model.name.clone(), versions, ..PlannedModel::default() })
        };
        of_kind(kind).filter_map(planned).collect()
    };
    let (models, prompts) = (whole(Kind::RegisteredModel), whole(Kind::Prompt));
    let (model_versions, prompt_versions) = (single(Kind::RegisteredModel), single(Kind::Prompt));
    let datasets = survey.evaluation_datasets.iter().map(|one| Plan::literal(&one.name)).collect();
    let globs = Vec::new();
    let chosen =
        Plan { globs, experiments, models, model_versions, prompts, prompt_versions, ..plan.clone() };
    Plan { datasets, ..chosen }.to_file()
}
