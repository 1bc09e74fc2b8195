//! Pairs the runs of two streams in any order. A run waits in memory for its partner. When both sides have the same
//! order, as after an import, only one or two pages of runs wait.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::entities::{Run, RunId, RunStatus, tag};

/// Runs of the source wait under their own id. Runs of the target wait under the id of their source run.
#[derive(Default)]
pub struct Join {
    source: HashMap<RunId, Run>,
    target: HashMap<RunId, Run>,
    /// Runs of the target that come from the same source run as a run that already waits.
    doubled: Vec<Run>,
    /// Runs of the target to which nothing was written. They are paired last, because another copy of the same run is a
    /// better partner.
    bare: Vec<Run>,
    /// The ids seen so far, by side: a list may return a run twice while the server is in use.
    seen: [HashSet<RunId>; 2],
}

impl Join {
    /// Adds a run of the source. Returns the pair if its partner was added before.
    pub fn source(&mut self, run: Run) -> Option<(Run, Run)> {
        if !self.seen[0].insert(run.id.clone()) {
            return None;
        }
        match self.target.remove(&run.id) {
            Some(partner) => Some((run, partner)),
            None => {
                self.source.insert(run.id.clone(), run);
                None
            }
        }
    }

    /// Adds a run of the target. A run without a source id counts as its own source, as in an export directory.
    pub fn target(&mut self, run: Run) -> Option<(Run, Run)> {
        if !self.seen[1].insert(run.id.clone()) {
            return None;
        }
        // An import has deleted this late copy, so another copy is the partner.
        if run.tags.contains_key(tag::LATE_COPY) && run.lifecycle.is_deleted() {
            return None;
        }
        let made_from = run.tags.get(tag::SOURCE_RUN_ID).map(|id| RunId::from(id.as_str()));
        if made_from.is_some() && is_bare(&run) {
            self.bare.push(run);
            return None;
        }
        self.paired(run, made_from)
    }

    /// The ids of all runs of the source. Call it when all runs were added.
    pub fn take_sources(&mut self) -> HashSet<RunId> {
        std::mem::take(&mut self.seen[0])
    }

    fn paired(&mut self, run: Run, made_from: Option<RunId>) -> Option<(Run, Run)> {
        // The run's own id is tried first, because an exported run may itself come from an earlier migration.
        let keys = [Some(run.id.clone()), made_from.clone()];
        for key in keys.into_iter().flatten() {
            if let Some(partner) = self.source.remove(&key) {
                return Some((partner, run));
            }
        }
        match self.target.entry(made_from.unwrap_or_else(|| run.id.clone())) {
            Entry::Vacant(free) => drop(free.insert(run)),
            Entry::Occupied(_) => self.doubled.push(run),
        }
        None
    }

    /// Returns the remaining pairs, the runs that only the source has, and the runs that only the target has. A run of
    /// the target that waits under its source id is first looked up under its own id.
    pub fn rest(mut self) -> (Vec<(Run, Run)>, Vec<Run>, Vec<Run>) {
        let mut pairs = Vec::new();
        for run in std::mem::take(&mut self.bare) {
            let made_from = run.tags.get(tag::SOURCE_RUN_ID).map(|id| RunId::from(id.as_str()));
            pairs.extend(self.paired(run, made_from));
        }
        let mut extra = self.doubled;
        for run in self.target.into_values() {
            match self.source.remove(&run.id) {
                Some(partner) => pairs.push((partner, run)),
                None => extra.push(run),
            }
        }
        (pairs, self.source.into_values().collect(), extra)
    }
}

fn is_bare(run: &Run) -> bool {
    run.status == RunStatus::Running && run.params.is_empty() && run.latest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::Lifecycle;

    fn run(id: &str, made_from: &str) -> Run {
        let tags = [(tag::SOURCE_RUN_ID.to_owned(), made_from.to_owned())];
        let tags = tags.into_iter().filter(|(_, id)| !id.is_empty()).collect();
        Run { id: id.into(), tags, status: RunStatus::Finished, ..Run::default() }
    }

    proptest::proptest! {
        /// In any order, each run with a partner finds it, and the other runs remain.
        #[test]
        fn every_order_gives_the_same_pairs(order in proptest::collection::vec(0..20usize, 0..60)) {
            let mut join = Join::default();
            let (mut paired, mut came_source, mut came_target) = (vec![], std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
            for n in order {
                let (side, n) = (n % 2, n / 2);
                let pair = if side == 0 && came_source.insert(n) {
                    join.source(run(&format!("s{n}"), ""))
                } else if side == 1 && came_target.insert(n) {
                    join.target(run(&format!("t{n}"), &format!("s{n}")))
                } else {
                    None
                };
                paired.extend(pair.map(|(source, target)| (source.id.to_string(), target.id.to_string())));
            }
            let (late, missing, extra) = join.rest();
            proptest::prop_assert!(late.is_empty());
            let both: Vec<_> = came_source.intersection(&came_target).map(|n| (format!("s{n}"), format!("t{n}"))).collect();
            paired.sort();
            let mut both = both;
            both.sort();
            proptest::prop_assert_eq!(paired, both);
            proptest::prop_assert_eq!(missing.len(), came_source.difference(&came_target).count());
            proptest::prop_assert_eq!(extra.len(), came_target.difference(&came_source).count());
        }
    }

    #[test]
    fn a_second_copy_of_a_run_is_extra_in_any_order() {
        for first in [true, false] {
            let mut join = Join::default();
            let early = if first { join.source(run("s", "")) } else { None };
            let mut pairs: Vec<_> = early.into_iter().chain(join.target(run("t1", "s"))).collect();
            pairs.extend(join.target(run("t2", "s")));
            pairs.extend(join.source(run("s", "")));
            let (late, missing, extra) = join.rest();
            assert_eq!((pairs.len() + late.len(), missing.len(), extra.len()), (1, 0, 1), "{first}");
        }
    }

    #[test]
    fn a_complete_copy_is_preferred_to_an_empty_one() {
        let bare = Run { status: RunStatus::Running, ..run("bare", "s") };
        let mut join = Join::default();
        assert!(join.source(run("s", "")).is_none() && join.target(bare.clone()).is_none());
        let (_, partner) = join.target(run("whole", "s")).unwrap();
        let (late, missing, extra) = join.rest();
        assert_eq!(partner.id.as_str(), "whole");
        assert_eq!((late.len(), missing.len(), extra.len()), (0, 0, 1));
        // Without another copy, the empty copy is the partner.
        let mut join = Join::default();
        assert!(join.target(bare.clone()).is_none() && join.source(run("s", "")).is_none());
        let (late, missing, extra) = join.rest();
        assert_eq!((late.len(), missing.len(), extra.len()), (1, 0, 0));
        // An import has removed the empty copy.
        let mut deleted = Run { lifecycle: Lifecycle::Deleted, ..bare };
        deleted.tags.insert(tag::LATE_COPY.to_owned(), "s".to_owned());
        let mut join = Join::default();
        assert!(join.target(deleted).is_none() && join.source(run("s", "")).is_none());
        let (late, missing, extra) = join.rest();
        assert_eq!((late.len(), missing.len(), extra.len()), (0, 1, 0));
    }

    #[test]
    fn a_run_that_is_listed_twice_counts_once() {
        let mut join = Join::default();
        let all = [
            join.source(run("s", "")),
            join.target(run("t", "s")),
            join.source(run("s", "")),
            join.target(run("t", "s")),
        ];
        let (late, missing, extra) = join.rest();
        assert_eq!((all.iter().flatten().count(), late.len(), missing.len(), extra.len()), (1, 0, 0, 0));
    }

    #[test]
    fn an_export_of_an_imported_run_is_paired_by_its_own_id() {
        let mut join = Join::default();
        assert!(join.target(run("a", "older")).is_none());
        assert!(join.source(run("a", "older")).is_none());
        let (pairs, missing, extra) = join.rest();
        assert_eq!((pairs.len(), missing.len(), extra.len()), (1, 0, 0));
    }
}
