use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::FieldDifference;
use super::pairs::{Pairs, value};
use crate::entities::{Assessment, ExperimentId, Span, Trace, tag, trace_key};

/// What servers derive from spans when they take them in (MLflow 3.10, `tracing/otel/translation`). It counts where
/// the source has it: older servers had none.
const DERIVED: [&str; 10] = [
    "mlflow.trace_schema.version",
    "mlflow.trace.sizeStats",
    "mlflow.trace.sizeBytes",
    "mlflow.trace.tokenUsage",
    "mlflow.trace.cost",
    "mlflow.trace.session",
    "mlflow.message.format",
    "mlflow.llm.model",
    "mlflow.llm.provider",
    "mlflow.llm.cost",
];
const EXPERIMENT: &str = "mlflow.experimentId";

pub fn trace_fields(ours: &Trace, theirs: &Trace, pairs: &Pairs) -> Vec<FieldDifference> {
    let mut differ = Vec::new();
    let number = |number: Option<i64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
    value(&mut differ, "request time", &number(ours.request_time), &number(theirs.request_time));
    value(&mut differ, "duration", &number(ours.duration), &number(theirs.duration));
    value(&mut differ, "state", &ours.state, &theirs.state);
    // The older API has none of these; later servers then derive previews from the spans.
    let newer = [
        ("client request id", &ours.client_request_id, &theirs.client_request_id),
        ("request preview", &ours.request_preview, &theirs.request_preview),
        ("response preview", &ours.response_preview, &theirs.response_preview),
    ];
    for (field, ours, theirs) in newer {
        if let Some(ours) = ours {
            value(&mut differ, field, ours, theirs.as_deref().unwrap_or("none"));
        }
    }
    texts(&mut differ, "metadata", &ours.metadata, &theirs.metadata, pairs);
    texts(&mut differ, "tag", &ours.tags, &theirs.tags, pairs);
    assessments(&mut differ, &ours.assessments, &theirs.assessments, pairs);
    let expected = ours.linked_prompts.iter().map(|label| pairs.new_version(label)).collect::<BTreeSet<_>>();
    if !expected.is_subset(&theirs.linked_prompts) {
        let text = |labels: &BTreeSet<String>| labels.iter().cloned().collect::<Vec<_>>().join(", ");
        value(&mut differ, "linked prompts", &text(&expected), &text(&theirs.linked_prompts));
    }
    differ
}

fn texts(
    differ: &mut Vec<FieldDifference>,
    of: &str,
    ours: &BTreeMap<String, String>,
    theirs: &BTreeMap<String, String>,
    pairs: &Pairs,
) {
    let is_compared = |key: &&String| {
        !tag::is_ours(key)
            && !trace_key::SERVERS_OWN.contains(&key.as_str())
            && (ours.contains_key(*key) || !DERIVED.contains(&key.as_str()))
    };
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).filter(is_compared).collect();
    for key in keys {
        let (a, b) = (ours.get(key), theirs.get(key));
        if !a.zip(b).is_some_and(|(a, b)| pairs.is_same_text("", a, b)) {
            differ.push(FieldDifference {
                field: format!("{of} {key}"),
                source: a.cloned(),
                target: b.cloned(),
            });
        }
    }
}

fn assessments(differ: &mut Vec<FieldDifference>, ours: &[Assessment], theirs: &[Assessment], pairs: &Pairs) {
    let ids: BTreeSet<&str> = ours.iter().chain(theirs).map(Assessment::id).collect();
    for id in ids {
        let find = |all: &'_ [Assessment]| all.iter().find(|one| one.id() == id).cloned();
        let (a, b) = (find(ours), find(theirs));
        let name = a.as_ref().or(b.as_ref()).map(|one| one.name().to_owned()).unwrap_or_default();
        match (&a, &b) {
            (Some(a), Some(b)) => {
                for field in judgement(&a.0, &b.0, pairs) {
                    differ.push(FieldDifference {
                        field: format!("assessment {name}: {field}"),
                        source: a.0.get(&field).map(ToString::to_string),
                        target: b.0.get(&field).map(ToString::to_string),
                    });
                }
            }
            _ => differ.push(FieldDifference {
                field: format!("assessment {name}"),
                source: a.map(|_| "there".to_owned()),
                target: b.map(|_| "there".to_owned()),
            }),
        }
    }
}

/// The fields that differ. Absent and empty metadata are the same.
fn judgement(ours: &Map<String, Value>, theirs: &Map<String, Value>, pairs: &Pairs) -> Vec<String> {
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let is_same = |key: &str| match (key, ours.get(key), theirs.get(key)) {
        ("metadata", a, b) => is_same_metadata(a, b, pairs),
        (_, a, b) => a == b,
    };
    keys.into_iter().filter(|key| !is_same(key)).cloned().collect()
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

/// `experiment` is the one on the target.
pub fn span_fields(
    ours: &[Span],
    theirs: &[Span],
    experiment: &ExperimentId,
    pairs: &Pairs,
) -> Vec<FieldDifference> {
    let mut differ = Vec::new();
    let ids: BTreeSet<&Vec<u8>> = ours.iter().chain(theirs).map(|span| &span.id).collect();
    for id in ids {
        let find = |all: &'_ [Span]| all.iter().find(|span| span.id == *id).cloned();
        match (find(ours), find(theirs)) {
            (Some(a), Some(b)) => one_span(&mut differ, &a, &b, experiment, pairs),
            (a, b) => differ.push(FieldDifference {
                field: format!("span {}", hex::encode(id)),
                source: a.map(|span| span.name),
                target: b.map(|span| span.name),
            }),
        }
    }
    differ
}

fn one_span(
    differ: &mut Vec<FieldDifference>,
    ours: &Span,
    theirs: &Span,
    experiment: &ExperimentId,
    pairs: &Pairs,
) {
    let of = |field: &str| format!("span {}: {field}", ours.name);
    let end = |span: &Span| span.end.map_or_else(|| "none".to_owned(), |end| end.to_string());
    let fields = [
        ("name", ours.name.clone(), theirs.name.clone()),
        ("parent", hex::encode(&ours.parent), hex::encode(&theirs.parent)),
        ("start", ours.start.to_string(), theirs.start.to_string()),
        ("end", end(ours), end(theirs)),
        ("status", ours.status.clone(), theirs.status.clone()),
        ("message", ours.message.clone(), theirs.message.clone()),
    ];
    for (field, a, b) in fields {
        value(differ, &of(field), &a, &b);
    }
    if ours.events != theirs.events {
        let text = |span: &Span| Some(format!("{:?}", span.events));
        differ.push(FieldDifference { field: of("events"), source: text(ours), target: text(theirs) });
    }
    let keys: BTreeSet<&String> = ours.attributes.keys().chain(theirs.attributes.keys()).collect();
    for key in keys {
        let (a, b) = (ours.attributes.get(key), theirs.attributes.get(key));
        let same = match (a.map(said), b.map(said)) {
            (Some(a), Some(b)) if key == EXPERIMENT => is_partner(&a, &b, experiment, pairs),
            (None, Some(_)) => DERIVED.contains(&key.as_str()),
            (a, b) => a == b,
        };
        if !same {
            let text = |value: Option<&Value>| value.map(ToString::to_string);
            differ.push(FieldDifference {
                field: of(&format!("attribute {key}")),
                source: text(a),
                target: text(b),
            });
        }
    }
}

/// An attribute is the text of a JSON, in whatever order of keys.
fn said(attribute: &Value) -> Value {
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

    fn span(attributes: &[(&str, &str)]) -> Span {
        let attributes =
            attributes.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        Span { id: vec![1], name: "s".into(), attributes, ..Span::default() }
    }

    fn fields(found: Vec<FieldDifference>) -> Vec<String> {
        found.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn attributes_are_compared_as_json_with_their_types() {
        let pairs = Pairs { experiments: [("1".into(), "7".into())].into(), ..Pairs::default() };
        let compare = |a: &[(&str, &str)], b: &[(&str, &str)]| {
            fields(span_fields(&[span(a)], &[span(b)], &"7".into(), &pairs))
        };
        assert!(compare(&[("a", r#"{"x": 1, "y": 2.0}"#)], &[("a", r#"{"y": 2.0, "x": 1}"#)]).is_empty());
        assert_eq!(compare(&[("a", "2")], &[("a", "2.0")]), ["span s: attribute a"]);
        assert!(compare(&[(EXPERIMENT, "\"1\"")], &[(EXPERIMENT, "\"7\"")]).is_empty());
        assert_eq!(compare(&[(EXPERIMENT, "\"1\"")], &[(EXPERIMENT, "\"1\"")]).len(), 1);
        assert!(compare(&[], &[("mlflow.llm.model", "\"m\"")]).is_empty());
        assert_eq!(compare(&[], &[("own", "1")]), ["span s: attribute own"]);
        assert_eq!(compare(&[("own", "1")], &[]), ["span s: attribute own"]);
    }

    #[test]
    fn every_field_of_a_trace_is_looked_at() {
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
        let pairs = Pairs::default();
        assert_eq!(trace_fields(&ours, &ours, &pairs), []);
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
            assert_eq!(fields(trace_fields(&ours, &theirs, &pairs)), [field]);
        }
    }
}
