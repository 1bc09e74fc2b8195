//! Generates traces with their spans.

use serde_json::{Value, json};

use super::Layout;
use super::dice::Dice;
use super::shape::{Experiment, Pairs, Span, Trace};
use super::words;

const LONG_AGO: i64 = 1_612_325_106_789;

pub fn add(dice: &mut Dice, layout: Layout, experiments: &mut [Experiment]) {
    for experiment in experiments.iter_mut() {
        if experiment.is_deleted || dice.chance(60) {
            continue;
        }
        let run = experiment.runs.first().map(|run| run.id.clone());
        experiment.traces =
            (0..dice.count(4, 120)).map(|_| trace(dice, layout, experiment.id, run.as_deref())).collect();
    }
}

fn trace(dice: &mut Dice, layout: Layout, experiment: i64, run: Option<&str>) -> Trace {
    let is_new = layout.since(3, 0);
    let id = if is_new { format!("tr-{}", dice.hex(32)) } else { dice.hex(32) };
    let time = LONG_AGO + dice.range(0, 1_000_000);
    let count = dice.count(3, 30).max(1);
    let mut spans: Vec<Span> = Vec::new();
    for at in 0..count {
        let parent = (at > 0).then(|| spans[dice.below(at)].id.clone());
        spans.push(span(dice, &id, at, time, parent));
    }
    let location = format!("mlflow-artifacts:/{experiment}/traces/{id}/artifacts");
    let mut tags = pairs(dice, if is_new { 8000 } else { 250 });
    tags.push(("mlflow.artifactLocation".to_owned(), location));
    tags.push(("mlflow.traceName".to_owned(), words::title(dice)));
    let mut metadata = pairs(dice, if is_new { 8000 } else { 250 });
    let schema = if is_new { "3" } else { "2" };
    metadata.push(("mlflow.trace_schema.version".to_owned(), schema.to_owned()));
    if let Some(run) = run.filter(|_| dice.chance(30)) {
        metadata.push(("mlflow.sourceRun".to_owned(), run.to_owned()));
    }
    Trace {
        id,
        time,
        duration: dice.range(0, 100_000),
        state: dice.pick::<&str>(&["OK", "OK", "ERROR"]),
        request: is_new.then(|| words::value(dice, 900)),
        response: is_new.then(|| words::value(dice, 900)),
        metadata,
        tags,
        spans,
    }
}

/// Pairs of generated keys and values that any store accepts.
fn pairs(dice: &mut Dice, longest: usize) -> Pairs {
    let count = dice.count(2, 10);
    words::keys(dice, count).into_iter().map(|key| (key, words::value(dice, longest))).collect()
}

fn span(dice: &mut Dice, trace: &str, at: usize, time: i64, parent: Option<String>) -> Span {
    let start = time * 1_000_000 + i64::try_from(at).unwrap() * 1000 + dice.range(0, 999);
    let text = words::value(dice, 300);
    let attributes = [
        ("mlflow.traceRequestId", json!(trace)),
        ("mlflow.spanType", json!(*dice.pick(&["LLM", "TOOL", "UNKNOWN", "größe"]))),
        ("mlflow.spanInputs", json!({ "question": text, "n": dice.range(-5, 5), "x": 0.1 })),
        ("mlflow.spanOutputs", json!([text, null, true])),
        ("größe", json!("a 🐘")),
    ];
    let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), value.to_string())).collect();
    Span {
        id: dice.hex(16),
        parent,
        name: words::title(dice),
        start,
        end: start + dice.range(0, 1_000_000),
        attributes,
    }
}

/// The file `traces.json` in the format of the second or the third generation of MLflow.
pub fn document(trace: &Trace) -> Value {
    let is_new = trace.id.starts_with("tr-");
    let spans: Vec<Value> = trace
        .spans
        .iter()
        .map(|span| if is_new { new_span(trace, span) } else { old_span(trace, span) })
        .collect();
    if is_new {
        json!({ "spans": spans })
    } else {
        json!({ "spans": spans, "request": null, "response": null })
    }
}

pub fn new_span(trace: &Trace, span: &Span) -> Value {
    json!({
        "trace_id": base64(trace.id.trim_start_matches("tr-")),
        "span_id": base64(&span.id),
        "parent_span_id": span.parent.as_deref().map(base64),
        "name": span.name,
        "start_time_unix_nano": span.start,
        "end_time_unix_nano": span.end,
        "events": [],
        "status": { "code": "STATUS_CODE_OK", "message": "" },
        "attributes": attributes(span),
    })
}

fn old_span(trace: &Trace, span: &Span) -> Value {
    json!({
        "name": span.name,
        "context": { "span_id": format!("0x{}", span.id), "trace_id": format!("0x{}", trace.id) },
        "parent_id": span.parent.as_ref().map(|id| format!("0x{id}")),
        "start_time": span.start,
        "end_time": span.end,
        "status_code": "OK",
        "status_message": "",
        "attributes": attributes(span),
        "events": [],
    })
}

fn attributes(span: &Span) -> serde_json::Map<String, Value> {
    span.attributes.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect()
}

fn base64(hex: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(hex::decode(hex).unwrap())
}
