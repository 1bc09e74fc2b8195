//! Writes logged models, traces and the registry as rows.

use rusqlite::types::Value;

use super::rows::{Database, finite, maybe, text};
use super::shape::{Experiment, RegisteredModel, Trace, Version};
use super::traces::new_span;

const REDACTED: &str = "REDACTED-SOURCE-PATH";

pub fn models(database: &Database, of: &Experiment) {
    for model in &of.models {
        let id = vec![("model_id", text(&model.id)), ("experiment_id", Value::Integer(of.id))];
        let mut row = id.clone();
        row.extend([
            ("name", text(&model.name)),
            (
                "artifact_location",
                text(&format!("mlflow-artifacts:/{}/models/{}/artifacts", of.id, model.id)),
            ),
            ("creation_timestamp_ms", Value::Integer(model.created)),
            ("last_updated_timestamp_ms", Value::Integer(model.created)),
            ("status", Value::Integer(model.status)),
            ("lifecycle_stage", text("active")),
            ("model_type", text(&model.model_type)),
            ("source_run_id", maybe(model.run.as_deref())),
        ]);
        database.insert("logged_models", row);
        database.pairs("logged_model_params", &model.params, ("param_key", "param_value"), &id);
        database.pairs("logged_model_tags", &model.tags, ("tag_key", "tag_value"), &id);
        for (run, key, point) in &model.metrics {
            let mut row = id.clone();
            row.extend([
                ("metric_name", text(key)),
                ("metric_timestamp_ms", Value::Integer(point.timestamp)),
                ("metric_step", Value::Integer(point.step)),
                ("metric_value", Value::Real(finite(point.value))),
                ("run_id", text(run)),
            ]);
            database.insert("logged_model_metrics", row);
        }
    }
}

pub fn traces(database: &Database, of: &Experiment) {
    for (at, trace) in of.traces.iter().enumerate() {
        let id = vec![("request_id", text(&trace.id))];
        let mut row = id.clone();
        row.extend([
            ("experiment_id", Value::Integer(of.id)),
            ("timestamp_ms", Value::Integer(trace.time)),
            ("execution_time_ms", Value::Integer(trace.duration)),
            ("status", text(trace.state)),
            ("request_preview", maybe(trace.request.as_deref())),
            ("response_preview", maybe(trace.response.as_deref())),
        ]);
        let name = trace.tags.iter().find(|(key, _)| key == "mlflow.traceName");
        row.push(("trace_name", maybe(name.map(|(_, name)| name.as_str()))));
        database.insert("trace_info", row);
        database.pairs("trace_tags", &trace.tags, ("key", "value"), &id);
        database.pairs("trace_request_metadata", &trace.metadata, ("key", "value"), &id);
        // Half of them have their spans in the file and in the database.
        if at % 2 == 0 && trace.id.starts_with("tr-") && database.keeps_spans() {
            spans(database, trace, of.id);
        }
    }
}

fn spans(database: &Database, trace: &Trace, experiment: i64) {
    let place = vec![("mlflow.trace.spansLocation".to_owned(), "TRACKING_STORE".to_owned())];
    database.pairs("trace_tags", &place, ("key", "value"), &vec![("request_id", text(&trace.id))]);
    for span in &trace.spans {
        database.insert(
            "spans",
            vec![
                ("trace_id", text(&trace.id)),
                ("experiment_id", Value::Integer(experiment)),
                ("span_id", text(&span.id)),
                ("parent_span_id", maybe(span.parent.as_deref())),
                ("name", text(&span.name)),
                ("type", text("LLM")),
                ("status", text("OK")),
                ("start_time_unix_nano", Value::Integer(span.start)),
                ("end_time_unix_nano", Value::Integer(span.end)),
                ("content", text(&new_span(trace, span).to_string())),
            ],
        );
    }
}

pub fn registry(database: &Database, all: &[RegisteredModel]) {
    for model in all {
        let name = vec![("name", text(&model.name))];
        let mut row = name.clone();
        row.extend([
            ("creation_time", Value::Integer(model.created)),
            ("last_updated_time", Value::Integer(model.created)),
            ("description", maybe(model.description.as_deref())),
        ]);
        database.insert("registered_models", row);
        database.pairs("registered_model_tags", &model.tags, ("key", "value"), &name);
        for (alias, version) in &model.aliases {
            let mut row = name.clone();
            row.extend([("alias", text(alias)), ("version", Value::Integer(*version))]);
            database.insert("registered_model_aliases", row);
        }
        for one in &model.versions {
            version(database, model, one);
        }
    }
}

/// The store keeps the number and the tags of a deleted version and redacts the rest.
fn version(database: &Database, of: &RegisteredModel, one: &Version) {
    let id = vec![("name", text(&of.name)), ("version", Value::Integer(one.number))];
    let source = if one.is_deleted { REDACTED } else { one.source.as_str() };
    let kept = |value: &Option<String>| maybe(value.as_deref().filter(|_| !one.is_deleted));
    let mut row = id.clone();
    row.extend([
        ("creation_time", Value::Integer(one.created)),
        ("last_updated_time", Value::Integer(one.created)),
        ("description", kept(&one.description)),
        ("current_stage", text(one.stage)),
        ("source", text(source)),
        ("storage_location", text(source)),
        ("run_id", kept(&one.run)),
        ("run_link", kept(&one.run_link)),
        ("status", text("READY")),
    ]);
    database.insert("model_versions", row);
    database.pairs("model_version_tags", &one.tags, ("key", "value"), &id);
}
