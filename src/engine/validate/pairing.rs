//! Which object of the target belongs to which of the source: by the mark that an import has left, then by name. A name
//! that was changed since is then one difference, and not one object missing and another too many.

use std::collections::HashMap;

use crate::entities::{Experiment, Plan, RegisteredModel, tag};

/// Takes the partner of each experiment out of `there`, in the order of `ours`.
pub fn experiments<'a>(
    ours: impl Iterator<Item = &'a Experiment> + Clone,
    there: &mut Vec<Experiment>,
    plan: &Plan,
) -> Vec<Option<Experiment>> {
    let is_named = |ours: &Experiment, theirs: &Experiment| theirs.name == plan.target_name(ours);
    let tests: [&dyn Fn(&Experiment, &Experiment) -> bool; 3] = [
        // Of several that were made from the same one, the one that still has the name.
        &|ours, theirs| is_made_from(ours, theirs) && is_named(ours, theirs),
        &is_made_from,
        &is_named,
    ];
    pair(ours, there, &tests)
}

/// The same for registered models and prompts. The mark is their name at the source, for they have no id.
pub fn models<'a>(
    ours: impl Iterator<Item = &'a RegisteredModel> + Clone,
    there: &mut Vec<RegisteredModel>,
    plan: &Plan,
) -> Vec<Option<RegisteredModel>> {
    let is_named =
        |ours: &RegisteredModel, theirs: &RegisteredModel| theirs.name == plan.target_model_name(ours);
    let is_made_from = |ours: &RegisteredModel, theirs: &RegisteredModel| {
        theirs.kind() == ours.kind() && theirs.tags.get(tag::SOURCE_REGISTERED_MODEL) == Some(&ours.name)
    };
    // A name is all that the sources of versions know of a model: it comes first.
    pair(ours, there, &[&is_named, &is_made_from])
}

/// An import made the one from the other. Ids of databases are small numbers that every source has: when it was created
/// tells the sources apart, where both sides say it.
fn is_made_from(ours: &Experiment, theirs: &Experiment) -> bool {
    let created =
        |time: i64| theirs.tags.get(tag::SOURCE_CREATION_TIME).is_none_or(|known| *known == time.to_string());
    theirs.tags.get(tag::SOURCE_EXPERIMENT_ID).map(String::as_str) == Some(ours.id.as_str())
        && ours.creation_time.is_none_or(created)
}

/// Each test in turn over all that have no partner yet: a sure partner is not taken away by a likely one.
fn pair<'a, T: Clone + 'a>(
    ours: impl Iterator<Item = &'a T> + Clone,
    there: &mut Vec<T>,
    tests: &[&dyn Fn(&T, &T) -> bool],
) -> Vec<Option<T>> {
    let mut found: HashMap<usize, T> = HashMap::new();
    for test in tests {
        for (number, one) in ours.clone().enumerate() {
            if there.is_empty() || found.contains_key(&number) {
                continue;
            }
            if let Some(at) = there.iter().position(|theirs| test(one, theirs)) {
                found.insert(number, there.remove(at));
            }
        }
    }
    (0..ours.count()).map(|number| found.remove(&number)).collect()
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
