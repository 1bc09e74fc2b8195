//! The orders that the tree can be shown in.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Experiments and models by name, runs as they started, versions by number.
    #[default]
    Usual,
    Name,
    /// The latest first.
    Updated,
    /// What holds most runs or versions first, as far as they have been fetched.
    Parts,
    /// The largest first, as far as anybody has weighed it.
    Size,
}

impl Sort {
    pub const ALL: [Self; 5] = [Self::Usual, Self::Name, Self::Updated, Self::Parts, Self::Size];

    pub fn words(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Name => "by name",
            Self::Updated => "latest first",
            Self::Parts => "most runs first",
            Self::Size => "largest first",
        }
    }

    pub(super) fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }
}
