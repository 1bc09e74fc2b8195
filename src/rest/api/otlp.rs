//! OpenTelemetry's protocol for spans: it sends them to servers that store them in the database, and is the form of
//! archived spans.

pub mod archived;
mod message;

use std::collections::BTreeMap;

use prost::Message;
use reqwest::Method;
use serde_json::Value;

use self::message::{
    AnyValue, ArrayValue, Event, KeyValue, KeyValueList, Kind, Link, PartialSuccess, Request, ResourceSpans,
    Response, ScopeSpans, Status, WireSpan,
};
use crate::entities::{ExperimentId, Span, SpanLink};
use crate::error::{Error, Result};
use crate::rest::{Call, Capabilities, Client};

const ROUTE: &str = "/v1/traces";
/// A proxy may cut off larger requests.
pub const MAX_REQUEST_BYTES: usize = 8 << 20;

/// The request that sends the spans of one trace; `None` when the protocol, or a server with these capabilities, cannot
/// represent them without a loss.
pub fn request(trace: &str, spans: &[Span], can: &Capabilities) -> Option<Vec<u8>> {
    let is_kept =
        |span: &Span| (can.span_links || span.links.is_empty()) && (can.span_kinds || span.kind.is_empty());
    if !spans.iter().all(is_kept) {
        return None;
    }
    let id = hex::decode(trace.strip_prefix("tr-")?).ok().filter(|id| id.len() == 16)?;
    let spans: Vec<WireSpan> = spans.iter().map(|span| wire(&id, span)).collect::<Option<_>>()?;
    let all = Request { resource_spans: vec![ResourceSpans { scope_spans: vec![ScopeSpans { spans }] }] };
    let bytes = all.encode_to_vec();
    (bytes.len() <= MAX_REQUEST_BYTES).then_some(bytes)
}

fn wire(trace: &[u8], span: &Span) -> Option<WireSpan> {
    let code = match span.status.as_str() {
        "OK" => 1,
        "ERROR" => 2,
        _ => 0,
    };
    // Servers keep the message only for an error.
    let is_representable = span.trace_id == trace
        && span.id.len() == 8
        && (code == 2 || span.message.is_empty())
        && span.other.is_empty();
    if !is_representable {
        return None;
    }
    let attributes = span.attributes.iter().map(|(key, text)| {
        let value: Value = serde_json::from_str(text.as_str()?).ok()?;
        key_value(key, &value)
    });
    let events = span.events.iter().map(|event| {
        Some(Event {
            time_unix_nano: u64::try_from(event.time).ok()?,
            name: event.name.clone(),
            attributes: plain_attributes(&event.attributes, &event.other)?,
        })
    });
    Some(WireSpan {
        trace_id: trace.to_vec(),
        span_id: span.id.clone(),
        parent_span_id: span.parent.clone(),
        name: span.name.clone(),
        kind: kind(&span.kind)?,
        start_time_unix_nano: u64::try_from(span.start).ok()?,
        end_time_unix_nano: u64::try_from(span.end.unwrap_or_default()).ok()?,
        attributes: attributes.collect::<Option<_>>()?,
        events: events.collect::<Option<_>>()?,
        links: span.links.iter().map(link).collect::<Option<_>>()?,
        status: Some(Status { message: span.message.clone(), code }),
    })
}

fn kind(name: &str) -> Option<i32> {
    Some(match name {
        "" => 1,
        "SERVER" => 2,
        "CLIENT" => 3,
        "PRODUCER" => 4,
        "CONSUMER" => 5,
        _ => return None,
    })
}

/// Converts a link. Servers write its ids with `tr-` and in lower case.
fn link(link: &SpanLink) -> Option<Link> {
    let bytes = |digits: &str, length: usize| {
        hex::decode(digits).ok().filter(|id| id.len() == length && hex::encode(id) == digits)
    };
    Some(Link {
        trace_id: bytes(link.trace_id.strip_prefix("tr-")?, 16)?,
        span_id: bytes(&link.span_id, 8)?,
        attributes: plain_attributes(&link.attributes, &link.other)?,
    })
}

/// Converts the attributes of an object that has no other fields. Their values are not JSON text.
fn plain_attributes(
    attributes: &BTreeMap<String, Value>,
    other: &BTreeMap<String, Value>,
) -> Option<Vec<KeyValue>> {
    let pairs = attributes.iter().map(|(key, value)| key_value(key, value));
    pairs.collect::<Option<_>>().filter(|_| other.is_empty())
}

fn key_value(key: &str, value: &Value) -> Option<KeyValue> {
    Some(KeyValue { key: key.to_owned(), value: Some(any(value)?) })
}

/// Converts a value. The protocol cannot represent an integer beyond 64 bits.
fn any(value: &Value) -> Option<AnyValue> {
    let kind = match value {
        Value::Null => None,
        Value::Bool(value) => Some(Kind::Bool(*value)),
        Value::String(value) => Some(Kind::Text(value.clone())),
        Value::Number(number) if number.is_f64() => number.as_f64().map(Kind::Double),
        Value::Number(number) => Some(Kind::Int(number.as_i64()?)),
        Value::Array(values) => {
            let values = values.iter().map(any).collect::<Option<_>>()?;
            Some(Kind::Array(ArrayValue { values }))
        }
        Value::Object(values) => {
            let values = values.iter().map(|(key, value)| key_value(key, value)).collect::<Option<_>>()?;
            Some(Kind::Map(KeyValueList { values }))
        }
    };
    Some(AnyValue { kind })
}

impl Client {
    /// Writes spans into the server's database or overwrites them.
    ///
    /// # Errors
    /// It also fails when a successful answer reports rejected spans.
    pub async fn send_spans(&self, experiment: &ExperimentId, request: Vec<u8>) -> Result<()> {
        let call = Call::with_bytes(Method::POST, ROUTE, "application/x-protobuf", request);
        let answer = self.bytes(&call.header("x-mlflow-experiment-id", experiment)).await?;
        rejected(&answer).map_or(Ok(()), Err)
    }
}

/// The error for rejected spans. An answer of another form is ignored: MLflow has also answered with JSON.
fn rejected(answer: &[u8]) -> Option<Error> {
    let PartialSuccess { rejected_spans, error_message } = Response::decode(answer).ok()?.partial_success?;
    let text = format!("the target refused {rejected_spans} of its spans: {error_message}");
    (rejected_spans > 0).then(|| Error::permanent(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_were_not_taken_are_an_error() {
        let answer = |rejected_spans, error_message: &str| {
            let partial_success =
                Some(PartialSuccess { rejected_spans, error_message: error_message.into() });
            Response { partial_success }.encode_to_vec()
        };
        assert!(rejected(&answer(2, "no room")).unwrap().to_string().contains("2 of its spans: no room"));
        // Only advice: the server took all spans.
        assert!(rejected(&answer(0, "send fewer")).is_none());
        assert!(rejected(b"").is_none() && rejected(b"{}").is_none());
    }

    const TRACE: &str = "tr-0123456789abcdef0123456789abcdef";

    fn newest() -> Capabilities {
        Capabilities { span_links: true, span_kinds: true, ..Capabilities::default() }
    }

    fn span(attribute: &str) -> Span {
        Span {
            trace_id: hex::decode(&TRACE[3..]).unwrap(),
            id: vec![1; 8],
            status: "OK".into(),
            attributes: [("a".to_owned(), Value::from(attribute))].into(),
            ..Span::default()
        }
    }

    #[test]
    fn spans_that_would_change_are_not_sent() {
        let sent = |span: Span| request(TRACE, &[span], &newest()).is_some();
        assert!(sent(span(r#"{"a": [1, 2.0, null, true, "x", -9223372036854775808]}"#)));
        assert!(!sent(span("9223372036854775808")), "an integer that is too large");
        assert!(!sent(span("[NaN]")), "not JSON");
        assert!(!sent(Span { message: "fine".into(), ..span("1") }), "the message of a success");
        assert!(sent(Span { message: "bad".into(), status: "ERROR".into(), ..span("1") }));
        assert!(!sent(Span { trace_id: vec![9; 16], ..span("1") }), "a span of another trace");
        assert!(
            request("0123456789abcdef0123456789abcdef", &[span("1")], &newest()).is_none(),
            "an id of MLflow 2"
        );
    }

    #[test]
    fn links_and_kinds_are_sent_to_servers_that_keep_them() {
        let link = SpanLink {
            trace_id: TRACE.into(),
            span_id: "00000000000000ff".into(),
            attributes: [("why".to_owned(), Value::from("retry"))].into(),
            ..SpanLink::default()
        };
        let linked = |link: &SpanLink| Span { links: vec![link.clone()], ..span("1") };
        let kind = Span { kind: "PRODUCER".into(), ..span("1") };
        let bytes = request(TRACE, &[linked(&link), kind.clone()], &newest()).unwrap();
        let back = Request::decode(bytes.as_slice()).unwrap();
        let sent = &back.resource_spans[0].scope_spans[0].spans;
        assert_eq!((sent[0].kind, sent[1].kind), (1, 4));
        assert_eq!(sent[0].links[0].span_id, [0, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!(sent[0].links[0].attributes[0].key, "why");

        let older = Capabilities { span_links: true, ..Capabilities::default() };
        assert!(request(TRACE, &[linked(&link)], &older).is_some());
        assert!(request(TRACE, &[kind], &older).is_none(), "it keeps no kinds");
        assert!(request(TRACE, &[linked(&link)], &Capabilities::default()).is_none(), "it keeps no links");
        for id in [&TRACE[3..], "tr-1", "tr-0123456789ABCDEF0123456789abcdef", "trace:/here/1"] {
            let other = SpanLink { trace_id: id.into(), ..link.clone() };
            assert!(request(TRACE, &[linked(&other)], &newest()).is_none(), "{id} would change");
        }
        let later = Span { other: [("later".to_owned(), Value::from(1))].into(), ..span("1") };
        assert!(request(TRACE, &[later], &newest()).is_none(), "a field that has no place in the message");
    }

    #[test]
    fn the_message_follows_the_protocol() {
        let bytes = request(TRACE, &[span("2.0")], &newest()).unwrap();
        let back = Request::decode(bytes.as_slice()).unwrap();
        let sent = &back.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!(sent.attributes[0].value.as_ref().unwrap().kind, Some(Kind::Double(2.0)));
    }
}
