//! Warnings about values that a target truncates or refuses, as far as a first check can find them.

use super::sample::Sample;
use super::too_long::{MAX_NAME_LENGTH, MAX_PARAM_LENGTH, MAX_RUN_TAG_LENGTH, longer};
use super::{Finding, Level};
use crate::entities::Kind;
use crate::rest::Capabilities;

/// Longer tags are refused (`utils/validation.py`, `MAX_EXPERIMENT_TAG_VAL_LENGTH`). The first limit is that of
/// releases before MLflow 3.16, the second that of newer releases.
const MAX_EXPERIMENT_TAG_LENGTH: [usize; 2] = [5_000, 20_000];

const COPY_THE_FILES: &str = "register a copy of the files, in a bucket or in the run that the version names";

/// Returns warnings with counts. Without a target, they cover every limit that a target may have.
pub fn findings(sample: &Sample, target: Option<&Capabilities>) -> Vec<Finding> {
    let limit = MAX_EXPERIMENT_TAG_LENGTH[usize::from(target.is_some_and(|can| can.long_experiment_tags))];
    let experiment_tags = longer(sample.experiments.iter().flat_map(|one| one.tags.values()), limit);
    let refuses_names = target.is_none_or(|can| can.restricts_model_names);
    let names: Vec<&str> = sample.models.iter().map(|model| model.name.as_str()).collect();
    let refused: Vec<&str> =
        names.into_iter().filter(|name| refuses_names && (name.contains(['/', ':']))).collect();
    let unchecked = target.is_some_and(|can| !can.checked_sources);
    let checked: Vec<&str> =
        sample.refused.checked.iter().filter(|_| !unchecked).map(String::as_str).collect();
    let local: Vec<&str> = sample.refused.local.iter().map(String::as_str).collect();
    let allows_code = target.is_some_and(|can| !can.refuses_code_scorers);
    let code_scorers = if allows_code { 0 } else { sample.code_scorers };
    let or_more = if sample.runs.more { "or more " } else { "" };
    let which = if target.is_some() { "the target" } else { "a target" };
    let warnings = [
        (
            sample.too_long.params,
            format!(
                "{or_more}params of runs are longer than {MAX_PARAM_LENGTH} characters: {which} cuts the rest of them"
            ),
            None,
        ),
        (
            sample.too_long.tags,
            format!(
                "{or_more}tags of runs are longer than {MAX_RUN_TAG_LENGTH} characters: a target that uses PostgreSQL \
                 or MySQL refuses them"
            ),
            None,
        ),
        (
            sample.too_long.names,
            format!(
                "{or_more}names of params or metrics have over {MAX_NAME_LENGTH} characters, or characters other than \
                 letters, digits, spaces and \"/_.-:\"; {which} refuses these entries and accepts the rest of their \
                 runs"
            ),
            Some("rename them on the source".to_owned()),
        ),
        (
            sample.too_long.early,
            format!("{or_more}metrics of runs have points from before 1970: {which} refuses those points"),
            None,
        ),
        (
            experiment_tags,
            format!("tags of experiments are longer than {limit} characters: {which} refuses them"),
            Some("shorten them on the source".to_owned()),
        ),
        (
            refused.len() as u64,
            format!(
                "registered models or prompts have names with / or :, which {which} {}: {}",
                if target.is_some() { "refuses" } else { "of MLflow 3.11 or newer refuses" },
                shortened(&refused)
            ),
            Some("give them other names with --model-rename-file".to_owned()),
        ),
        (
            checked.len() as u64,
            format!(
                "versions have a source on another host or in the files of another run, which {which} {}: {}",
                if target.is_some() { "may refuse" } else { "of MLflow 3.17 or newer may refuse" },
                shortened(&checked)
            ),
            Some(COPY_THE_FILES.to_owned()),
        ),
        (
            local.len() as u64,
            format!(
                "versions have a source on the server's disk, outside of any run's folder: {which} refuses them: {}",
                shortened(&local)
            ),
            Some(COPY_THE_FILES.to_owned()),
        ),
        (
            code_scorers,
            format!(
                "versions of scorers contain code (@scorer), which {which} {}",
                if target.is_some() { "refuses" } else { "of MLflow 3.12 or newer refuses" },
            ),
            Some(
                "a target of MLflow 3.18 accepts them with MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS=true"
                    .to_owned(),
            ),
        ),
        (
            sample.endpoint_scorers,
            format!(
                "versions of scorers name a gateway endpoint: {which} refuses them until it has an endpoint with \
                 that name"
            ),
            Some("create the endpoints on the target first, with the same names".to_owned()),
        ),
    ];
    let mut findings: Vec<Finding> = warnings
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, text, hint)| Finding { level: Level::Warning, text: format!("{count} {text}"), hint })
        .collect();
    findings.extend(target.into_iter().flat_map(|can| unknown_kinds(sample, can)));
    findings
}

/// Warnings about the kinds that the source has but that the target is too old for.
fn unknown_kinds(sample: &Sample, target: &Capabilities) -> Vec<Finding> {
    let unknown = |kind: Kind| match kind {
        Kind::LoggedModel => !target.logged_models,
        Kind::RegisteredModel | Kind::ModelVersion => !target.model_registry,
        Kind::Prompt | Kind::PromptVersion => !target.prompts,
        Kind::EvaluationDataset | Kind::Scorer => !target.evaluation,
        Kind::Trace => !target.traces_v3,
        Kind::Experiment | Kind::Run | Kind::Artifact => false,
    };
    let lost = sample.kinds().into_iter().filter(|row| row.tally.count > Some(0) && unknown(row.kind));
    lost.map(|row| {
        let (count, title) = (row.tally.count.unwrap_or_default(), row.kind.title());
        Finding::new(
            Level::Warning,
            format!("{title}: the target does not support them, so {count} cannot be moved"),
        )
    })
    .collect()
}

/// Lists the first few names.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
