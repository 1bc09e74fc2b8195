use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value};

use super::found::Found;
use super::pairs::Pairs;
use crate::entities::{Assessment, ExperimentId, Span, Trace, tag, trace_key};

const EXPERIMENT: &str = "mlflow.experimentId";
/// A span without a type has the type `UNKNOWN`.
const SPAN_TYPE: &str = "mlflow.spanType";
/// A server converts attributes with this prefix on the outermost span to trace tags.
const TRACE_TAG: &str = "mlflow.traceTag.";

/// Compares the fields of two traces, except their spans. `made` holds the tags that the target's server derives from
/// the spans.
pub fn trace_fields(
    found: &mut Found,
    ours: &Trace,
    theirs: &Trace,
    made: &BTreeMap<String, String>,
    pairs: &Pairs,
) {
    found.option("request time", ours.request_time, theirs.request_time, None);
    found.option("duration", ours.duration, theirs.duration, None);
    found.value("state", &ours.state, &theirs.state);
    let texts = [
        ("client request id", &ours.client_request_id, &theirs.client_request_id),
        ("request preview", &ours.request_preview, &theirs.request_preview),
        ("response preview", &ours.response_preview, &theirs.response_preview),
    ];
    for (field, ours, theirs) in texts {
        found.option(field, ours.as_ref(), theirs.as_ref(), None);
    }
    pairs_of_texts(found, "metadata", &ours.metadata, &theirs.metadata, &BTreeMap::new(), pairs);
    pairs_of_texts(found, "tag", &ours.tags, &theirs.tags, made, pairs);
    assessments(found, &ours.assessments, &theirs.assessments, pairs);
    let expected: BTreeSet<String> = ours.linked_prompts.iter().map(|label| pairs.new_label(label)).collect();
    let text = |labels: &BTreeSet<String>| labels.iter().cloned().collect::<Vec<_>>().join(", ");
    found.value("linked prompts", text(&expected), text(&theirs.linked_prompts));
}

/// The trace tags that a server derives from attributes of the outermost span.
pub fn tags_made_of(spans: &[Span]) -> BTreeMap<String, String> {
    let attributes = spans.iter().filter(|span| span.parent.is_empty()).flat_map(|span| &span.attributes);
    let tag = |(key, value): (&String, &Value)| {
        let text = match parsed(value) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Some((key.strip_prefix(TRACE_TAG)?.to_owned(), text))
    };
    attributes.filter_map(tag).collect()
}

fn pairs_of_texts(
    found: &mut Found,
    of: &str,
    ours: &BTreeMap<String, String>,
    theirs: &BTreeMap<String, String>,
    made: &BTreeMap<String, String>,
    pairs: &Pairs,
) {
    let is_compared = |key: &&String| !tag::is_ours(key) && !trace_key::SERVERS_OWN.contains(&key.as_str());
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).filter(is_compared).collect();
    for key in keys {
        let (a, b) = (ours.get(key), theirs.get(key));
        if !a.zip(b).is_some_and(|(a, b)| pairs.is_same_text("", a, b)) {
            found.unequal(format!("{of} {key}"), a.cloned(), b.cloned(), made.get(key).map(String::as_str));
        }
    }
}

fn assessments(found: &mut Found, ours: &[Assessment], theirs: &[Assessment], pairs: &Pairs) {
    let ids: BTreeSet<&str> = ours.iter().chain(theirs).map(Assessment::id).collect();
    for id in ids {
        let find = |all: &'_ [Assessment]| all.iter().find(|one| one.id() == id).cloned();
        let (a, b) = (find(ours), find(theirs));
        let name = a.as_ref().or(b.as_ref()).map(|one| one.name().to_owned()).unwrap_or_default();
        let there = |one: &Option<Assessment>| one.as_ref().map(|_| "there".to_owned());
        match (&a, &b) {
            (Some(a), Some(b)) => {
                for field in differing_fields(&a.0, &b.0, pairs) {
                    let text = |one: &Assessment| one.0.get(&field).map(ToString::to_string);
                    found.unequal(format!("assessment {name}: {field}"), text(a), text(b), None);
                }
            }
            _ => found.unequal(format!("assessment {name}"), there(&a), there(&b), None),
        }
    }
}

/// Returns the fields of two assessments that differ. Absent and empty metadata are equal.
fn differing_fields(ours: &Map<String, Value>, theirs: &Map<String, Value>, pairs: &Pairs) -> Vec<String> {
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let is_same = |key: &str| match (key, ours.get(key), theirs.get(key)) {
        ("metadata", a, b) => is_same_metadata(a, b, pairs),
        (_, Some(a), Some(b)) => is_same_value(a, b),
        (_, a, b) => a == b,
    };
    keys.into_iter().filter(|key| !is_same(key)).cloned().collect()
}

/// Compares two JSON values. A server returns the number 5 as 5.0, because it keeps doubles: both are equal. An integer
/// that no double can hold is only equal to itself.
fn is_same_value(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => a == b || is_whole(a, b) || is_whole(b, a),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_value(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same_value(a, b)))
        }
        _ => ours == theirs,
    }
}

/// Whether the double has exactly the value of the integer.
fn is_whole(integer: &Number, double: &Number) -> bool {
    let double = double.as_f64().filter(|_| double.is_f64());
    integer
        .as_i128()
        .zip(double)
        .is_some_and(|(integer, double)| double.fract() == 0.0 && double as i128 == integer)
}

fn is_same_metadata(ours: Option<&Value>, theirs: Option<&Value>, pairs: &Pairs) -> bool {
    let none = Map::new();
    let map = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned().unwrap_or(none.clone());
    let (ours, theirs) = (map(ours), map(theirs));
    ours.len() == theirs.len()
        && ours.iter().all(|(key, a)| match (a.as_str(), theirs.get(key).and_then(Value::as_str)) {
            (Some(a), Some(b)) => pairs.is_same_text("", a, b),
            _ => theirs.get(key) == Some(a),
        })
}

/// Compares the spans of two traces. `experiment` is the experiment on the target.
pub fn span_fields(
    found: &mut Found,
    ours: &[Span],
    theirs: &[Span],
    experiment: &ExperimentId,
    pairs: &Pairs,
) {
    let ids: BTreeSet<&Vec<u8>> = ours.iter().chain(theirs).map(|span| &span.id).collect();
    for id in ids {
        let find = |all: &'_ [Span]| all.iter().find(|span| span.id == *id).cloned();
        let name = |span: Option<Span>| span.map(|span| span.name);
        match (find(ours), find(theirs)) {
            (Some(a), Some(b)) => one_span(found, &a, &b, experiment, pairs),
            (a, b) => found.unequal(format!("span {}", hex::encode(id)), name(a), name(b), None),
        }
    }
}

fn one_span(found: &mut Found, ours: &Span, theirs: &Span, experiment: &ExperimentId, pairs: &Pairs) {
    let of = |field: &str| format!("span {}: {field}", ours.name);
    let end = |span: &Span| span.end.map_or_else(|| "none".to_owned(), |end| end.to_string());
    let fields = [
        ("name", ours.name.clone(), theirs.name.clone()),
        ("parent", hex::encode(&ours.parent), hex::encode(&theirs.parent)),
        ("start", ours.start.to_string(), theirs.start.to_string()),
        ("end", end(ours), end(theirs)),
        ("status", ours.status.clone(), theirs.status.clone()),
        ("message", ours.message.clone(), theirs.message.clone()),
        ("kind", ours.kind.clone(), theirs.kind.clone()),
    ];
    for (field, a, b) in fields {
        found.value(&of(field), a, b);
    }
    if ours.events != theirs.events {
        found.value(&of("events"), format!("{:?}", ours.events), format!("{:?}", theirs.events));
    }
    if ours.links != theirs.links {
        found.value(&of("links"), format!("{:?}", ours.links), format!("{:?}", theirs.links));
    }
    for key in ours.other.keys().chain(theirs.other.keys()).collect::<BTreeSet<_>>() {
        let text = |span: &Span| span.other.get(key).map(ToString::to_string);
        if ours.other.get(key) != theirs.other.get(key) {
            found.unequal(of(key), text(ours), text(theirs), None);
        }
    }
    let keys: BTreeSet<&String> = ours.attributes.keys().chain(theirs.attributes.keys()).collect();
    for key in keys {
        let (a, b) = (ours.attributes.get(key), theirs.attributes.get(key));
        let same = match (a.map(parsed), b.map(parsed)) {
            (Some(a), Some(b)) if key == EXPERIMENT => is_partner(&a, &b, experiment, pairs),
            (a, b) => a == b,
        };
        if !same {
            let text = |value: Option<&Value>| value.map(ToString::to_string);
            let made = text(b).filter(|_| key == SPAN_TYPE && a.map(parsed) == Some(Value::from("UNKNOWN")));
            found.unequal(of(&format!("attribute {key}")), text(a), text(b), made.as_deref());
        }
    }
}

/// Parses an attribute that holds JSON as text, so that the order of its keys does not matter.
fn parsed(attribute: &Value) -> Value {
    let parsed = attribute.as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| attribute.clone())
}

fn is_partner(ours: &Value, theirs: &Value, experiment: &ExperimentId, pairs: &Pairs) -> bool {
    let new = ours.as_str().and_then(|id| pairs.experiments.get(&ExperimentId::from(id)));
    theirs.as_str().is_some_and(|id| id == experiment.as_str()) && new.is_none_or(|new| new == experiment)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entities::{Kind, SpanLink};

    #[test]
    fn numbers_are_compared_as_doubles_where_these_are_exact() {
        let same = |a: &str, b: &str| {
            is_same_value(&serde_json::from_str(a).unwrap(), &serde_json::from_str(b).unwrap())
        };
        assert!(same("5", "5.0") && same(r#"{"n": [1, 2.5]}"#, r#"{"n": [1.0, 2.5]}"#));
        assert!(!same("5", "6.0") && !same("5", r#""5""#) && !same("[1]", "[1, 2]"));
        assert!(same("1000000000000000000", "1e18"));
        assert!(!same("1152921504606846977", "1.152921504606847e18"), "a double cannot hold it");
    }

    fn span(attributes: &[(&str, &str)]) -> Span {
        let attributes =
            attributes.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        Span { id: vec![1], name: "s".into(), attributes, ..Span::default() }
    }

    fn differ(compare: impl FnOnce(&mut Found)) -> Vec<String> {
        let mut found = Found::new(Kind::Trace);
        compare(&mut found);
        found.differ.into_iter().map(|one| one.field).collect()
    }

    fn headers(ours: &Trace, theirs: &Trace) -> Vec<String> {
        let made = [("made".to_owned(), "of a span".to_owned())].into();
        differ(|found| trace_fields(found, ours, theirs, &made, &Pairs::default()))
    }

    #[test]
    fn attributes_are_compared_as_json_with_their_types() {
        let pairs = Pairs { experiments: [("1".into(), "7".into())].into(), ..Pairs::default() };
        let compare = |a: &[(&str, &str)], b: &[(&str, &str)]| {
            differ(|found| span_fields(found, &[span(a)], &[span(b)], &"7".into(), &pairs))
        };
        assert!(compare(&[("a", r#"{"x": 1, "y": 2.0}"#)], &[("a", r#"{"y": 2.0, "x": 1}"#)]).is_empty());
        assert_eq!(compare(&[("a", "2")], &[("a", "2.0")]), ["span s: attribute a"]);
        assert!(compare(&[(EXPERIMENT, "\"1\"")], &[(EXPERIMENT, "\"7\"")]).is_empty());
        assert_eq!(compare(&[(EXPERIMENT, "\"1\"")], &[(EXPERIMENT, "\"1\"")]).len(), 1);
        assert!(compare(&[], &[("mlflow.llm.model", "\"m\"")]).is_empty());
        assert_eq!(compare(&[], &[("own", "1")]), ["span s: attribute own"]);
        assert_eq!(compare(&[("own", "1")], &[]), ["span s: attribute own"]);
        assert!(compare(&[(SPAN_TYPE, "\"UNKNOWN\"")], &[(SPAN_TYPE, "\"LLM\"")]).is_empty());
        assert_eq!(compare(&[(SPAN_TYPE, "\"TOOL\"")], &[(SPAN_TYPE, "\"LLM\"")]).len(), 1);
    }

    #[test]
    fn links_kinds_and_unknown_fields_are_compared() {
        let ours = span(&[]);
        let compare = |change: fn(&mut Span)| {
            let mut theirs = ours.clone();
            change(&mut theirs);
            let both = (std::slice::from_ref(&ours), [theirs]);
            differ(|found| span_fields(found, both.0, &both.1, &"7".into(), &Pairs::default()))
        };
        assert_eq!(compare(|span| span.links.push(SpanLink::default())), ["span s: links"]);
        assert_eq!(compare(|span| span.kind = "SERVER".into()), ["span s: kind"]);
        assert_eq!(compare(|span| drop(span.other.insert("later".into(), 1.into()))), ["span s: later"]);
    }

    #[test]
    fn every_field_of_a_trace_is_compared() {
        let assessment =
            json!({ "assessment_id": "a", "assessment_name": "n", "valid": true, "metadata": {"k": "v"} });
        let ours = Trace {
            id: "t".into(),
            client_request_id: Some("c".into()),
            metadata: [("m".to_owned(), "1".to_owned())].into(),
            tags: [("t".to_owned(), "1".to_owned())].into(),
            assessments: vec![serde_json::from_value(assessment).unwrap()],
            linked_prompts: ["greeting/2".to_owned()].into(),
            ..Trace::default()
        };
        assert_eq!(headers(&ours, &ours), [""; 0]);
        type Change = (&'static str, fn(&mut Trace));
        let changes: [Change; 9] = [
            ("linked prompts", |t| t.linked_prompts.clear()),
            ("request time", |t| t.request_time = Some(1)),
            ("duration", |t| t.duration = Some(1)),
            ("state", |t| t.state = "OK".into()),
            ("client request id", |t| t.client_request_id = None),
            ("metadata m", |t| t.metadata.clear()),
            ("tag t", |t| drop(t.tags.insert("t".into(), "2".into()))),
            ("assessment n", |t| t.assessments.clear()),
            ("assessment n: valid", |t| drop(t.assessments[0].0.insert("valid".into(), false.into()))),
        ];
        for (field, change) in changes {
            let mut theirs = ours.clone();
            change(&mut theirs);
            assert_eq!(headers(&ours, &theirs), [field]);
        }
    }

    #[test]
    fn a_tag_that_the_server_derives_from_the_outermost_span_is_not_a_difference() {
        let mut spans = [span(&[("mlflow.traceTag.made", "\"of a span\""), ("x", "1")]), span(&[])];
        spans[1].parent = vec![1];
        let made = tags_made_of(&spans);
        assert_eq!(made, [("made".to_owned(), "of a span".to_owned())].into());
        let theirs = Trace { tags: made, ..Trace::default() };
        assert_eq!(headers(&Trace::default(), &theirs), [""; 0]);
        let other = Trace { tags: [("made".to_owned(), "by hand".to_owned())].into(), ..Trace::default() };
        assert_eq!(headers(&Trace::default(), &other), ["tag made"]);
    }
}
