use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::spool::Spool;
use super::{Curve, Difference, Mark, Remarks, Totals};
use crate::error::Result;
use crate::plan::Plan;
use crate::readers::SourceInfo;

/// The maximum number of metrics with a curve. Differences are counted for all metrics.
const CURVES: usize = 200;

/// The result of a comparison. `write.rs` writes it to files.
#[derive(Serialize)]
pub struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The version of mlferry.
    pub version: &'static str,
    /// The time when the comparison began.
    pub created: String,
    pub source: SourceInfo,
    pub target: SourceInfo,
    pub plan: Plan,
    /// How closely files were compared.
    pub artifacts: &'static str,
    pub totals: Totals,
    /// Values that are not equal but do not count as differences, because the target derives or rewrites them
    /// automatically.
    #[serde(skip_serializing_if = "Remarks::is_empty")]
    pub normalised: Remarks,
    /// The items and values that were not compared.
    #[serde(skip_serializing_if = "Remarks::is_empty")]
    pub not_compared: Remarks,
    /// The items that differ.
    pub(super) differences: Spool,
    /// The curves of the first metrics that differ.
    pub curves: Vec<Curve>,
    /// The number of differing metrics that have no curve.
    pub more_curves: usize,
    #[serde(skip)]
    pub(super) paths: Vec<PathBuf>,
}

impl Report {
    /// Creates an empty report. It will be written to each of `paths`, in the format of its file extension.
    pub fn new(
        source: &SourceInfo,
        target: &SourceInfo,
        plan: &Plan,
        artifacts: &'static str,
        paths: Vec<PathBuf>,
    ) -> Self {
        Self {
            kind: "validation",
            version: env!("CARGO_PKG_VERSION"),
            created: jiff::Timestamp::now().to_string(),
            source: source.clone(),
            target: target.clone(),
            plan: plan.clone(),
            artifacts,
            totals: Totals::default(),
            normalised: Remarks::default(),
            not_compared: Remarks::default(),
            differences: Spool::default(),
            curves: Vec::new(),
            more_curves: 0,
            paths,
        }
    }

    /// Adds the result of one item. Differences are only kept if the user has requested a report, because every item
    /// may differ.
    pub fn add(&mut self, difference: &Difference) {
        self.totals.add(difference.kind, difference.mark);
        let folder = self.paths.first().map(|path| path.parent().unwrap_or(Path::new("")));
        if let Some(folder) = folder.filter(|_| difference.mark != Mark::Same) {
            let here = Path::new(".");
            self.differences.add(difference, if folder.as_os_str().is_empty() { here } else { folder });
        }
    }

    pub fn add_curve(&mut self, curve: Curve) {
        match self.curves.len() < CURVES && !self.paths.is_empty() {
            true => self.curves.push(curve),
            false => self.more_curves += 1,
        }
    }

    /// The curve for a field of this difference.
    pub fn curve(&self, difference: &Difference, field: &str) -> Option<&Curve> {
        let key = field.strip_prefix("metric ")?;
        let matches =
            |curve: &&Curve| Some(&curve.source_id) == difference.source_id.as_ref() && curve.metric == key;
        self.curves.iter().find(matches)
    }
}

/// Groups the differences by experiment, in order of first appearance.
pub(super) fn groups(differences: &[Difference]) -> Vec<(&str, Vec<&Difference>)> {
    let mut indexes = HashMap::new();
    let mut groups: Vec<(&str, Vec<&Difference>)> = Vec::new();
    for difference in differences {
        let experiment = difference.experiment.as_str();
        let index = *indexes.entry(experiment).or_insert_with(|| {
            groups.push((experiment, Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(difference);
    }
    groups
}

pub(super) fn plan_in_words(plan: &Plan) -> Result<String> {
    match *plan == Plan::default() {
        true => Ok("everything the source holds".to_owned()),
        false => Ok(plan.to_toml()?.trim_end().to_owned()),
    }
}

/// Rounds a timestamp such as `2026-01-02T03:04:05.678901234Z` down to seconds, for the user.
pub(super) fn seconds_of(timestamp: &str) -> String {
    match timestamp.split_once('.') {
        Some((whole, _)) => format!("{}Z", whole.replace('T', " ")),
        None => timestamp.replace('T', " "),
    }
}
