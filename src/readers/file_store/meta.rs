//! `meta.yaml` and its like: one map of fields.

use std::collections::BTreeMap;
use std::path::Path;

use super::Store;
use super::yaml::{self, Node};
use crate::entities::Lifecycle;
use crate::error::{Class, Error, Result};

/// The fields of one file.
pub struct Meta {
    place: String,
    root: Node,
    /// The reason why the file ends early.
    pub broken: Option<String>,
    is_cut: bool,
}

impl Store {
    /// Reads a file to its end.
    ///
    /// # Errors
    /// [`Class::NotFound`] when there is no file; otherwise when it is empty or torn.
    pub fn meta(&self, path: &Path) -> Result<Meta> {
        let meta = self.meta_as_far_as_possible(path)?;
        match &meta.broken {
            Some(reason) => Err(meta.error(format!("it is damaged: {reason}"))),
            None => Ok(meta),
        }
    }

    /// Reads the fields before the place where the file is torn.
    pub fn meta_as_far_as_possible(&self, path: &Path) -> Result<Meta> {
        let place = path.display().to_string();
        let bytes = self.disk.read(path)?;
        let (document, is_cut) = (yaml::parse(&bytes), !bytes.ends_with(b"\n"));
        if !document.is_utf8 {
            self.note(format!("{place} is not UTF-8: it was read as Latin-1"));
        }
        let root = match document.root {
            Some(root @ Node::Map(_)) => root,
            Some(root) if !root.is_null() => {
                return Err(Error::permanent("it has no fields").at(place));
            }
            _ => return Err(Error::permanent("it is empty").at(place)),
        };
        Ok(Meta { place, root, broken: document.broken, is_cut })
    }

    /// The same, but `None` when there is no file.
    pub fn meta_if_any(&self, path: &Path) -> Result<Option<Meta>> {
        match self.meta(path) {
            Err(e) if e.class() == Class::NotFound => Ok(None),
            other => other.map(Some),
        }
    }
}

impl Meta {
    pub fn error(&self, reason: impl Into<String>) -> Error {
        Error::permanent(reason).at(&self.place)
    }

    pub fn node(&self, key: &str) -> Option<&Node> {
        self.root.get(key).filter(|node| !node.is_null())
    }

    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Empty when the field is absent or null, as in REST.
    pub fn text(&self, key: &str) -> String {
        self.optional(key).unwrap_or_default()
    }

    pub fn optional(&self, key: &str) -> Option<String> {
        self.node(key).and_then(Node::text).map(str::to_owned)
    }

    /// # Errors
    /// When the field has a value that is not a number.
    pub fn integer(&self, key: &str) -> Result<Option<i64>> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let value = node.integer();
        value.map(Some).ok_or_else(|| self.error(format!("its {key} is not a number: {:?}", node.text())))
    }

    /// A map of texts.
    pub fn texts(&self, key: &str) -> BTreeMap<String, String> {
        let Some(Node::Map(fields)) = self.node(key) else { return BTreeMap::new() };
        let text = |node: &Node| node.text().unwrap_or_default().to_owned();
        fields.iter().map(|(key, node)| (key.clone(), text(node))).collect()
    }

    /// Absent before MLflow 0.9 or so, and in active logged models.
    pub fn lifecycle(&self) -> Lifecycle {
        match self.text("lifecycle_stage").as_str() {
            "deleted" => Lifecycle::Deleted,
            _ => Lifecycle::Active,
        }
    }

    /// True when the last line has no end, as PyYAML writes it: the file was cut off, or edited by hand.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}
