//! What became what, and texts and maps that say the same but for that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::FieldDifference;
use super::references::{Reference, compare_text};
use crate::entities::{ExperimentId, RunId, rewrite_experiments, tag};

/// Source to target. Logged models are among the runs, by their digits.
#[derive(Default)]
pub struct Pairs {
    pub runs: HashMap<RunId, RunId>,
    pub experiments: HashMap<ExperimentId, ExperimentId>,
    /// Registered models, by name.
    pub models: HashMap<String, String>,
    /// The target gives versions a run: see `Capabilities::checked_sources`.
    pub checked_sources: bool,
}

impl Pairs {
    /// The ids in `ours` must be those of partners in `theirs`.
    pub fn is_same_text(&self, key: &str, ours: &str, theirs: &str) -> bool {
        compare_text(key, ours, theirs).is_ok_and(|ids| Reference::of_ids(ids).holds(&self.runs))
    }

    /// What a version is called on the target, `name/number` both.
    pub fn new_version(&self, label: &str) -> String {
        let (name, number) = label.rsplit_once('/').unwrap_or((label, ""));
        format!("{}/{number}", self.models.get(name).map_or(name, String::as_str))
    }

    pub fn new_id(&self, id: &RunId) -> Option<RunId> {
        self.runs.get(id).cloned()
    }
}

pub fn tags(
    differ: &mut Vec<FieldDifference>,
    ours: &BTreeMap<String, String>,
    theirs: &BTreeMap<String, String>,
    pairs: &Pairs,
) {
    map(differ, "tag", ours, theirs, |key, a, b| match key {
        // The server keeps it by itself.
        tag::MODEL_VERSIONS => true,
        tag::PROMPT_EXPERIMENTS => {
            a == b || rewrite_experiments(a, |id| pairs.experiments.get(id).cloned()) == b
        }
        _ => pairs.is_same_text(key, a, b),
    });
}

pub fn map(
    differ: &mut Vec<FieldDifference>,
    of: &str,
    ours: &BTreeMap<String, String>,
    theirs: &BTreeMap<String, String>,
    is_same: impl Fn(&str, &str, &str) -> bool,
) {
    let is_compared = |key: &&String| !tag::is_ours(key) && *key != tag::MODEL_VERSIONS;
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).filter(is_compared).collect();
    for key in keys {
        let (a, b) = (ours.get(key), theirs.get(key));
        let same = a.zip(b).is_some_and(|(a, b)| is_same(key, a, b));
        if !same {
            differ.push(FieldDifference {
                field: format!("{of} {key}"),
                source: a.cloned(),
                target: b.cloned(),
            });
        }
    }
}

pub fn value(differ: &mut Vec<FieldDifference>, field: &str, source: &str, target: &str) {
    if source != target {
        let (source, target) = (Some(source.to_owned()), Some(target.to_owned()));
        differ.push(FieldDifference { field: field.to_owned(), source, target });
    }
}
