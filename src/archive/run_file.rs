//! Reads `run.json` as a stream, because its metrics may hold millions of points.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::latest::Series;
use super::{RunFile, Strict, Wrapped};
use crate::entities::{Point, Run};
use crate::error::{Error, Result};

/// Reads a run without its histories: only the latest point of each metric is kept. `path` is for error messages.
pub fn read_summary(text: &mut dyn BufRead, path: &Path) -> Result<Run> {
    let file: Wrapped<RunFile> = serde_json::from_reader(Strict::new(text)).map_err(|e| broken(path, &e))?;
    Ok(file.mlflow.into())
}

/// Calls `sink` with every point, metric by metric. Returns early when the sink returns false.
pub fn each_point(path: &Path, sink: &mut dyn FnMut(&str, Point) -> bool) -> Result<()> {
    let mut reader = serde_json::Deserializer::from_reader(open(path)?);
    let mut listening = true;
    let read =
        Descend { path: &["mlflow", "metrics"], sink, listening: &mut listening }.deserialize(&mut reader);
    match read {
        Err(_) if !listening => Ok(()),
        Err(e) => Err(broken(path, &e)),
        Ok(()) => Ok(()),
    }
}

fn open(path: &Path) -> Result<Strict<BufReader<File>>> {
    let file = File::open(path).map_err(|e| Error::from(e).at(path.display()))?;
    Ok(Strict::new(BufReader::with_capacity(256 * 1024, file)))
}

fn broken(path: &Path, error: &serde_json::Error) -> Error {
    Error::permanent(format!("{}: {error}", path.display()))
        .hint("export this run again into the same directory")
}

/// Follows a path of keys to the object whose members are the series.
struct Descend<'a> {
    path: &'a [&'a str],
    sink: &'a mut dyn FnMut(&str, Point) -> bool,
    listening: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Descend<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Descend<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { path, sink, listening } = self;
        while let Some(key) = map.next_key::<String>()? {
            match path {
                [] => {
                    let mut each = |point| {
                        *listening = sink(&key, point);
                        *listening
                    };
                    map.next_value_seed(Series { each: &mut each })?;
                }
                [wanted, below @ ..] if *wanted == key => {
                    map.next_value_seed(Descend {
                        path: below,
                        sink: &mut *sink,
                        listening: &mut *listening,
                    })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
