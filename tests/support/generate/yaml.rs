//! `meta.yaml` as MLflow writes it: a flat map. Strings are written as JSON, which is valid YAML.

use std::path::Path;

use serde_json::{Map, Value};

/// Writes the fields, and creates the parent folders.
pub fn write(path: &Path, fields: &Value) {
    let map: &Map<String, Value> = fields.as_object().unwrap();
    let lines: String = map.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    put(path, lines.as_bytes());
}

pub fn put(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
