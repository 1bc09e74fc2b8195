//! The columns of a trace. Since MLflow 3.17, some metadata and the name are columns, and have no rows of their own
//! (`store/tracking/utils/trace_analytics.py`, `compatibility_metadata_from_columns`).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::value::{Row, Value};
use crate::entities::{Trace, trace_key};
use crate::error::Result;

pub const COLUMNS: [&str; 19] = [
    "request_id",
    "experiment_id",
    "timestamp_ms",
    "execution_time_ms",
    "status",
    "client_request_id",
    "request_preview",
    "response_preview",
    "trace_name",
    "session_id",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr",
    "input_cost",
    "output_cost",
    "total_cost",
];

/// Sets the fields of the trace that are columns of its row.
pub fn fill(mut trace: Trace, row: Row) -> Result<Trace> {
    let [
        id,
        experiment_id,
        request_time,
        duration,
        state,
        client_request_id,
        request_preview,
        response_preview,
        name,
        session,
        input,
        output,
        total,
        cache_read,
        cache_creation,
        cache_creation_1hr,
        input_cost,
        output_cost,
        total_cost,
    ] = row.columns();
    let put = |map: &mut BTreeMap<String, String>, key: &str, value: Option<String>| {
        if let Some(value) = value {
            map.insert(key.to_owned(), value);
        }
    };
    put(&mut trace.tags, trace_key::NAME, name.text()?);
    put(&mut trace.metadata, "mlflow.trace.session", session.text()?);
    let tokens = [
        ("input_tokens", input),
        ("output_tokens", output),
        ("total_tokens", total),
        ("cache_read_input_tokens", cache_read),
        ("cache_creation_input_tokens", cache_creation),
        ("cache_creation_input_tokens_above_1hr", cache_creation_1hr),
    ];
    put(
        &mut trace.metadata,
        "mlflow.trace.tokenUsage",
        object(tokens, |value| Ok(value.int()?.map(Json::from)))?,
    );
    let costs = [("input_cost", input_cost), ("output_cost", output_cost), ("total_cost", total_cost)];
    put(&mut trace.metadata, "mlflow.trace.cost", object(costs, |value| Ok(value.real()?.map(Json::from)))?);
    Ok(Trace {
        id: id.string()?,
        experiment_id: experiment_id.string()?.into(),
        client_request_id: client_request_id.text()?,
        request_preview: request_preview.text()?,
        response_preview: response_preview.text()?,
        request_time: request_time.int()?,
        duration: duration.int()?,
        state: state.string()?,
        ..trace
    })
}

/// The JSON text of the values that are not null, as Python writes it.
fn object<const N: usize>(
    fields: [(&str, Value); N],
    convert: impl Fn(Value) -> Result<Option<Json>>,
) -> Result<Option<String>> {
    let mut object = Map::new();
    for (name, value) in fields {
        object.extend(convert(value)?.map(|value| (name.to_owned(), value)));
    }
    if object.is_empty() {
        return Ok(None);
    }
    let fields: Vec<String> = object.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    Ok(Some(format!("{{{}}}", fields.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_mlflow_3_17_are_read_from_columns() {
        let mut values = vec![Value::Null; COLUMNS.len()];
        (values[0], values[8], values[9]) = ("tr-1".into(), "chat".into(), "s1".into());
        (values[10], values[12], values[18]) = (Value::Int(3), Value::Int(5), Value::Real(0.5));
        let trace = fill(Trace::default(), Row(values)).unwrap();
        assert_eq!((trace.id.as_str(), trace.label()), ("tr-1", "chat"));
        let metadata = |key: &str| trace.metadata.get(key).map(String::as_str);
        assert_eq!(metadata("mlflow.trace.session"), Some("s1"));
        assert_eq!(metadata("mlflow.trace.tokenUsage"), Some(r#"{"input_tokens": 3, "total_tokens": 5}"#));
        assert_eq!(metadata("mlflow.trace.cost"), Some(r#"{"total_cost": 0.5}"#));
        assert_eq!(fill(Trace::default(), Row(Vec::new())).unwrap().metadata.len(), 0);
    }
}
