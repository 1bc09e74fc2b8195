//! Fields that a server derives, completes or rewrites automatically, for any client. A difference on this list is
//! counted as "as the target has it". Every other inequality is a difference.
//!
//! The list comes from the server code of MLflow 2.22.4, 3.10.1 and 3.18.0, and from migrations of stores of 1.30 to
//! 3.18 into 3.10.1 and 3.18.0. Values that no store can distinguish (±infinity, -0.0, the NaN of a logged model's
//! metric, reformatted JSON) are not on the list. They already count as equal: `Point::identity`, `models::identity`,
//! `Scorer::has_same_content`, `Record::fields`.

use serde_json::{Map, Value};

use crate::entities::Kind;

/// One line of the list.
#[derive(Debug)]
pub struct Rule {
    pub kinds: &'static [Kind],
    /// The name of the field in differences. A `*` at the beginning or at the end stands for any text.
    pub field: &'static str,
    pub when: When,
    /// A description of the form that the target keeps.
    pub what: &'static str,
    /// The MLflow releases and the location in the MLflow code.
    pub because: &'static str,
}

/// The condition under which an inequality of such a field is not a difference.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// The source has no value.
    Absent,
    /// The target has the value that a server derives from the source's value.
    Made,
    /// The source has no value, and the target has the value that a server sets instead.
    AbsentAndMade,
    /// The source has an empty text, and the target has no value.
    Empty,
    /// The target shows only the beginning of the source's value, with this number of characters.
    Cut(usize),
    /// Both values are equal in this form.
    SameAs(fn(&str) -> Option<String>),
}

/// The unequal values of one field.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub source: Option<&'a str>,
    pub target: Option<&'a str>,
    /// The value that a server derives, if the comparison knows it.
    pub made: Option<&'a str>,
}

const VERSIONS: &[Kind] = &[Kind::ModelVersion, Kind::PromptVersion];
const TRANSLATION: &str = "MLflow 3.6 to 3.18, tracing/otel/translation, translate_span_when_storing";
const TRACE_TEXTS: &str =
    "MLflow 3.2 to 3.18, entities/trace_info.py, to_proto: _truncate_request_metadata and _truncate_tags";
const FROM_SPANS: &str = "MLflow 3.2 to 3.18, store/tracking/sqlalchemy_store.py, log_spans and start_trace";

const fn run(field: &'static str, when: When, what: &'static str, because: &'static str) -> Rule {
    Rule { kinds: &[Kind::Run], field, when, what, because }
}

const fn trace(field: &'static str, when: When, what: &'static str, because: &'static str) -> Rule {
    Rule { kinds: &[Kind::Trace], field, when, what, because }
}

const fn attribute(field: &'static str) -> Rule {
    trace(
        field,
        When::Absent,
        "an attribute that the server derives from other attributes of the span",
        TRANSLATION,
    )
}

const fn metadata(field: &'static str) -> Rule {
    trace(field, When::Absent, "metadata that the server derives from the spans", FROM_SPANS)
}

pub static RULES: &[Rule] = &[
    run(
        "run_name",
        When::AbsentAndMade,
        "a run without a name gets the name in its tag mlflow.runName, or its id",
        "MLflow 2.0 to 3.18, store/tracking/sqlalchemy_store.py, create_run: a missing name is generated",
    ),
    run(
        "tag mlflow.runName",
        When::Made,
        "the tag contains the run's name",
        "MLflow 1.29 to 3.18, store/tracking/sqlalchemy_store.py, create_run: name and tag are always equal",
    ),
    run(
        "param *",
        When::Made,
        "a param that was written before the run that it names was created keeps the old id",
        "MLflow 1.0 to 3.18, store/tracking/sqlalchemy_store.py, log_param: a param cannot be changed",
    ),
    run(
        "start_time",
        When::AbsentAndMade,
        "a run without a start time gets the start time 0",
        "MLflow 2.22 to 3.18, server/handlers.py, _create_run: a field that is not sent is 0",
    ),
    run(
        "lifecycle_stage",
        When::Made,
        "a run of a deleted experiment is deleted with it",
        "MLflow 1.27 to 3.18, store/tracking/sqlalchemy_store.py, delete_experiment",
    ),
    run(
        "latest metric *",
        When::Made,
        "the latest point is the one with the greatest step, then time, then value, of the same points",
        "MLflow 1.0 to 3.18, store/tracking/sqlalchemy_store.py, _update_latest_metrics_if_necessary",
    ),
    Rule {
        kinds: &[Kind::Experiment],
        field: "tag mlflow.experimentKind",
        when: When::Absent,
        what: "the kind of experiment that MLflow's web page has guessed when it was opened",
        because: "MLflow 3.3 to 3.18, server/js, useInferExperimentKind",
    },
    Rule {
        kinds: VERSIONS,
        field: "run_id",
        when: When::AbsentAndMade,
        what: "the run of the logged model, of the files, or of the version from which the version is made",
        because: "MLflow 3.0 to 3.18, store/model_registry/sqlalchemy_store.py, create_model_version; \
                  3.17 on, server/handlers.py, _resolve_registered_model_source_lineage",
    },
    Rule {
        kinds: VERSIONS,
        field: "source",
        when: When::Made,
        what: "the number of the version to which an alias, a stage or `latest` pointed",
        because: "MLflow 3.17 to 3.18, server/handlers.py, _resolve_registered_model_source_lineage",
    },
    trace(
        "* preview",
        When::Absent,
        "the beginning of the outermost span's inputs or outputs",
        "MLflow 3.6 to 3.18, store/tracking/sqlalchemy_store.py, _update_trace_info_attributes",
    ),
    trace(
        "metadata mlflow.trace.tokenUsage",
        When::SameAs(numbers),
        "the same numbers in another format",
        "MLflow 3.17 and 3.18, store/tracking/utils/trace_analytics.py, compatibility_metadata_from_columns",
    ),
    trace(
        "metadata mlflow.trace.cost",
        When::SameAs(numbers),
        "the same numbers in another format",
        "MLflow 3.17 and 3.18, store/tracking/utils/trace_analytics.py, compatibility_metadata_from_columns",
    ),
    metadata("metadata mlflow.trace_schema.version"),
    metadata("metadata mlflow.trace.sizeStats"),
    metadata("metadata mlflow.trace.sizeBytes"),
    metadata("metadata mlflow.trace.tokenUsage"),
    metadata("metadata mlflow.trace.cost"),
    metadata("metadata mlflow.trace.session"),
    metadata("metadata mlflow.trace.user"),
    trace(
        "metadata *",
        When::Cut(250),
        "the first 250 characters of a longer text: a server shows no more",
        TRACE_TEXTS,
    ),
    trace(
        "tag *",
        When::Cut(4096),
        "the first 4,096 characters of a longer text: a server shows no more",
        TRACE_TEXTS,
    ),
    trace(
        "tag *",
        When::AbsentAndMade,
        "a tag that an attribute `mlflow.traceTag.…` of the outermost span names",
        "MLflow 3.13 to 3.18, store/tracking/sqlalchemy_store.py, log_spans",
    ),
    trace(
        "* attribute mlflow.spanType",
        When::Made,
        "the type of a span that had none, derived from its other attributes",
        TRANSLATION,
    ),
    trace(
        "*: rationale",
        When::Empty,
        "an empty rationale of an assessment is not stored",
        "MLflow 3.2 to 3.18, entities/assessment.py, to_proto: an empty rationale is not sent",
    ),
    attribute("* attribute mlflow.spanType"),
    attribute("* attribute mlflow.spanInputs"),
    attribute("* attribute mlflow.spanOutputs"),
    attribute("* attribute mlflow.chat.tokenUsage"),
    attribute("* attribute mlflow.chat.tools"),
    attribute("* attribute mlflow.message.format"),
    attribute("* attribute mlflow.llm.model"),
    attribute("* attribute mlflow.llm.provider"),
    attribute("* attribute mlflow.llm.cost"),
];

/// Returns the rule under which this inequality is not a difference.
pub fn rule(kind: Kind, field: &str, case: Case<'_>) -> Option<&'static Rule> {
    RULES
        .iter()
        .find(|rule| rule.kinds.contains(&kind) && is_named(rule.field, field) && holds(rule.when, case))
}

fn is_named(pattern: &str, field: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => field.ends_with(end),
        (_, Some(start)) => field.starts_with(start),
        _ => pattern == field,
    }
}

fn holds(when: When, Case { source, target, made }: Case<'_>) -> bool {
    let is_made = made.is_some() && made == target;
    match when {
        When::Absent => source.is_none(),
        When::Made => is_made,
        When::AbsentAndMade => source.is_none() && is_made,
        When::Empty => matches!(source, Some("" | "\"\"")) && target.is_none(),
        When::Cut(length) => source.zip(target).is_some_and(|(ours, theirs)| {
            ours.starts_with(theirs) && ours.len() > theirs.len() && theirs.chars().count() == length
        }),
        When::SameAs(form) => {
            let same = |text: Option<&str>| text.and_then(form);
            same(source).is_some_and(|ours| Some(ours) == same(target))
        }
    }
}

/// A JSON object of numbers as text, with sorted keys and a uniform number format. `None` for any other text.
fn numbers(text: &str) -> Option<String> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut all: Vec<(String, f64)> =
        object.into_iter().map(|(key, value)| Some((key, value.as_f64()?))).collect::<Option<_>>()?;
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Some(format!("{all:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_normal(
        kind: Kind,
        field: &str,
        source: Option<&str>,
        target: Option<&str>,
        made: Option<&str>,
    ) -> bool {
        rule(kind, field, Case { source, target, made }).is_some()
    }

    #[test]
    fn only_a_value_that_a_server_derives_is_excused() {
        assert!(is_normal(Kind::Run, "run_name", None, Some("id"), Some("id")));
        assert!(!is_normal(Kind::Run, "run_name", None, Some("other"), Some("id")), "the user has named it");
        assert!(
            !is_normal(Kind::Run, "run_name", Some("n"), Some("id"), Some("id")),
            "the source has a name"
        );
        assert!(!is_normal(Kind::Run, "run_name", Some("n"), None, None));
        assert!(is_normal(Kind::Run, "latest metric a b", Some("1"), Some("2"), Some("2")));
        assert!(!is_normal(Kind::Run, "latest metric a b", Some("1"), Some("999"), Some("2")));
        assert!(is_normal(Kind::Trace, "span s: attribute mlflow.llm.cost", None, Some("1"), None));
        assert!(!is_normal(Kind::Trace, "span s: attribute mlflow.llm.cost", Some("1"), Some("2"), None));
        assert!(!is_normal(Kind::Trace, "span s: attribute mlflow.llm.cost", Some("1"), None, None));
        assert!(!is_normal(Kind::Trace, "span s: attribute own", None, Some("1"), None));
        assert!(!is_normal(Kind::Run, "tag own", None, Some("1"), None));
        assert!(is_normal(Kind::Trace, "assessment n: rationale", Some("\"\""), None, None));
        let (whole, cut) = ("é".repeat(251), "é".repeat(250));
        assert!(is_normal(Kind::Trace, "metadata m", Some(&whole), Some(&cut), None));
        assert!(!is_normal(Kind::Trace, "metadata m", Some(&whole), Some(&"é".repeat(249)), None));
        assert!(!is_normal(Kind::Trace, "tag t", Some(&whole), Some(&cut), None));
        assert!(!is_normal(Kind::Trace, "assessment n: rationale", Some("\"why\""), None, None));
    }

    #[test]
    fn numbers_are_the_same_in_any_format_and_order() {
        let usage = "metadata mlflow.trace.tokenUsage";
        let same = |a, b| is_normal(Kind::Trace, usage, Some(a), Some(b), None);
        assert!(same(
            r#"{"input_tokens":1, "output_tokens":2.0}"#,
            r#"{"output_tokens": 2, "input_tokens": 1}"#
        ));
        assert!(!same(r#"{"input_tokens":1}"#, r#"{"input_tokens":2}"#));
        assert!(!same(r#"{"input_tokens":1,"own":2}"#, r#"{"input_tokens":1}"#), "one number is lost");
        assert!(!same("no", "neither"));
    }
}
