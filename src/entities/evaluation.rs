use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{ExperimentId, integer};

/// A set of cases for evaluation (MLflow 3.4 on). Its records are read separately, because there may be many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvaluationDataset {
    /// `d-` and 32 hexadecimal digits, chosen by the server.
    pub id: String,
    pub name: String,
    pub tags: BTreeMap<String, Value>,
    pub experiment_ids: Vec<ExperimentId>,
    /// The server computes the digest, the schema and the profile from the records.
    pub digest: String,
    pub schema: String,
    pub profile: String,
    /// Milliseconds since 1970.
    #[serde(with = "integer::optional")]
    pub created_time: Option<i64>,
    /// Milliseconds since 1970.
    #[serde(with = "integer::optional")]
    pub last_update_time: Option<i64>,
    pub created_by: String,
    pub last_updated_by: String,
}

/// One case, kept as raw JSON, because its numbers may not fit into our types. Its `inputs` identify it within the
/// dataset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub inputs: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectations: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<RawValue>>,
}

impl Record {
    /// The fields besides the inputs. Servers from about MLflow 3.6 on drop empty values: `{}` and an absent field are
    /// the same.
    pub fn fields(&self) -> [(&'static str, Option<&RawValue>); 4] {
        [
            ("expectations", &self.expectations),
            ("outputs", &self.outputs),
            ("tags", &self.tags),
            ("source", &self.source),
        ]
        .map(|(name, value)| (name, value.as_deref().filter(|value| !matches!(value.get(), "{}" | "null"))))
    }
}

/// One version of a scorer, which judges the traces of an experiment (MLflow 3.4 on).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scorer {
    pub experiment_id: ExperimentId,
    pub name: String,
    pub version: u64,
    /// The definition of the scorer, as JSON.
    pub content: String,
    /// Milliseconds since 1970.
    #[serde(with = "integer::optional")]
    pub creation_time: Option<i64>,
}

impl Scorer {
    /// The name that a user recognises.
    pub fn label(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    /// True when the scorer contains a user-defined function, as `@scorer` creates it, alone or within an ensemble.
    pub fn is_code(&self) -> bool {
        serde_json::from_str(&self.content).is_ok_and(|content: Value| holds_code(&content))
    }

    /// True when the scorer asks a model through a gateway endpoint. A server registers it only if it has an endpoint
    /// of that name (MLflow 3.10, `store/tracking/sqlalchemy_store.py`, `register_scorer`).
    pub fn names_endpoint(&self) -> bool {
        serde_json::from_str(&self.content).is_ok_and(|content: Value| holds_endpoint(&content))
    }

    /// True when both have the same content. JSON formatting is ignored, because servers write the JSON again with
    /// different escapes.
    pub fn has_same_content(&self, other: &Self) -> bool {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
        self.content == other.content
            || parsed(&self.content).is_some_and(|ours| Some(ours) == parsed(&other.content))
    }
}

fn holds_code(content: &Value) -> bool {
    match content {
        Value::Object(fields) => {
            fields.get("call_source").is_some_and(|source| !source.is_null())
                || fields.values().any(holds_code)
        }
        Value::Array(items) => items.iter().any(holds_code),
        _ => false,
    }
}

fn holds_endpoint(content: &Value) -> bool {
    match content {
        Value::Object(fields) => {
            let is_endpoint =
                |model: &Value| model.as_str().is_some_and(|name| name.starts_with("gateway:/"));
            fields.get("model").is_some_and(is_endpoint) || fields.values().any(holds_endpoint)
        }
        Value::Array(items) => items.iter().any(holds_endpoint),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scorer_of_a_gateway_endpoint_is_known() {
        let names =
            |content: &str| Scorer { content: content.to_owned(), ..Scorer::default() }.names_endpoint();
        for one in [
            r#"{"instructions_judge_pydantic_data": {"model": "gateway:/chat"}}"#,
            r#"{"builtin_scorer_pydantic_data": {"name": "x", "model": "gateway:/chat"}}"#,
            r#"{"memory_augmented_judge_data": {"base_judge": {"builtin_scorer_pydantic_data": {"model": "gateway:/a"}}}}"#,
        ] {
            assert!(names(one), "{one}");
        }
        for other in [
            r#"{"instructions_judge_pydantic_data": {"model": "openai:/gpt-4o"}}"#,
            r#"{"model": null}"#,
            "[",
            "",
        ] {
            assert!(!names(other), "{other}");
        }
    }
}
