use serde_json::{Map, Value, json};

/// The structure of an answer without its content: the names of fields and the kinds of values, with one element for
/// each list.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(values) => Value::Array(values.first().map(shape).into_iter().collect()),
        Value::Object(fields) => {
            let fields: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect();
            Value::Object(fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_an_answer_are_not_kept() {
        let body = json!({ "runs": [{ "name": "secret", "n": 1, "x": null }, { "name": "secret too" }], "ok": true });
        assert_eq!(
            shape(&body),
            json!({ "runs": [{ "name": "string", "n": "number", "x": "null" }], "ok": "boolean" })
        );
    }
}
