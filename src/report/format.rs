use std::path::Path;

use crate::error::{Error, Result};

/// How a report is written: the name of its file says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Everything, for programs.
    Json,
    Markdown,
    /// One page that needs nothing else.
    Html,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Json, Self::Markdown, Self::Html];

    /// A usage error where the name ends in none of the three.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        Self::ALL.into_iter().find(|format| format.extension() == extension).ok_or_else(|| {
            Error::usage(format!("{}: not a report that can be written", path.display()))
                .hint("give it a name that ends in .json, .md or .html")
        })
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }
}
