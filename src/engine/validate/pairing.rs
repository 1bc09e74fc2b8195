//! Finds the object of the target for each object of the source. Experiments are paired first by the tags that an import
//! has set, then by name. A name that has changed since the import is then reported as one difference, and not as a
//! missing object and an extra object.

use std::collections::{HashMap, HashSet};

use crate::entities::{Experiment, ExperimentId, RegisteredModel, tag};
use crate::plan::Plan;

/// Removes the partner of each experiment from `there`, and returns the partners in the order of `ours`.
pub fn experiments<'a>(
    ours: impl Iterator<Item = &'a Experiment>,
    there: &mut Vec<Experiment>,
    plan: &Plan,
) -> Vec<Option<Experiment>> {
    let ours: Vec<&Experiment> = ours.collect();
    // Several experiments may have been merged into one of these.
    let shared: Vec<Experiment> =
        there.iter().filter(|theirs| plan.merge || theirs.is_merged()).cloned().collect();
    let mut pairs = Pairs::of(ours.iter().copied(), there);
    let mark = |theirs: &Experiment| theirs.tags.get(tag::SOURCE_EXPERIMENT_ID).cloned();
    let is_named = |ours: &Experiment, theirs: &Experiment| theirs.name == plan.target_name(ours);
    // If several experiments come from the same source experiment, the one that still has the name is preferred.
    pairs.find(
        |ours| ours.id.to_string(),
        mark,
        |ours, theirs| theirs.was_created_as(ours) && is_named(ours, theirs),
    );
    pairs.find(|ours| ours.id.to_string(), mark, |ours, theirs| theirs.was_created_as(ours));
    let merged_by_tag = |ours: &Experiment| {
        let key = ours.merged_tag()?;
        shared.iter().find(|theirs| theirs.tags.contains_key(&key)).cloned()
    };
    pairs.find_shared(merged_by_tag);
    pairs.find(|ours| plan.target_name(ours).into_owned(), |theirs| Some(theirs.name.clone()), |_, _| true);
    let found = pairs.end(there);
    let merged_by_name = |ours: &Experiment| {
        let name = plan.target_name(ours);
        shared.iter().find(|theirs| plan.merge && theirs.name == name).cloned()
    };
    let found: Vec<_> =
        ours.into_iter().zip(found).map(|(ours, found)| found.or_else(|| merged_by_name(ours))).collect();
    let ids: HashSet<&ExperimentId> = found.iter().flatten().map(|theirs| &theirs.id).collect();
    there.retain(|theirs| !ids.contains(&theirs.id));
    found
}

/// Removes the partner of each registered model or prompt from `there`, and returns the partners in the order of
/// `ours`. Their tag contains their name at the source, because they have no id.
pub fn models<'a>(
    ours: impl Iterator<Item = &'a RegisteredModel>,
    there: &mut Vec<RegisteredModel>,
    plan: &Plan,
) -> Vec<Option<RegisteredModel>> {
    let mut pairs = Pairs::of(ours, there);
    // The name is compared first, because the sources of versions refer to a model by its name only.
    pairs.find(
        |ours| plan.target_model_name(ours).to_owned(),
        |theirs| Some(theirs.name.clone()),
        |_, _| true,
    );
    let mark = |theirs: &RegisteredModel| theirs.tags.get(tag::SOURCE_REGISTERED_MODEL).cloned();
    let is_same_kind = |ours: &RegisteredModel, theirs: &RegisteredModel| theirs.kind() == ours.kind();
    pairs.find(|ours| ours.name.clone(), mark, is_same_kind);
    // A model that was renamed at the source later has its old name in the tag. Its creation time is unchanged.
    let made = |theirs: &RegisteredModel| {
        mark(theirs)?;
        Some(theirs.tags.get(tag::SOURCE_CREATION_TIME)?.clone())
    };
    pairs.find_only(
        |ours| ours.creation_time.map_or_else(String::new, |time| time.to_string()),
        made,
        is_same_kind,
    );
    pairs.end(there)
}

/// The objects of the source, and the partner of each, if it was found.
struct Pairs<'a, T> {
    ours: Vec<&'a T>,
    found: Vec<Option<T>>,
    /// The objects of the target without a partner.
    there: Vec<Option<T>>,
}

impl<'a, T> Pairs<'a, T> {
    fn of(ours: impl Iterator<Item = &'a T>, there: &mut Vec<T>) -> Self {
        let ours: Vec<_> = ours.collect();
        let found = ours.iter().map(|_| None).collect();
        Self { ours, found, there: std::mem::take(there).into_iter().map(Some).collect() }
    }

    /// Pairs the objects that have the same key and for which `fits` is true. The most reliable key must be used in the
    /// first call, because a later call does not change earlier pairs.
    fn find(
        &mut self,
        key: impl Fn(&T) -> String,
        mark: impl Fn(&T) -> Option<String>,
        fits: impl Fn(&T, &T) -> bool,
    ) {
        self.find_among(key, mark, fits, |fitting| fitting.next());
    }

    /// Works like [`find`](Self::find), but for a key that several objects may share. If several objects fit, none of
    /// them is paired.
    fn find_only(
        &mut self,
        key: impl Fn(&T) -> String,
        mark: impl Fn(&T) -> Option<String>,
        fits: impl Fn(&T, &T) -> bool,
    ) {
        self.find_among(key, mark, fits, |fitting| fitting.next().filter(|_| fitting.next().is_none()));
    }

    /// Pairs objects with one that several of them may share. It stays in the list.
    fn find_shared(&mut self, shared: impl Fn(&T) -> Option<T>) {
        for (ours, found) in self.ours.iter().zip(&mut self.found).filter(|(_, found)| found.is_none()) {
            *found = shared(ours);
        }
    }

    fn find_among(
        &mut self,
        key: impl Fn(&T) -> String,
        mark: impl Fn(&T) -> Option<String>,
        fits: impl Fn(&T, &T) -> bool,
        choose: impl Fn(&mut dyn Iterator<Item = usize>) -> Option<usize>,
    ) {
        let mut by_mark: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, theirs) in self.there.iter().enumerate() {
            if let Some(mark) = theirs.as_ref().and_then(&mark) {
                by_mark.entry(mark).or_default().push(at);
            }
        }
        for (ours, found) in self.ours.iter().zip(&mut self.found).filter(|(_, found)| found.is_none()) {
            let candidates = by_mark.get(&key(ours)).into_iter().flatten().copied();
            let mut fitting =
                candidates.filter(|at| self.there[*at].as_ref().is_some_and(|theirs| fits(ours, theirs)));
            if let Some(at) = choose(&mut fitting) {
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
    fn a_tag_takes_precedence_over_a_name() {
        let ours = [experiment("1", "a", ""), experiment("2", "b", "")];
        let swapped = [experiment("7", "b", "1"), experiment("8", "a", "2")];
        assert_eq!(ids(&ours, &swapped), some(&["7", "8"]));
        let renamed = [experiment("7", "x", "1"), experiment("8", "a", "")];
        assert_eq!(ids(&ours, &renamed), some(&["7", ""]));
        let doubled = [experiment("7", "x", "1"), experiment("8", "a", "1"), experiment("9", "b", "")];
        assert_eq!(ids(&ours, &doubled), some(&["8", "9"]));
    }

    #[test]
    fn the_same_id_from_another_source_does_not_match() {
        let ours = [Experiment { creation_time: Some(5), ..experiment("1", "a", "") }];
        let mut theirs = experiment("7", "x", "1");
        theirs.tags.insert(tag::SOURCE_CREATION_TIME.into(), "6".into());
        assert_eq!(ids(&ours, &[theirs.clone()]), some(&[""]));
        theirs.tags.insert(tag::SOURCE_CREATION_TIME.into(), "5".into());
        assert_eq!(ids(&ours, &[theirs]), some(&["7"]));
    }

    #[test]
    fn a_merged_experiment_is_found_by_its_tag_before_its_name() {
        let ours = [Experiment { creation_time: Some(5), ..experiment("1", "a", "") }];
        let (named, mut merged) = (experiment("7", "a", ""), experiment("8", "x", "3"));
        merged.tags.insert(ours[0].merged_tag().unwrap(), String::new());
        assert_eq!(ids(&ours, &[named, merged]), some(&["8"]));
        // That one was made before MLflow 1.29, from another source.
        assert_eq!(ids(&ours, &[experiment("7", "x", "1")]), some(&[""]));
    }

    #[test]
    fn a_model_that_was_renamed_at_the_source_is_one_difference() {
        let model = |name: &str, made_from: &str, time: i64| {
            let tags = [
                (tag::SOURCE_REGISTERED_MODEL, made_from.to_owned()),
                (tag::SOURCE_CREATION_TIME, time.to_string()),
            ];
            let tags = tags.into_iter().filter(|_| !made_from.is_empty());
            RegisteredModel {
                name: name.to_owned(),
                creation_time: Some(time),
                tags: tags.map(|(key, value)| (key.to_owned(), value)).collect(),
                ..RegisteredModel::default()
            }
        };
        let names = |ours: &[RegisteredModel], there: &[RegisteredModel]| -> Vec<Option<String>> {
            let paired = models(ours.iter(), &mut there.to_vec(), &Plan::default());
            paired.into_iter().map(|one| one.map(|one| one.name)).collect()
        };
        let ours = [model("new", "", 5), model("b", "", 6)];
        assert_eq!(names(&ours, &[model("old", "old", 5), model("b", "b", 6)]), some(&["old", "b"]));
        let doubled = [model("old", "old", 5), model("older", "older", 5)];
        assert_eq!(names(&ours, &doubled), some(&["", ""]), "both candidates fit");
    }
}
