use std::path::Path;

use crate::error::{Error, Result};

/// The format of a report. The extension of the report's file selects the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// All data, for programs.
    Json,
    Markdown,
    /// One self-contained page.
    Html,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Json, Self::Markdown, Self::Html];

    /// Returns the format for this path. Returns a usage error if the path has none of the three extensions.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        Self::ALL.into_iter().find(|format| format.extension() == extension).ok_or_else(|| {
            Error::usage(format!("{}: the format of the report is unknown", path.display()))
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
