//! The types of YAML 1.1, as PyYAML 6 resolves them (`resolver.py` and `constructor.py`).

use serde_json::{Map, Value};

use super::yaml::Node;

impl Node {
    pub fn is_null(&self) -> bool {
        let Self::Scalar { text, is_plain: true } = self else { return false };
        matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// The text of a scalar. `None` for null, and for lists and maps. A number or date without quotes is a text too: it
    /// stands where MLflow writes one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// An integer. Floats occur in the times of MLflow 0.x, and lose their fraction. Numbers in quotes are accepted.
    pub fn integer(&self) -> Option<i64> {
        let text = self.text()?.trim();
        integer(text).or_else(|| {
            let value = float(text)?;
            // A larger float would be clamped to the limits of `i64`.
            (value.abs() < 9.2e18).then_some(value.trunc() as i64)
        })
    }

    /// The value in JSON, as Python's `json` writes what PyYAML reads. Infinity and NaN become texts.
    pub fn json(&self) -> Value {
        match self {
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(fields) => {
                let fields = fields.iter().map(|(key, node)| (key.clone(), node.json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            Self::Scalar { text, is_plain: false } => text.as_str().into(),
            Self::Scalar { .. } if self.is_null() => Value::Null,
            Self::Scalar { text, .. } => {
                let number = || integer(text).map(Value::from).or_else(|| yaml_float(text).map(Value::from));
                truth(text).map(Value::from).or_else(number).unwrap_or_else(|| text.as_str().into())
            }
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1_i128, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    // `from_str_radix` would accept another sign.
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let value = match digits.as_bytes() {
        [b'0', b'b', ..] => i128::from_str_radix(&digits[2..], 2).ok()?,
        [b'0', b'x', ..] => i128::from_str_radix(&digits[2..], 16).ok()?,
        [b'0', _, ..] => i128::from_str_radix(&digits, 8).ok()?,
        _ if digits.contains(':') => sexagesimal(&digits)?,
        _ => digits.parse().ok()?,
    };
    i64::try_from(sign.checked_mul(value)?).ok()
}

/// `1:30` is 90, and `1:60` is a text.
fn sexagesimal(digits: &str) -> Option<i128> {
    let mut parts = digits.split(':');
    let first: i128 = parts.next()?.parse().ok()?;
    parts.try_fold(first, |sum, part| {
        let part: u8 = part.parse().ok().filter(|value| *value < 60 && part.len() <= 2)?;
        sum.checked_mul(60)?.checked_add(part.into())
    })
}

/// A float in the form of YAML 1.1: it has a point, and its exponent has a sign.
fn yaml_float(text: &str) -> Option<f64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let is_float = unsigned.contains('.') && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let is_signed =
        unsigned.split_once(['e', 'E']).is_none_or(|(_, exponent)| exponent.starts_with(['+', '-']));
    if !is_float || !is_signed { None } else { float(text) }
}

fn float(text: &str) -> Option<f64> {
    text.replace('_', "").parse().ok().filter(|value: &f64| value.is_finite())
}
