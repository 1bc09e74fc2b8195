//! Batches of rows in a file.

use std::io::{self, ErrorKind, Read, Write};

use super::super::value::{Row, Value};

const NULL: u8 = 0;
const INT: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BYTES: u8 = 4;

pub fn write(file: &mut impl Write, batch: &[Row]) -> io::Result<()> {
    write_length(file, batch.len())?;
    for Row(values) in batch {
        write_length(file, values.len())?;
        for value in values {
            write_value(file, value)?;
        }
    }
    Ok(())
}

/// `None` at the end of the file.
pub fn read(file: &mut impl Read) -> io::Result<Option<Vec<Row>>> {
    let rows = match read_length(file) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        rows => rows?,
    };
    let row = |_| {
        let width = read_length(file)?;
        (0..width).map(|_| read_value(file)).collect::<io::Result<_>>().map(Row)
    };
    (0..rows).map(row).collect::<io::Result<_>>().map(Some)
}

fn write_value(file: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => file.write_all(&[NULL]),
        Value::Int(value) => {
            file.write_all(&[INT])?;
            file.write_all(&value.to_le_bytes())
        }
        Value::Real(value) => {
            file.write_all(&[REAL])?;
            file.write_all(&value.to_le_bytes())
        }
        Value::Text(text) => write_bytes(file, TEXT, text.as_bytes()),
        Value::Bytes(bytes) => write_bytes(file, BYTES, bytes),
    }
}

fn write_bytes(file: &mut impl Write, tag: u8, bytes: &[u8]) -> io::Result<()> {
    file.write_all(&[tag])?;
    write_length(file, bytes.len())?;
    file.write_all(bytes)
}

fn write_length(file: &mut impl Write, length: usize) -> io::Result<()> {
    file.write_all(&(length as u64).to_le_bytes())
}

fn read_value(file: &mut impl Read) -> io::Result<Value> {
    let damaged = |e| io::Error::new(ErrorKind::InvalidData, e);
    let [tag] = read_array(file)?;
    Ok(match tag {
        NULL => Value::Null,
        INT => Value::Int(i64::from_le_bytes(read_array(file)?)),
        REAL => Value::Real(f64::from_le_bytes(read_array(file)?)),
        TEXT => Value::Text(String::from_utf8(read_bytes(file)?).map_err(damaged)?),
        _ => Value::Bytes(read_bytes(file)?),
    })
}

fn read_bytes(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; read_length(file)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_length(file: &mut impl Read) -> io::Result<usize> {
    Ok(u64::from_le_bytes(read_array(file)?) as usize)
}

fn read_array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    file.read_exact(&mut array)?;
    Ok(array)
}
