//! A version may be a copy of one of another model (`models:/<name>/<number>`), which the server then looks for. The
//! copy waits until that one has come to its end, in whatever order models are moved.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::watch;

use crate::entities::{ModelVersion, RegisteredModel};

/// By model, the versions that have not come to their end; none when they are not known yet.
type Pending = HashMap<String, Option<BTreeSet<u64>>>;

pub(super) struct Originals(watch::Sender<Pending>);

impl Originals {
    pub fn of<'a>(models: impl Iterator<Item = &'a RegisteredModel>) -> Self {
        Self(watch::Sender::new(models.map(|model| (model.name.clone(), None)).collect()))
    }

    pub fn known(&self, model: &RegisteredModel, versions: &[ModelVersion]) {
        let numbers = versions.iter().map(|version| version.version).collect();
        self.0.send_modify(|pending| _ = pending.insert(model.name.clone(), Some(numbers)));
    }

    pub fn ended(&self, version: &ModelVersion) {
        self.0.send_modify(|pending| {
            if let Some(Some(numbers)) = pending.get_mut(&version.name) {
                numbers.remove(&version.version);
            }
        });
    }

    /// Nothing more comes of this model.
    pub fn left(&self, model: &RegisteredModel) {
        self.0.send_modify(|pending| _ = pending.remove(&model.name));
    }

    pub fn is_ready(&self, copy: &ModelVersion) -> bool {
        is_ready(&self.0.borrow(), copy)
    }

    pub async fn ready(&self, copy: &ModelVersion) {
        // It only fails when the sender is gone, which `self` holds.
        _ = self.0.subscribe().wait_for(|pending| is_ready(pending, copy)).await;
    }
}

fn is_ready(pending: &Pending, copy: &ModelVersion) -> bool {
    let Some((name, number)) = copy.copied_from().filter(|(name, _)| *name != copy.name) else { return true };
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
    fn a_copy_is_ready_when_what_it_copies_has_ended_or_never_comes() {
        let model = RegisteredModel { name: "dev".into(), ..RegisteredModel::default() };
        let originals = Originals::of([&model].into_iter());
        let (one, two) = (version("dev", 1, "s3://x"), version("dev", 2, "models:/dev/1"));
        let copy = |source: &str| originals.is_ready(&version("prod", 1, source));
        assert!(!copy("models:/dev/1") && !copy("models:/dev/7"));
        assert!(copy("models:/other/1") && copy("s3://x") && originals.is_ready(&two));
        originals.known(&model, &[one.clone(), two]);
        assert!(!copy("models:/dev/1") && !copy("models:/dev/2") && copy("models:/dev/7"));
        originals.ended(&one);
        assert!(copy("models:/dev/1") && !copy("models:/dev/2"));
        originals.left(&model);
        assert!(copy("models:/dev/2"));
    }
}
