use serde::Serialize;

/// How many there are, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// There are more than were counted.
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

    /// `more` says that this is only what was looked at.
    pub fn counted(count: u64, more: bool) -> Self {
        Self { more, ..Self::exactly(count) }
    }

    pub fn unknown(why: impl Into<String>) -> Self {
        Self { unknown: Some(why.into()), ..Self::default() }
    }

    /// There are some, or there may be.
    pub fn is_some(&self) -> bool {
        self.more || self.count != Some(0)
    }

    /// The sum; not known as soon as one part is not.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self.count, other.count) {
            (Some(one), Some(two)) => Self::counted(one + two, self.more || other.more),
            (None, _) => self,
            (_, None) => other,
        }
    }
}

/// Something that a server holds and that is not moved: REST does not let anybody write it as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsupported {
    /// In the plural.
    pub title: &'static str,
    #[serde(flatten)]
    pub tally: Count,
    /// Why it stays behind.
    pub reason: &'static str,
}
