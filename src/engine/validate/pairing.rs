//! Which object of the target belongs to which of the source: by the mark that an import has left, then by name. A name
//! that was changed since is then one difference, and not one object missing and another too many.

use std::collections::HashMap;

use crate::entities::{Experiment, Plan, RegisteredModel, tag};

/// Takes the partner of each experiment out of `there`, in the order of `ours`.
pub fn experiments<'a>(
    ours: impl Iterator<Item = &'a Experiment>,
    there: &mut Vec<Experiment>,
    plan: &Plan,
) -> Vec<Option<Experiment>> {
    let mut pairs = Pairs::of(ours, there);
    let mark = |theirs: &Experiment| theirs.tags.get(tag::SOURCE_EXPERIMENT_ID).cloned();
    let is_named = |ours: &Experiment, theirs: &Experiment| theirs.name == plan.target_name(ours);
    // Of several that were made from the same one, the one that still has the name.
    pairs.find(
        |ours| ours.id.to_string(),
        mark,
        |ours, theirs| is_same_source(ours, theirs) && is_named(ours, theirs),
    );
    pairs.find(|ours| ours.id.to_string(), mark, is_same_source);
    pairs.find(|ours| plan.target_name(ours).to_owned(), |theirs| Some(theirs.name.clone()), |_, _| true);
    pairs.end(there)
}

/// The same for registered models and prompts. The mark is their name at the source, for they have no id.
pub fn models<'a>(
    ours: impl Iterator<Item = &'a RegisteredModel>,
    there: &mut Vec<RegisteredModel>,
    plan: &Plan,
) -> Vec<Option<RegisteredModel>> {
    let mut pairs = Pairs::of(ours, there);
    // A name is all that the sources of versions know of a model: it comes first.
    pairs.find(
        |ours| plan.target_model_name(ours).to_owned(),
        |theirs| Some(theirs.name.clone()),
        |_, _| true,
    );
    let mark = |theirs: &RegisteredModel| theirs.tags.get(tag::SOURCE_REGISTERED_MODEL).cloned();
    pairs.find(|ours| ours.name.clone(), mark, |ours, theirs| theirs.kind() == ours.kind());
    pairs.end(there)
}

/// Ids of databases are small numbers that every source has: when an experiment was created tells the sources apart, where
/// both sides say it.
fn is_same_source(ours: &Experiment, theirs: &Experiment) -> bool {
    let created =
        |time: i64| theirs.tags.get(tag::SOURCE_CREATION_TIME).is_none_or(|known| *known == time.to_string());
    ours.creation_time.is_none_or(created)
}

/// Objects of the source, and the partner of each as far as one was found.
struct Pairs<'a, T> {
    ours: Vec<&'a T>,
    found: Vec<Option<T>>,
    /// Those of the target that are nobody's partner yet.
    there: Vec<Option<T>>,
}

impl<'a, T> Pairs<'a, T> {
    fn of(ours: impl Iterator<Item = &'a T>, there: &mut Vec<T>) -> Self {
        let ours: Vec<_> = ours.collect();
        let found = ours.iter().map(|_| None).collect();
        Self { ours, found, there: std::mem::take(there).into_iter().map(Some).collect() }
    }

    /// Pairs what has the same key and fits. A sure partner is not taken away by a likely one: those are found by a later
    /// call.
    fn find(
        &mut self,
        key: impl Fn(&T) -> String,
        mark: impl Fn(&T) -> Option<String>,
        fits: impl Fn(&T, &T) -> bool,
    ) {
        let mut by_mark: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, theirs) in self.there.iter().enumerate() {
            if let Some(mark) = theirs.as_ref().and_then(&mark) {
                by_mark.entry(mark).or_default().push(at);
            }
        }
        for (ours, found) in self.ours.iter().zip(&mut self.found).filter(|(_, found)| found.is_none()) {
            let candidates = by_mark.get(&key(ours)).into_iter().flatten();
            let fitting = |at: &usize| self.there[*at].as_ref().is_some_and(|theirs| fits(ours, theirs));
            if let Some(at) = candidates.copied().find(|at| fitting(at)) {
                *found = self.there[at].take();
            }
        }
    }

    fn end(self, there: &mut Vec<T>) -> Vec<Option<T>> {
        there.extend(self.there.into_iter().flatten());
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(id: &str, name: &str, made_from: &str) -> Experiment {
        let tags = [(tag::SOURCE_EXPERIMENT_ID.to_owned(), made_from.to_owned())];
        let tags = tags.into_iter().filter(|(_, id)| !id.is_empty()).collect();
        Experiment { id: id.into(), name: name.into(), tags, ..Experiment::default() }
    }

    fn ids(ours: &[Experiment], there: &[Experiment]) -> Vec<Option<String>> {
        let mut there = there.to_vec();
        let paired = experiments(ours.iter(), &mut there, &Plan::default());
        paired.into_iter().map(|one| one.map(|one| one.id.to_string())).collect()
    }

    fn some(ids: &[&str]) -> Vec<Option<String>> {
        ids.iter().map(|id| Some((*id).to_owned()).filter(|id| !id.is_empty())).collect()
    }

    #[test]
    fn a_mark_comes_before_a_name() {
        let ours = [experiment("1", "a", ""), experiment("2", "b", "")];
        let swapped = [experiment("7", "b", "1"), experiment("8", "a", "2")];
        assert_eq!(ids(&ours, &swapped), some(&["7", "8"]));
        let renamed = [experiment("7", "x", "1"), experiment("8", "a", "")];
        assert_eq!(ids(&ours, &renamed), some(&["7", ""]));
        let doubled = [experiment("7", "x", "1"), experiment("8", "a", "1"), experiment("9", "b", "")];
        assert_eq!(ids(&ours, &doubled), some(&["8", "9"]));
    }

    #[test]
    fn the_same_number_of_another_source_is_no_mark() {
        let ours = [Experiment { creation_time: Some(5), ..experiment("1", "a", "") }];
        let mut theirs = experiment("7", "x", "1");
        theirs.tags.insert(tag::SOURCE_CREATION_TIME.into(), "6".into());
        assert_eq!(ids(&ours, &[theirs.clone()]), some(&[""]));
        theirs.tags.insert(tag::SOURCE_CREATION_TIME.into(), "5".into());
        assert_eq!(ids(&ours, &[theirs]), some(&["7"]));
    }
}
