use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::entities::{Kind, Readable, Unreadable};
use crate::error::{Error, Result};

/// The objects of a page, each parsed separately: an object of unexpected form does not affect the others.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub struct Items(Vec<Box<RawValue>>);

impl Items {
    /// Converts the objects. `id` is the place of the object's id in its JSON, as a pointer such as `/info/run_id`.
    pub fn read<W, T>(&self, kind: Kind, id: &str, into: impl Fn(W) -> Result<T>) -> Vec<Readable<T>>
    where
        W: DeserializeOwned,
    {
        let read =
            |text: &RawValue| serde_json::from_str::<W>(text.get()).map_err(Error::from).and_then(&into);
        let unreadable = |text: &RawValue, error: Error| {
            let reason = format!("the server's answer about it cannot be understood: {error}");
            Unreadable { kind, id: id_of(text, id), reason }
        };
        self.0.iter().map(|text| read(text).map_err(|error| unreadable(text, error))).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The id of an object. An object without one is identified by its content.
fn id_of(text: &RawValue, pointer: &str) -> String {
    let json: Value = serde_json::from_str(text.get()).unwrap_or_default();
    match json.pointer(pointer) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => {
            let mut hasher = DefaultHasher::new();
            text.get().hash(&mut hasher);
            format!("without an id ({:08x})", hasher.finish() as u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Wire {
        info: Info,
    }

    #[derive(Deserialize)]
    struct Info {
        id: String,
        time: i64,
    }

    #[test]
    fn an_unexpected_object_is_reported_and_the_others_are_read() {
        let page = r#"[
            {"info": {"id": "a", "time": 1}},
            {"info": {"id": "b", "time": "yesterday"}},
            {"info": {"time": 3}},
            7,
            {"info": {"id": "c", "time": 4}},
            {"info": {"id": "d", "time": -1}}
        ]"#;
        let items: Items = serde_json::from_str(page).unwrap();
        let into = |wire: Wire| match wire.info.time {
            0.. => Ok(wire.info.id),
            time => Err(Error::permanent(format!("{time} is not a time"))),
        };
        let read = items.read(Kind::Trace, "/info/id", into);
        let ids: Vec<Result<&str, &str>> = read
            .iter()
            .map(|one| one.as_ref().map(String::as_str).map_err(|lost| lost.id.as_str()))
            .collect();
        assert_eq!((ids[0], ids[1], ids[4], ids[5]), (Ok("a"), Err("b"), Ok("c"), Err("d")));
        assert!(ids[2].is_err_and(|id| id.starts_with("without an id")));
        assert_ne!(ids[2], ids[3], "each has an id of its own");
        assert!(read[1].as_ref().unwrap_err().reason.contains("yesterday"));
    }
}
