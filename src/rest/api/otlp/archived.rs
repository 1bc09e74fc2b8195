use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use serde_json::{Map, Value, json};

use super::message::{AnyValue, Event, KeyValue, Kind, Link, Request, WireSpan};
use crate::entities::Spans;
use crate::error::{Error, Result};

/// The attribute that holds the id of the trace.
const TRACE_ID: &str = "mlflow.traceRequestId";

/// Converts archived spans into the form of `traces.json` (MLflow 3.18, `tracing/otel/otel_archival.py`,
/// `traces_data_pb_to_spans`, and `entities/span.py`, `to_dict`).
pub fn spans_of(archive: &[u8]) -> Result<Spans> {
    let archive = Request::decode(archive)
        .map_err(|e| Error::permanent(format!("its archived spans are damaged: {e}")).caused_by(e))?;
    let groups = archive.resource_spans.into_iter().flat_map(|group| group.scope_spans);
    let mut spans: Vec<WireSpan> = groups.flat_map(|group| group.spans).collect();
    if spans.is_empty() {
        return Err(Error::permanent("the archive of its spans is empty"));
    }
    spans.sort_by_key(|span| {
        (!span.parent_span_id.is_empty(), span.start_time_unix_nano, span.span_id.clone())
    });
    let spans: Vec<Value> = spans.iter().map(span_of).collect();
    Ok(Spans(serde_json::to_vec(&json!({ "spans": spans }))?.into()))
}

fn span_of(span: &WireSpan) -> Value {
    let mut attributes: Map<String, Value> =
        span.attributes.iter().map(|pair| (pair.key.clone(), text_of(pair.value.as_ref()).into())).collect();
    let own_id = || Value::from(format!("\"tr-{}\"", hex::encode(&span.trace_id)));
    attributes.entry(TRACE_ID).or_insert_with(own_id);
    let parent = (!span.parent_span_id.is_empty()).then(|| BASE64_STANDARD.encode(&span.parent_span_id));
    let status = span.status.clone().unwrap_or_default();
    let code = match status.code {
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "STATUS_CODE_UNSET",
    };
    json!({
        "trace_id": BASE64_STANDARD.encode(&span.trace_id),
        "span_id": BASE64_STANDARD.encode(&span.span_id),
        "parent_span_id": parent,
        "name": span.name,
        "kind": kind(span.kind),
        "start_time_unix_nano": span.start_time_unix_nano,
        "end_time_unix_nano": span.end_time_unix_nano,
        "events": span.events.iter().map(event).collect::<Vec<_>>(),
        "status": { "code": code, "message": status.message },
        "attributes": attributes,
        "links": span.links.iter().map(link).collect::<Vec<_>>(),
    })
}

/// MLflow reads a kind that it does not know as `INTERNAL`.
fn kind(number: i32) -> &'static str {
    match number {
        2 => "SPAN_KIND_SERVER",
        3 => "SPAN_KIND_CLIENT",
        4 => "SPAN_KIND_PRODUCER",
        5 => "SPAN_KIND_CONSUMER",
        _ => "SPAN_KIND_INTERNAL",
    }
}

fn event(event: &Event) -> Value {
    json!({
        "name": event.name,
        "time_unix_nano": event.time_unix_nano,
        "attributes": plain(&event.attributes),
    })
}

fn link(link: &Link) -> Value {
    json!({
        "trace_id": format!("tr-{}", hex::encode(&link.trace_id)),
        "span_id": hex::encode(&link.span_id),
        "attributes": plain(&link.attributes),
    })
}

/// The attributes of events and links are not JSON text, but JSON.
fn plain(attributes: &[KeyValue]) -> Value {
    Value::Object(attributes.iter().map(|pair| (pair.key.clone(), value_of(pair.value.as_ref()))).collect())
}

fn value_of(value: Option<&AnyValue>) -> Value {
    match value.and_then(|value| value.kind.as_ref()) {
        None => Value::Null,
        Some(Kind::Text(text)) => text.as_str().into(),
        Some(Kind::Bool(value)) => (*value).into(),
        Some(Kind::Int(value)) => (*value).into(),
        // Words for a NaN and for infinity are texts in a file that was read.
        Some(Kind::Double(value)) if !value.is_finite() => number(*value).into(),
        Some(Kind::Double(value)) => (*value).into(),
        Some(Kind::Array(array)) => array.values.iter().map(|value| value_of(Some(value))).collect(),
        Some(Kind::Map(map)) => plain(&map.values),
        Some(Kind::Bytes(bytes)) => BASE64_STANDARD.encode(bytes).into(),
    }
}

/// JSON text as Python writes it: a NaN has no quotes.
fn text_of(value: Option<&AnyValue>) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value.and_then(|value| value.kind.as_ref()) {
        Some(Kind::Double(value)) => number(*value),
        Some(Kind::Array(array)) => {
            format!("[{}]", joined(array.values.iter().map(|value| text_of(Some(value))).collect()))
        }
        Some(Kind::Map(map)) => {
            let pair = |pair: &KeyValue| {
                format!("{}: {}", Value::from(pair.key.as_str()), text_of(pair.value.as_ref()))
            };
            format!("{{{}}}", joined(map.values.iter().map(pair).collect()))
        }
        _ => value_of(value).to_string(),
    }
}

fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        value => Value::from(value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{ArrayValue, KeyValueList, ResourceSpans, ScopeSpans, Status};
    use super::*;

    fn pair(key: &str, kind: Option<Kind>) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { kind }) }
    }

    fn archive(spans: Vec<WireSpan>) -> Vec<u8> {
        let scope_spans = vec![ScopeSpans { spans }];
        Request { resource_spans: vec![ResourceSpans { scope_spans }] }.encode_to_vec()
    }

    #[test]
    fn archived_spans_are_those_of_a_file() {
        let any = |kind| AnyValue { kind: Some(kind) };
        let list = Kind::Array(ArrayValue { values: vec![any(Kind::Int(1)), any(Kind::Double(f64::NAN))] });
        let map = Kind::Map(KeyValueList { values: vec![pair("k", Some(list)), pair("none", None)] });
        let root = WireSpan {
            trace_id: vec![7; 16],
            span_id: vec![1; 8],
            name: "root".into(),
            kind: 2,
            start_time_unix_nano: 9,
            end_time_unix_nano: 10,
            attributes: vec![pair("map", Some(map)), pair("text", Some(Kind::Text("ä".into())))],
            events: vec![Event {
                time_unix_nano: 9,
                name: "e".into(),
                attributes: vec![pair("x", Some(Kind::Double(2.0)))],
            }],
            links: vec![Link { trace_id: vec![8; 16], span_id: vec![2; 8], attributes: vec![] }],
            status: Some(Status { code: 2, message: "bad".into() }),
            ..WireSpan::default()
        };
        let child = WireSpan {
            span_id: vec![3; 8],
            parent_span_id: vec![1; 8],
            start_time_unix_nano: 1,
            status: None,
            ..root.clone()
        };
        let spans = spans_of(&archive(vec![child, root])).unwrap().parse().unwrap();
        let root = &spans[0];
        assert_eq!((root.name.as_str(), root.start, root.end), ("root", 9, Some(10)), "the root comes first");
        assert_eq!(
            (root.status.as_str(), root.message.as_str(), root.kind.as_str()),
            ("ERROR", "bad", "SERVER")
        );
        assert_eq!(root.attributes["map"], r#"{"k": [1, NaN], "none": null}"#);
        assert_eq!(root.attributes["text"], "\"ä\"");
        assert_eq!(root.attributes[TRACE_ID], format!("\"tr-{}\"", "07".repeat(16)));
        assert_eq!(root.events[0].attributes["x"], 2.0);
        assert_eq!(root.links[0].trace_id, format!("tr-{}", "08".repeat(16)));
        assert_eq!((spans[1].parent.as_slice(), spans[1].status.as_str()), ([1; 8].as_slice(), "UNSET"));
        assert!(spans[0].other.is_empty());
    }

    #[test]
    fn a_damaged_archive_is_an_error() {
        assert!(spans_of(b"{\"spans\": []}").is_err());
        assert!(spans_of(&archive(Vec::new())).unwrap_err().to_string().contains("empty"));
    }
}
