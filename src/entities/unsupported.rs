use std::borrow::Cow;

use serde::Serialize;

/// The number of objects, if known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// There are more objects than the count.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Why there is no count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Count {
    pub fn exactly(count: u64) -> Self {
        Self { count: Some(count), ..Self::default() }
    }

    /// `more` means that only a part was counted.
    pub fn counted(count: u64, more: bool) -> Self {
        Self { more, ..Self::exactly(count) }
    }

    pub fn unknown(why: impl Into<String>) -> Self {
        Self { unknown: Some(why.into()), ..Self::default() }
    }

    /// True if there are objects, or may be some.
    pub fn is_some(&self) -> bool {
        self.more || self.count != Some(0)
    }

    /// The sum of two counts. It is unknown if one of them is unknown.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self.count, other.count) {
            (Some(one), Some(two)) => Self::counted(one + two, self.more || other.more),
            (None, _) => self,
            (_, None) => other,
        }
    }
}

/// Objects of a server that are not migrated, because the REST API cannot write them unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsupported {
    /// The name of the kind, in the plural.
    pub title: &'static str,
    #[serde(flatten)]
    pub tally: Count,
    /// Why they are not migrated.
    pub reason: Cow<'static, str>,
}
