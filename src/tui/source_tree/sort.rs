//! The sort orders of the tree.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Experiments and models by name, runs by start time, versions by number.
    #[default]
    Usual,
    Name,
    /// The latest first.
    Updated,
    /// The node with the most fetched runs or versions first.
    Parts,
    /// The largest first, as far as the sizes have been measured.
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
