//! The target's object for each object of the source, and the comparison of texts and maps in which only ids differ.

use std::collections::{BTreeMap, HashMap};

use super::found::Found;
use super::references::{Reference, compare_text};
use crate::entities::{ExperimentId, RunId, VersionNumbers, rewrite_experiments, tag};

/// The new id on the target for each id of the source. Logged models are included in `runs`, by the digits of their
/// ids.
#[derive(Default)]
pub struct Pairs {
    pub runs: HashMap<RunId, RunId>,
    pub experiments: HashMap<ExperimentId, ExperimentId>,
    /// Registered models, by name.
    pub models: HashMap<String, String>,
    /// The version numbers of the registered models whose versions were appended on the target, by name.
    pub numbers: HashMap<String, VersionNumbers>,
    /// The run of each logged model on the target that has one, by the model's digits.
    pub model_runs: HashMap<RunId, RunId>,
    /// True when the target assigns a run to versions: see `Capabilities::checked_sources`.
    pub checked_sources: bool,
    /// Other sources may have added experiments to the prompts on the target.
    pub shares_target: bool,
}

impl Pairs {
    /// True when the texts are equal except for ids, and the ids in `theirs` are those of the partners.
    pub fn is_same_text(&self, key: &str, ours: &str, theirs: &str) -> bool {
        compare_text(key, ours, theirs).is_ok_and(|ids| Reference::of_ids(ids).holds(&self.runs))
    }

    /// The label of a version on the target. Both labels have the form `name/number`.
    pub fn new_label(&self, label: &str) -> String {
        let Some((name, number)) = label.rsplit_once('/') else { return label.to_owned() };
        match number.parse() {
            Ok(number) => {
                let (name, number) = self.new_version(name, number);
                format!("{name}/{number}")
            }
            Err(_) => format!("{}/{number}", self.models.get(name).map_or(name, String::as_str)),
        }
    }

    /// The name and the number of a version on the target.
    pub fn new_version<'a>(&'a self, name: &'a str, number: u64) -> (&'a str, u64) {
        let new = self.numbers.get(name).map_or(number, |numbers| numbers.number(number));
        (self.models.get(name).map_or(name, String::as_str), new)
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
    // The server maintains the tag with the versions of a logged model, so it is not compared.
    let is_compared = |key: &str| !tag::is_ours(key) && key != tag::MODEL_VERSIONS;
    found.map("tag", ours, theirs, is_compared, |key, a, b| match key {
        tag::PROMPT_EXPERIMENTS => {
            let ours = rewrite_experiments(a, |id| pairs.experiments.get(id).cloned());
            let has_all = || ours.split(',').all(|id| b.split(',').any(|theirs| theirs == id));
            a == b || ours == b || pairs.shares_target && has_all()
        }
        _ => pairs.is_same_text(key, a, b),
    });
}

/// True for each key that is compared: mlferry has not set it.
pub fn any(key: &str) -> bool {
    !tag::is_ours(key)
}
