use std::error::Error as StdError;

use tokio_postgres::Row as PostgresRow;
use tokio_postgres::types::{FromSql, Kind, Type};

use super::super::value::{Row, Value};
use crate::error::{Error, Result};

/// The version of the binary form of `jsonb`.
const JSONB: u8 = 1;

/// A value in PostgreSQL's binary form, of the types that MLflow's columns have.
pub struct Cell(Value);

impl Cell {
    pub fn row(row: &PostgresRow) -> Result<Row> {
        let values = (0..row.len()).map(|at| {
            let cell: Result<Self, _> = row.try_get(at);
            let name = row.columns().get(at).map_or("", |column| column.name());
            cell.map(|cell| cell.0).map_err(|e| Error::permanent(format!("column {name}: {e}")).caused_by(e))
        });
        values.collect::<Result<_>>().map(Row)
    }
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(match *of {
            Type::BOOL => Value::Int(i64::from(raw != [0])),
            Type::INT2 => Value::Int(i16::from_be_bytes(raw.try_into()?).into()),
            Type::INT4 => Value::Int(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::FLOAT4 => Value::Real(f32::from_be_bytes(raw.try_into()?).into()),
            Type::FLOAT8 => Value::Real(f64::from_be_bytes(raw.try_into()?)),
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            Type::JSONB => match raw.split_first() {
                Some((&JSONB, text)) => text_of(text),
                _ => return Err("an unknown form of jsonb".into()),
            },
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::UNKNOWN => {
                text_of(raw)
            }
            _ if matches!(of.kind(), Kind::Enum(_)) => text_of(raw),
            _ => return Err(format!("values of the type {of} are not supported").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A database in the encoding `SQL_ASCII` may hold bytes that are no text.
fn text_of(raw: &[u8]) -> Value {
    match std::str::from_utf8(raw) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(raw.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact() {
        for number in [0.1 + 0.2, 1e-300, 5e-324, f64::MAX, -f64::MAX, -0.0] {
            let Cell(value) = Cell::from_sql(&Type::FLOAT8, &number.to_be_bytes()).unwrap();
            assert!(matches!(value, Value::Real(value) if value.to_bits() == number.to_bits()));
        }
        let read = |of: &Type, raw: &[u8]| Cell::from_sql(of, raw).map(|cell| cell.0);
        assert_eq!(read(&Type::BOOL, &[1]).unwrap(), Value::Int(1));
        assert_eq!(read(&Type::INT8, &i64::MAX.to_be_bytes()).unwrap(), Value::Int(i64::MAX));
        assert_eq!(read(&Type::JSONB, b"\x01{}").unwrap(), Value::from("{}"));
        assert_eq!(read(&Type::VARCHAR, &[0xff]).unwrap(), Value::Bytes(vec![0xff]));
        assert!(read(&Type::POINT, &[0; 16]).is_err() && read(&Type::INT4, &[0]).is_err());
    }
}
