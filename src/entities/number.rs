//! Numbers in MLflow's JSON: integers may be strings, and floats may be words.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Integer(i64),
    Float(f64),
    Text(String),
}

/// 64-bit integers: protobuf's JSON writes them as strings (MLflow 1.0), later servers as numbers.
pub mod integer {
    use super::{Deserialize, Deserializer, Loose};
    use serde::{Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(*value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        read(Loose::deserialize(deserializer)?)
    }

    fn read<E: Error>(loose: Loose) -> Result<i64, E> {
        match loose {
            Loose::Integer(value) => Ok(value),
            // A larger float would be clamped to the limits of `i64`.
            Loose::Float(value) if value.fract() == 0.0 && value.abs() < 9.2e18 => Ok(value as i64),
            Loose::Float(value) => Err(E::custom(format!("{value} is not an integer"))),
            Loose::Text(text) => text.parse().map_err(|_| E::custom(format!("{text:?} is not an integer"))),
        }
    }

    /// The same for a field that may be absent or null.
    pub mod optional {
        use super::{Deserialize, Deserializer, Loose, Serializer, read};

        pub fn serialize<S: Serializer>(value: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => serializer.serialize_i64(*value),
                None => serializer.serialize_none(),
            }
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
            Option::<Loose>::deserialize(deserializer)?.map(read).transpose()
        }
    }
}

/// Floats. `"NaN"`, `"Infinity"` and `"-Infinity"` are strings in strict JSON, and MLflow's log-batch expects these
/// strings. It also accepts a `NaN` without quotes, but silently stores 0 and ends the batch (MLflow 2.9 to 3.18).
pub mod float {
    use super::{Deserialize, Deserializer, Loose};
    use serde::{Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            v if v.is_nan() => serializer.serialize_str("NaN"),
            v if v.is_infinite() && v.is_sign_positive() => serializer.serialize_str("Infinity"),
            v if v.is_infinite() => serializer.serialize_str("-Infinity"),
            v => serializer.serialize_f64(*v),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Loose::deserialize(deserializer)? {
            Loose::Integer(value) => Ok(value as f64),
            Loose::Float(value) => Ok(value),
            // Rust's own parser accepts NaN, inf and infinity in any case.
            Loose::Text(text) => {
                text.parse().map_err(|_| D::Error::custom(format!("{text:?} is not a number")))
            }
        }
    }
}

/// The JSON of a value with sorted keys in every object, because servers return them in any order.
pub fn canonical_json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    value.sort_all_objects();
    serde_json::to_string(&value)
}

/// Puts `NaN`, `Infinity` and `-Infinity` into quotes, outside of strings. Python's `json.dumps` writes them without
/// quotes, so MLflow's `get-history-bulk` and the files of `mlflow-export-import` contain them.
pub fn quote_bare_numbers(text: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
    let mut out: Vec<u8> = Vec::new();
    let (mut copied, mut at, mut in_string) = (0, 0, false);
    while at < text.len() {
        match text[at] {
            b'\\' if in_string => at += 2,
            b'"' => {
                in_string = !in_string;
                at += 1;
            }
            b'N' | b'I' | b'-' if !in_string => {
                let Some(word) = WORDS.into_iter().find(|word| text[at..].starts_with(word)) else {
                    at += 1;
                    continue;
                };
                out.extend_from_slice(&text[copied..at]);
                out.push(b'"');
                out.extend_from_slice(word);
                out.push(b'"');
                at += word.len();
                copied = at;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        String::from_utf8(quote_bare_numbers(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn bare_words_are_quoted_and_strings_left_alone() {
        assert_eq!(
            quoted(r#"{"v":NaN,"w":[-Infinity,Infinity,-1]}"#),
            r#"{"v":"NaN","w":["-Infinity","Infinity",-1]}"#
        );
        assert_eq!(quoted(r#"{"NaN":"a \" NaN \\","b":NaN}"#), r#"{"NaN":"a \" NaN \\","b":"NaN"}"#);
        assert!(matches!(quote_bare_numbers(b"[1,2]"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_integer_that_is_too_large_is_none() {
        let read = |text: &str| integer::deserialize(&mut serde_json::Deserializer::from_str(text)).ok();
        assert_eq!(read("1724600000000.0"), Some(1_724_600_000_000));
        assert_eq!(read("\"-7\""), Some(-7));
        for text in ["1e300", "-1e19", "9300000000000000000", "0.5", "\"99999999999999999999\"", "1e999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_order_of_keys_is_ignored() {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let (a, b) = (json(r#"{"a": [{"x": 1, "y": 2.0}]}"#), json(r#"{"a": [{"y": 2.0, "x": 1}]}"#));
        assert_eq!(canonical_json(&a).unwrap(), canonical_json(&b).unwrap());
        assert_eq!(canonical_json(&a).unwrap(), r#"{"a":[{"x":1,"y":2.0}]}"#);
    }

    proptest::proptest! {
        #[test]
        fn valid_json_is_never_changed(text: String, number: i64) {
            let json = serde_json::json!({ "t": text, "n": number, text.clone(): [number] }).to_string();
            proptest::prop_assert_eq!(quoted(&json), json);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            quote_bare_numbers(&bytes);
        }
    }
}
