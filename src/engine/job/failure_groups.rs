//! Failures that have one cause: an experiment that failed takes all of its items with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::entities::Kind;

/// A cause that several failures share, or that a second try does not remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCause {
    /// The target has an experiment of the same name that holds runs of another source.
    NameTaken,
    /// The item's experiment failed. The value is its name on the source.
    Experiment(String),
}

/// The failures with a known cause, counted. Users see one line for each experiment instead of one for each run.
#[derive(Debug, Default)]
pub struct FailureGroups {
    /// The experiments whose names are taken on the target.
    taken: BTreeSet<String>,
    taken_count: u64,
    /// The failed items of each failed experiment.
    items: BTreeMap<String, BTreeMap<Kind, u64>>,
}

impl FailureGroups {
    pub fn add(&mut self, kind: Kind, name: &str, cause: &FailureCause) {
        match cause {
            FailureCause::NameTaken => {
                self.taken.insert(name.to_owned());
                self.taken_count += 1;
            }
            FailureCause::Experiment(experiment) => {
                *self.items.entry(experiment.clone()).or_default().entry(kind).or_default() += 1;
            }
        }
    }

    /// The number of failures that need another name or a merge: the experiments, and their items.
    pub fn name_taken(&self) -> u64 {
        let of = |experiment| self.items.get(experiment).map_or(0, |kinds| kinds.values().sum::<u64>());
        self.taken_count + self.taken.iter().map(of).sum::<u64>()
    }

    /// One line for each experiment that failed with items.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.items.iter().map(|(experiment, kinds)| {
            let counted = |(kind, count): (&Kind, &u64)| {
                let (one, many) = kind.words();
                format!("{count} {}", if *count == 1 { one.to_string() } else { many.to_string() })
            };
            let items: Vec<String> = kinds.iter().map(counted).collect();
            format!("{}: {}", items.join(", "), reason(experiment))
        })
    }
}

/// The reason of an item whose experiment failed. The experiment's own failure has the full reason.
pub fn reason(experiment: &str) -> String {
    format!("its experiment {experiment:?} failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_of_an_experiment_are_counted_together() {
        let mut groups = FailureGroups::default();
        groups.add(Kind::Experiment, "churn", &FailureCause::NameTaken);
        for (kind, experiment) in
            [(Kind::Run, "churn"), (Kind::Run, "churn"), (Kind::Trace, "churn"), (Kind::Run, "gone")]
        {
            groups.add(kind, "x", &FailureCause::Experiment(experiment.to_owned()));
        }
        assert_eq!(groups.name_taken(), 4, "the items of another failed experiment do not count");
        let lines: Vec<String> = groups.lines().collect();
        assert_eq!(
            lines,
            ["2 runs, 1 trace: its experiment \"churn\" failed", "1 run: its experiment \"gone\" failed"]
        );
    }
}
