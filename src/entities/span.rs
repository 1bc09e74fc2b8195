use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Spans, quote_bare_numbers};
use crate::error::Error;

/// One step of a trace, read from a `traces.json` in either of its forms (MLflow 3.10, `entities/span.py`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// 16 bytes. Empty if MLflow 2 wrote another form.
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    pub id: Vec<u8>,
    /// The id of the parent span. Empty for the root span.
    pub parent: Vec<u8>,
    pub name: String,
    /// Nanoseconds since 1970.
    pub start: i64,
    pub end: Option<i64>,
    /// `OK`, `ERROR` or `UNSET`.
    pub status: String,
    pub message: String,
    /// Each value is JSON as text.
    pub attributes: BTreeMap<String, Value>,
    pub events: Vec<SpanEvent>,
    /// The kind in OpenTelemetry, such as `SERVER` (MLflow 3.18 on). Empty for `INTERNAL`, the default.
    pub kind: String,
    /// Links to spans of any trace (MLflow 3.13 on).
    pub links: Vec<SpanLink>,
    /// Fields that this program does not know, except empty ones.
    pub other: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SpanEvent {
    pub name: String,
    /// Nanoseconds since 1970.
    #[serde(alias = "timestamp", alias = "time_unix_nano")]
    pub time: i64,
    pub attributes: BTreeMap<String, Value>,
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A link in the form of `traces.json` (MLflow 3.18, `entities/link.py`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SpanLink {
    /// As MLflow writes it: `tr-` and 32 digits, or any other text of the client.
    pub trace_id: String,
    pub span_id: String,
    /// `null` and an empty object are the same.
    #[serde(deserialize_with = "null_as_empty")]
    pub attributes: BTreeMap<String, Value>,
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct File {
    spans: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    V3(SpanV3),
    V2(SpanV2),
}

/// The form of MLflow 3: OpenTelemetry's field names, ids in base 64.
#[derive(Deserialize)]
struct SpanV3 {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: Option<String>,
    name: String,
    start_time_unix_nano: i64,
    #[serde(default)]
    end_time_unix_nano: Option<i64>,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default)]
    events: Vec<SpanEvent>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    links: Option<Vec<SpanLink>>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: String,
    message: String,
}

/// The form of MLflow 2.14 to 2.22: ids in hexadecimal after `0x`.
#[derive(Deserialize)]
struct SpanV2 {
    context: Context,
    #[serde(default)]
    parent_id: Option<String>,
    name: String,
    start_time: i64,
    #[serde(default)]
    end_time: Option<i64>,
    #[serde(default)]
    status_code: String,
    #[serde(default)]
    status_message: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default)]
    events: Vec<SpanEvent>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Context {
    trace_id: String,
    span_id: String,
}

impl Spans {
    pub fn parse(&self) -> crate::error::Result<Vec<Span>> {
        let file: File = serde_json::from_slice(&quote_bare_numbers(&self.0))
            .map_err(|e| Error::permanent(format!("its spans are not in the form of MLflow: {e}")))?;
        Ok(file.spans.into_iter().map(Span::from).collect())
    }
}

impl From<Written> for Span {
    fn from(written: Written) -> Self {
        match written {
            Written::V3(span) => Self {
                trace_id: base64(&span.trace_id),
                id: base64(&span.span_id),
                parent: base64(&span.parent_span_id.unwrap_or_default()),
                name: span.name,
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano.filter(|end| *end != 0),
                // MLflow 3.5 wrote the code without the prefix.
                status: span.status.code.trim_start_matches("STATUS_CODE_").to_owned(),
                message: span.status.message,
                attributes: span.attributes,
                events: span.events,
                kind: kind(&span.kind.unwrap_or_default()),
                links: span.links.unwrap_or_default(),
                other: filled(span.other),
            },
            Written::V2(span) => Self {
                trace_id: hexadecimal(&span.context.trace_id),
                id: hexadecimal(&span.context.span_id),
                parent: hexadecimal(&span.parent_id.unwrap_or_default()),
                name: span.name,
                start: span.start_time,
                end: span.end_time.filter(|end| *end != 0),
                status: span.status_code,
                message: span.status_message.unwrap_or_default(),
                attributes: span.attributes,
                events: span.events,
                kind: String::new(),
                links: Vec::new(),
                other: filled(span.other),
            },
        }
    }
}

/// The kind of a span. Servers read `SPAN_KIND_UNSPECIFIED` as `INTERNAL` (MLflow 3.18, `entities/span.py`).
fn kind(written: &str) -> String {
    match written.trim_start_matches("SPAN_KIND_") {
        "INTERNAL" | "UNSPECIFIED" => String::new(),
        other => other.to_owned(),
    }
}

fn filled(fields: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    fields.into_iter().filter(|(_, value)| !is_empty(value)).collect()
}

fn null_as_empty<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Value>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn base64(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap_or_default()
}

fn hexadecimal(text: &str) -> Vec<u8> {
    hex::decode(text.trim_start_matches("0x")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_give_the_same_spans() {
        let third = r#"{"spans": [{"trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": "AAAAAAAAAAI=",
            "parent_span_id": "AAAAAAAAAAM=", "name": "n", "start_time_unix_nano": 5, "end_time_unix_nano": 6,
            "status": {"code": "STATUS_CODE_ERROR", "message": "m"}, "attributes": {"a": "[1.0]"},
            "events": [{"name": "e", "time_unix_nano": 7, "attributes": {"k": [1, NaN]}}]}]}"#;
        let second = r#"{"spans": [{"context": {"trace_id": "0x00000000000000000000000000000001",
            "span_id": "0x0000000000000002"}, "parent_id": "0x0000000000000003", "name": "n", "start_time": 5,
            "end_time": 6, "status_code": "ERROR", "status_message": "m", "attributes": {"a": "[1.0]"},
            "events": [{"name": "e", "timestamp": 7, "attributes": {"k": [1, NaN]}}]}]}"#;
        let spans = Spans(third.into()).parse().unwrap();
        assert_eq!(spans, Spans(second.into()).parse().unwrap());
        assert_eq!(
            (spans[0].id.as_slice(), spans[0].status.as_str()),
            ([0, 0, 0, 0, 0, 0, 0, 2].as_slice(), "ERROR")
        );
        assert!(Spans("{\"spans\": [".into()).parse().is_err());
    }

    #[test]
    fn links_kinds_and_fields_of_later_releases_are_read() {
        let with = |more: &str| {
            let text = format!(
                r#"{{"spans": [{{"trace_id": "", "span_id": "AAAAAAAAAAI=", "name": "n",
                "start_time_unix_nano": 5 {more}}}]}}"#
            );
            Spans(text.into()).parse().unwrap().remove(0)
        };
        for same in
            ["", r#", "kind": null"#, r#", "kind": "SPAN_KIND_INTERNAL""#, r#", "links": null, "later": []"#]
        {
            assert_eq!(with(same), with(r#", "kind": "SPAN_KIND_UNSPECIFIED", "links": []"#), "{same}");
        }
        let span = with(
            r#", "kind": "SPAN_KIND_CLIENT", "later": 1,
            "links": [{"trace_id": "tr-1", "span_id": "2", "attributes": null}]"#,
        );
        assert_eq!((span.kind.as_str(), span.links[0].trace_id.as_str()), ("CLIENT", "tr-1"));
        assert_eq!(span.other, [("later".to_owned(), Value::from(1))].into());
    }
}
