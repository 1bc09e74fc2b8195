//! What became what, and texts and maps that say the same but for that.

use std::collections::{BTreeMap, HashMap};

use super::found::Found;
use super::references::{Reference, compare_text};
use crate::entities::{ExperimentId, RunId, rewrite_experiments, tag};

/// Source to target. Logged models are among the runs, by their digits.
#[derive(Default)]
pub struct Pairs {
    pub runs: HashMap<RunId, RunId>,
    pub experiments: HashMap<ExperimentId, ExperimentId>,
    /// Registered models, by name.
    pub models: HashMap<String, String>,
    /// On the target: the run of each logged model that has one, by the model's digits.
    pub model_runs: HashMap<RunId, RunId>,
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
    found: &mut Found,
    ours: &BTreeMap<String, String>,
    theirs: &BTreeMap<String, String>,
    pairs: &Pairs,
) {
    // The server keeps the tag of versions by itself.
    let is_compared = |key: &str| !tag::is_ours(key) && key != tag::MODEL_VERSIONS;
    found.map("tag", ours, theirs, is_compared, |key, a, b| match key {
        tag::PROMPT_EXPERIMENTS => {
            a == b || rewrite_experiments(a, |id| pairs.experiments.get(id).cloned()) == b
        }
        _ => pairs.is_same_text(key, a, b),
    });
}

/// The key of a param, an alias or a tag that is the user's.
pub fn any(key: &str) -> bool {
    !tag::is_ours(key)
}
