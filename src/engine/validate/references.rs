//! References to other runs: a tag that named the old run must name the new one.

use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;

use super::found::Found;
use super::{Compare, FieldDifference};
use crate::entities::{Kind, Run, RunId, Template};

/// A field whose values on both sides contain ids. The ids differ, or may have to differ.
#[derive(Clone, Debug)]
pub struct Reference {
    pub field: String,
    pub source: String,
    pub target: String,
    /// The pairs of ids in both values: the id on the source, and the id on the target.
    pub ids: Vec<(RunId, RunId)>,
    /// True when the field must contain the new id of a moved run. Otherwise the old id is accepted too.
    pub strict: bool,
}

/// A pair of runs that is checked when all pairs are known.
pub struct Deferred {
    pub experiment: String,
    pub name: String,
    pub source: RunId,
    pub target: RunId,
    pub found: Found,
    pub references: Vec<Reference>,
    pub links: Links,
}

/// The logged models that both runs of a pair used (without a step) and made (with a step), by the digits of their ids.
#[derive(Default)]
pub struct Links {
    source: BTreeSet<Link>,
    target: BTreeSet<Link>,
}

type Link = (RunId, Option<i64>);

impl Links {
    pub fn of(source: &Run, target: &Run) -> Self {
        let links = |run: &Run| {
            let used = run.model_inputs.iter().map(|id| (id.digits(), None));
            let made = run.model_outputs.iter().map(|output| (output.model_id.digits(), Some(output.step)));
            used.chain(made).collect()
        };
        Self { source: links(source), target: links(target) }
    }

    pub fn is_empty(&self) -> bool {
        self.source.is_empty() && self.target.is_empty()
    }

    fn difference(&self, pairs: &HashMap<RunId, RunId>) -> Option<FieldDifference> {
        // A model without a partner is reported separately, or it was deleted. In both cases, the target's run cannot
        // name it.
        let new = |(id, step): &Link| Some((pairs.get(id)?.clone(), *step));
        let ours: BTreeSet<Link> = self.source.iter().filter_map(new).collect();
        let is_old = |link: &&Link| self.source.contains(link) && !pairs.contains_key(&link.0);
        if ours.iter().eq(self.target.iter().filter(|link| !is_old(link))) {
            return None;
        }
        let text = |links: &BTreeSet<Link>| {
            let text = |(id, step): &Link| match step {
                None => format!("used m-{id}"),
                Some(step) => format!("made m-{id} at step {step}"),
            };
            Some(links.iter().map(text).collect::<Vec<_>>().join(", "))
        };
        let (source, target) = (text(&self.source), text(&self.target));
        Some(FieldDifference { field: "logged models".to_owned(), source, target })
    }
}

/// Returns the pairs of ids when two texts are equal except for ids, and an error when they are not.
pub fn compare_text(key: &str, source: &str, target: &str) -> Result<Vec<(RunId, RunId)>, ()> {
    let (ours, theirs) = (Template::of(key, source), Template::of(key, target));
    if ours.fixed != theirs.fixed {
        return Err(());
    }
    Ok(ours.ids.iter().zip(&theirs.ids).map(|(a, b)| (RunId::from(*a), RunId::from(*b))).collect())
}

impl Reference {
    /// Creates a reference that consists only of ids.
    pub fn of_ids(ids: Vec<(RunId, RunId)>) -> Self {
        Self { field: String::new(), source: String::new(), target: String::new(), ids, strict: true }
    }

    pub fn holds(&self, pairs: &HashMap<RunId, RunId>) -> bool {
        self.ids.iter().all(|(old, new)| match pairs.get(old) {
            Some(partner) => partner == new || (!self.strict && old == new),
            // The named run was not moved, so it has no new id.
            None => old == new,
        })
    }

    /// True when every id is either the new id or still the old one.
    fn keeps_old(&self, pairs: &HashMap<RunId, RunId>) -> bool {
        self.ids.iter().all(|(old, new)| old == new || pairs.get(old) == Some(new))
    }
}

impl Compare {
    pub(super) async fn compare_deferred(&self) {
        let deferred = std::mem::take(&mut *self.deferred.lock().unwrap_or_else(PoisonError::into_inner));
        for run in deferred {
            let difference = {
                let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
                let mut found = run.found;
                for reference in run.references.into_iter().filter(|one| !one.holds(&pairs)) {
                    let keeps_old = reference.keeps_old(&pairs);
                    let Reference { field, source, target, .. } = reference;
                    let made = Some(target.clone()).filter(|_| keeps_old);
                    found.unequal(field, Some(source), Some(target), made.as_deref());
                }
                found.differ.extend(run.links.difference(&pairs));
                self.pair(Kind::Run, &run.name, (run.source.as_str(), run.target.as_str()), found)
            };
            self.found(difference.of_experiment(&run.experiment)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "ffffffffffffffffffffffffffffffff";

    fn reference(source: &str, target: &str, strict: bool) -> Reference {
        let ids = compare_text("mlflow.parentRunId", source, target).unwrap();
        Reference { field: String::new(), source: source.into(), target: target.into(), ids, strict }
    }

    #[test]
    fn a_reference_is_correct_when_it_contains_the_new_id() {
        let known = HashMap::from([(RunId::from(OLD), RunId::from(NEW))]);
        assert!(reference(OLD, NEW, true).holds(&known));
        assert!(!reference(OLD, OLD, true).holds(&known), "the new id is known, but not used");
        assert!(reference(OLD, OLD, false).holds(&known));
        assert!(reference(OLD, OLD, true).holds(&HashMap::new()), "not moved: the old id stays");
        assert!(!reference(OLD, NEW, true).holds(&HashMap::new()), "the new id is unknown");
        assert!(compare_text("t", "a", "b").is_err());
    }
}
