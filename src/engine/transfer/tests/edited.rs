//! Every small edit of an object: each leaf of its JSON is changed or removed, and each map and list gets one more or
//! one less entry. The fields are not listed here, so a new field is edited automatically.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Values for enumerations, which accept only certain words.
const WORDS: [&str; 5] = ["FAILED", "deleted", "active", "LOGGED_MODEL_PENDING", "edited"];

/// The path of the edited value, with dots. It ends with a minus if the value was removed.
pub type Path = String;

/// Returns the edits of an object. For each path, the first try that results in a different valid object is used.
pub fn edits_of<T: Serialize + DeserializeOwned>(object: &T) -> Vec<(Path, T)> {
    let text = serde_json::to_string(object).unwrap();
    let other = |edited: Value| {
        let edited: T = serde_json::from_str(&edited.to_string()).ok()?;
        (serde_json::to_value(&edited).unwrap() != serde_json::to_value(object).unwrap()).then_some(edited)
    };
    let edits = edits(&serde_json::from_str(&text).unwrap());
    edits.into_iter().filter_map(|(path, tries)| Some((path, tries.into_iter().find_map(other)?))).collect()
}

/// Returns each path in a value, with several edits of the whole value at this path.
pub fn edits(value: &Value) -> Vec<(Path, Vec<Value>)> {
    let mut all = Vec::new();
    let inside = |path: &str, inner: &Value, put: &dyn Fn(Value) -> Value| -> Vec<(Path, Vec<Value>)> {
        let join = |below: Path| match below.as_str() {
            "" | "-" => format!("{path}{below}"),
            _ => format!("{path}.{below}"),
        };
        let whole = |tries: Vec<Value>| tries.into_iter().map(put).collect();
        edits(inner).into_iter().map(|(below, tries)| (join(below), whole(tries))).collect()
    };
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let put = |new: Value| {
                    let mut map = map.clone();
                    map.insert(key.clone(), new);
                    Value::Object(map)
                };
                all.extend(inside(key, inner, &put));
                if !inner.is_object() && !inner.is_array() {
                    let mut less = map.clone();
                    less.remove(key);
                    all.push((format!("{key}-"), vec![Value::Object(less)]));
                }
            }
            let mut more = map.clone();
            more.insert("edited".to_owned(), map.values().next().cloned().unwrap_or_else(|| "x".into()));
            all.push(("edited".to_owned(), vec![Value::Object(more)]));
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                let put = |new: Value| {
                    let mut list = list.clone();
                    list[at] = new;
                    Value::Array(list)
                };
                all.extend(inside(&at.to_string(), inner, &put));
                let mut less = list.clone();
                less.remove(at);
                all.push((format!("{at}-"), vec![Value::Array(less)]));
            }
        }
        leaf => all.push((String::new(), instead_of(leaf))),
    }
    all
}

fn instead_of(leaf: &Value) -> Vec<Value> {
    let words = WORDS.into_iter().map(Value::from);
    match leaf {
        Value::Null => words.rev().chain([7.into()]).collect(),
        Value::Bool(is) => vec![(!is).into()],
        Value::Number(number) => match number.as_i64() {
            Some(number) => vec![(number + 1).into()],
            None => vec![number.as_f64().map(|number| number + 0.5).into()],
        },
        Value::String(text) => {
            [Value::from(format!("{text}x"))].into_iter().chain(words).chain([7.into()]).collect()
        }
        other => vec![other.clone()],
    }
}
