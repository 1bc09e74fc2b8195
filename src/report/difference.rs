use std::collections::BTreeMap;

use serde::Serialize;

use crate::entities::Kind;

/// The result of comparing one item. The signs are those of rclone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Same,
    /// Only on the source.
    Missing,
    /// Only on the target.
    Extra,
    Differs,
    Unreadable,
}

impl Mark {
    pub const ALL: [Self; 5] = [Self::Same, Self::Missing, Self::Extra, Self::Differs, Self::Unreadable];

    pub fn sign(self) -> char {
        match self {
            Self::Same => '=',
            Self::Missing => '-',
            Self::Extra => '+',
            Self::Differs => '*',
            Self::Unreadable => '!',
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Differs => "differs",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One field with its value on both sides. `None` means that a side has no such field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    pub field: String,
    pub source: Option<String>,
    pub target: Option<String>,
}

/// The known facts about a file on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// The size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The hash in hexadecimal digits. It is only present if the bytes were compared, or if the hash was saved when the
    /// file was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A file on both sides. `None` means that a side does not have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileSides {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<FileFacts>,
}

/// One compared item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub kind: Kind,
    pub mark: Mark,
    pub experiment: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The first fields that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDifference>,
    /// The number of further fields that differ.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_fields: usize,
    /// The facts about a file, including facts that do not differ. It is only set for artifacts, and boxed because most
    /// items are not artifacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Box<FileSides>>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// The maximum number of fields that are kept for one item.
const FIELDS: usize = 20;

impl Difference {
    /// An item that exists on both sides. It is the same if no field differs.
    pub fn pair(
        kind: Kind,
        name: &str,
        source: &str,
        target: &str,
        mut fields: Vec<FieldDifference>,
    ) -> Self {
        let mark = if fields.is_empty() { Mark::Same } else { Mark::Differs };
        let more_fields = fields.len().saturating_sub(FIELDS);
        fields.truncate(FIELDS);
        Self {
            mark,
            fields,
            more_fields,
            source_id: Some(source.to_owned()),
            target_id: Some(target.to_owned()),
            ..Self::new(kind, name)
        }
    }

    pub fn missing(kind: Kind, name: &str, source: &str) -> Self {
        Self { mark: Mark::Missing, source_id: Some(source.to_owned()), ..Self::new(kind, name) }
    }

    pub fn extra(kind: Kind, name: &str, target: &str) -> Self {
        Self { mark: Mark::Extra, target_id: Some(target.to_owned()), ..Self::new(kind, name) }
    }

    pub fn unreadable(kind: Kind, name: &str, source: &str, field: FieldDifference) -> Self {
        Self {
            mark: Mark::Unreadable,
            source_id: Some(source.to_owned()),
            fields: vec![field],
            ..Self::new(kind, name)
        }
    }

    #[must_use]
    pub fn of_experiment(mut self, name: &str) -> Self {
        name.clone_into(&mut self.experiment);
        self
    }

    #[must_use]
    pub fn of_file(self, source: Option<FileFacts>, target: Option<FileFacts>) -> Self {
        Self { file: Some(Box::new(FileSides { source, target })), ..self }
    }

    fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            mark: Mark::Same,
            experiment: String::new(),
            name: name.to_owned(),
            source_id: None,
            target_id: None,
            fields: Vec::new(),
            more_fields: 0,
            file: None,
        }
    }
}

/// The number of items for each kind and mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Totals(BTreeMap<&'static str, BTreeMap<&'static str, u64>>);

impl Totals {
    pub fn add(&mut self, kind: Kind, mark: Mark) {
        *self.0.entry(kind.plural()).or_default().entry(mark.word()).or_default() += 1;
    }

    pub fn of(&self, kind: Kind, mark: Mark) -> u64 {
        self.0.get(kind.plural()).and_then(|marks| marks.get(mark.word())).copied().unwrap_or(0)
    }

    /// True if there are items of this kind, or if every server supports this kind.
    pub fn is_shown(&self, kind: Kind) -> bool {
        kind.is_basic() || Mark::ALL.into_iter().any(|mark| self.of(kind, mark) > 0)
    }

    pub fn differs(&self) -> bool {
        Kind::ALL
            .into_iter()
            .any(|kind| Mark::ALL.into_iter().any(|mark| mark != Mark::Same && self.of(kind, mark) > 0))
    }
}
