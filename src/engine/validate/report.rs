use std::path::PathBuf;

use serde::Serialize;

use super::{Difference, Mark, Totals};
use crate::artifacts::local;
use crate::error::Result;
use crate::snapshot::About;

/// What a comparison found, as one JSON file.
#[derive(Serialize)]
pub struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    created: String,
    source: About,
    target: About,
    totals: Totals,
    /// Everything that is not the same.
    differences: Vec<Difference>,
    #[serde(skip)]
    path: Option<PathBuf>,
}

impl Report {
    pub fn new(source: &About, target: &About, path: Option<PathBuf>) -> Self {
        Self {
            kind: "validation",
            created: jiff::Timestamp::now().to_string(),
            source: source.clone(),
            target: target.clone(),
            totals: Totals::default(),
            differences: Vec::new(),
            path,
        }
    }

    /// Differences are kept only for a report that is asked for: there may be as many as there are items.
    pub fn add(&mut self, difference: &Difference) {
        self.totals.add(difference.kind, difference.mark);
        if difference.mark != Mark::Same && self.path.is_some() {
            self.differences.push(difference.clone());
        }
    }

    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Gives the path when there is one.
    pub fn write(&self) -> Result<Option<PathBuf>> {
        let Some(path) = &self.path else { return Ok(None) };
        local::write(path, &serde_json::to_vec_pretty(self)?)?;
        Ok(Some(path.clone()))
    }
}
