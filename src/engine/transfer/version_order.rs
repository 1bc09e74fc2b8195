//! A version may be a copy of a version of another model (`models:/<name>/<number>`). The server then looks up the
//! original when the copy is created. The copy must wait until its original has been processed, in any order of models.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::watch;

use crate::entities::{ModelVersion, RegisteredModel};

/// The versions that have not been processed, by model. `None` when the versions of a model are not known yet.
type Pending = HashMap<String, Option<BTreeSet<u64>>>;

#[derive(Default)]
struct State {
    pending: Pending,
    /// For each waiting model, the version that it waits for.
    waits: HashMap<String, (String, u64)>,
}

pub(super) struct VersionDependencies(watch::Sender<State>);

impl VersionDependencies {
    pub fn of<'a>(models: impl Iterator<Item = &'a RegisteredModel>) -> Self {
        let pending = models.map(|model| (model.name.clone(), None)).collect();
        Self(watch::Sender::new(State { pending, ..State::default() }))
    }

    pub fn known(&self, model: &RegisteredModel, versions: &[ModelVersion]) {
        let numbers = versions.iter().map(|version| version.version).collect();
        self.0.send_modify(|state| _ = state.pending.insert(model.name.clone(), Some(numbers)));
    }

    pub fn mark_finished(&self, version: &ModelVersion) {
        self.0.send_modify(|state| {
            if let Some(Some(numbers)) = state.pending.get_mut(&version.name) {
                numbers.remove(&version.version);
            }
        });
    }

    /// Removes a model that is finished, even if some of its versions have not been processed.
    pub fn left(&self, model: &RegisteredModel) {
        self.0.send_modify(|state| _ = state.pending.remove(&model.name));
    }

    pub fn is_ready(&self, copy: &ModelVersion) -> bool {
        is_ready(&self.0.borrow().pending, copy)
    }

    /// Waits until the copy is ready, or until its original waits for the copy. Two models may be copies of each other
    /// when one of them was deleted and created again. In that case, the copy is sent anyway and the server decides.
    pub async fn ready(&self, copy: &ModelVersion) {
        let Some((name, number)) = copy.copied_from() else { return };
        let (model, original) = (copy.name.clone(), (name.to_owned(), number));
        self.0.send_modify(|state| _ = state.waits.insert(model, original));
        // This only fails when the sender is dropped, and `self` holds the sender.
        let is_over = |state: &State| is_ready(&state.pending, copy) || state.is_circle(&copy.name);
        _ = self.0.subscribe().wait_for(is_over).await;
        self.0.send_modify(|state| _ = state.waits.remove(&copy.name));
    }
}

impl State {
    /// True when this model waits for itself through other models.
    fn is_circle(&self, model: &str) -> bool {
        let mut current = model;
        for _ in 0..self.waits.len() {
            let Some((name, number)) = self.waits.get(current) else { return false };
            if has_ended(&self.pending, name, *number) {
                return false;
            }
            if name == model {
                return true;
            }
            current = name;
        }
        false
    }
}

fn is_ready(pending: &Pending, copy: &ModelVersion) -> bool {
    let Some((name, number)) = copy.copied_from().filter(|(name, _)| *name != copy.name) else { return true };
    has_ended(pending, name, number)
}

fn has_ended(pending: &Pending, name: &str, number: u64) -> bool {
    match pending.get(name) {
        None => true,
        Some(None) => false,
        Some(Some(numbers)) => !numbers.contains(&number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, number: u64, source: &str) -> ModelVersion {
        ModelVersion { name: name.into(), version: number, source: source.into(), ..ModelVersion::default() }
    }

    #[test]
    fn a_copy_is_ready_when_its_original_has_ended_or_is_not_moved() {
        let model = RegisteredModel { name: "dev".into(), ..RegisteredModel::default() };
        let originals = VersionDependencies::of([&model].into_iter());
        let (one, two) = (version("dev", 1, "s3://x"), version("dev", 2, "models:/dev/1"));
        let copy = |source: &str| originals.is_ready(&version("prod", 1, source));
        assert!(!copy("models:/dev/1") && !copy("models:/dev/7"));
        assert!(copy("models:/other/1") && copy("s3://x") && originals.is_ready(&two));
        originals.known(&model, &[one.clone(), two]);
        assert!(!copy("models:/dev/1") && !copy("models:/dev/2") && copy("models:/dev/7"));
        originals.mark_finished(&one);
        assert!(copy("models:/dev/1") && !copy("models:/dev/2"));
        originals.left(&model);
        assert!(copy("models:/dev/2"));
    }
}
