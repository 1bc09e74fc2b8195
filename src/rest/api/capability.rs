//! What a server can do. One table, filled by probing; nothing else asks for a version.

use std::fmt;

use serde::Serialize;

use crate::rest::PathRules;

/// A release of MLflow, as `/version` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `3.10.1`, also with a suffix as in `3.11.0rc1`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '.');
        let mut next = || {
            let part = parts.next()?;
            let digits = part.find(|c: char| !c.is_ascii_digit()).map_or(part, |end| &part[..end]);
            digits.parse().ok()
        };
        let (major, minor) = (next()?, next()?);
        Some(Self { major, minor, patch: next().unwrap_or(0) })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a server was seen to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// How many runs `get-history-bulk` takes in one call; absent before MLflow 2.3. 20 in 2.9, 100 since 2.10 or so.
    pub bulk_history_runs: Option<usize>,
    /// The server passes files through (`mlflow-artifacts:`); since MLflow 1.24, off with `--no-serve-artifacts`.
    pub artifact_proxy: bool,
    /// What the server makes of the path of a file.
    pub paths: PathRules,
    /// Runs name the datasets they read; since MLflow 2.5.
    pub datasets: bool,
    /// The server keeps a model registry.
    pub model_registry: bool,
    /// The registry keeps prompts too; since MLflow 2.21.
    pub prompts: bool,
    /// Logged models are objects of their own; since MLflow 3.0.
    pub logged_models: bool,
    /// Evaluation datasets and scorers; since MLflow 3.4, over a database.
    pub evaluation: bool,
    /// Registered models and prompts may not be called by names with `/` or `:`; since MLflow 3.11.
    pub plain_model_names: bool,
    /// A model version must name the run or logged model that its source is of; since MLflow 3.17.
    pub checked_sources: bool,
    /// Scorers may not hold code (`@scorer`), unless whoever runs the server allows it; since MLflow 3.12.
    pub plain_scorers: bool,
    /// Tags of experiments may have 20 000 characters; since MLflow 3.16, 5 000 before.
    pub long_experiment_tags: bool,
    /// Traces; since MLflow 2.14.
    pub traces: bool,
    /// The third trace API, with assessments and with ids that the client chooses; since MLflow 3.2.
    pub third_traces: bool,
    /// Traces are linked to runs; since MLflow 3.3.
    pub trace_links: bool,
    /// Traces are linked to versions of prompts, over a database; since MLflow 3.7.
    pub prompt_links: bool,
    /// Spans are kept in the database, and read from there; since MLflow 3.6.
    pub stored_spans: bool,
    /// Spans in the database keep their links; since MLflow 3.13.
    pub span_links: bool,
    /// Spans in the database keep their kinds; since MLflow 3.18.
    pub span_kinds: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        assert_eq!(Version::parse("3.10.1\n"), Some(Version::new(3, 10, 1)));
        assert_eq!(Version::parse("3.11.0rc1"), Some(Version::new(3, 11, 0)));
        assert_eq!(Version::parse("2.9"), Some(Version::new(2, 9, 0)));
        assert_eq!(Version::parse("<html>"), None);
        assert!(Version::new(3, 2, 0) < Version::new(3, 10, 0));
    }
}
