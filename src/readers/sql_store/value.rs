use crate::error::{Error, Result};

/// A value of one column. SQLite has no strict column types, so each accessor converts what can be converted without
/// loss.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    /// Bytes that are not text, or text that is not UTF-8.
    Bytes(Vec<u8>),
}

impl Value {
    /// # Errors
    /// When the bytes are not UTF-8.
    pub fn text(self) -> Result<Option<String>> {
        Ok(match self {
            Self::Null => None,
            Self::Int(value) => Some(value.to_string()),
            Self::Real(value) => Some(value.to_string()),
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => {
                let text = String::from_utf8(bytes);
                Some(text.map_err(|e| Error::permanent(format!("text that is not UTF-8 ({e})")))?)
            }
        })
    }

    /// The text, or an empty one.
    pub fn string(self) -> Result<String> {
        Ok(self.text()?.unwrap_or_default())
    }

    /// # Errors
    /// When the value is not a whole number.
    pub fn int(self) -> Result<Option<i64>> {
        const WHOLE: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Null => Ok(None),
            Self::Int(value) => Ok(Some(value)),
            Self::Real(value) if value.fract() == 0.0 && value.abs() <= WHOLE => Ok(Some(value as i64)),
            Self::Real(value) => Err(no_number(&value.to_string())),
            text => {
                let text = text.string()?;
                text.trim().parse().map(Some).map_err(|_| no_number(&text))
            }
        }
    }

    /// # Errors
    /// When the value is not a number.
    pub fn real(self) -> Result<Option<f64>> {
        match self {
            Self::Null => Ok(None),
            Self::Int(value) => Ok(Some(value as f64)),
            Self::Real(value) => Ok(Some(value)),
            text => {
                let text = text.string()?;
                text.trim().parse().map(Some).map_err(|_| no_number(&text))
            }
        }
    }

    /// True for any number except 0. Databases store truth values as numbers or as text.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Int(value) => *value != 0,
            Self::Real(value) => *value != 0.0,
            Self::Text(text) => matches!(text.as_str(), "1" | "t" | "true" | "TRUE" | "True"),
            Self::Null | Self::Bytes(_) => false,
        }
    }
}

fn no_number(text: &str) -> Error {
    Error::permanent(format!("{text:?} is not a number"))
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The values of one row, in the order of the selected columns.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The values, to be named by a pattern. Columns that the row lacks are null.
    pub fn columns<const N: usize>(self) -> [Value; N] {
        let mut values = self.0.into_iter();
        std::array::from_fn(|_| values.next().unwrap_or(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_converted_only_without_loss() {
        let text = |text: &str| Value::from(text);
        assert_eq!(Value::Real(1.6e12).int().unwrap(), Some(1_600_000_000_000));
        assert_eq!(text(" 12 ").int().unwrap(), Some(12));
        assert_eq!(Value::Null.int().unwrap(), None);
        assert!(Value::Real(1.5).int().is_err() && text("x").int().is_err() && text("").real().is_err());
        assert_eq!(Value::Int(3).real().unwrap(), Some(3.0));
        assert_eq!(Value::Int(3).string().unwrap(), "3");
        assert!(Value::Bytes(vec![0xff]).text().is_err());
        assert_eq!(Value::Bytes(b"a".to_vec()).string().unwrap(), "a");
        assert!(Value::Int(1).is_true() && text("t").is_true() && !Value::Null.is_true());
    }
}
