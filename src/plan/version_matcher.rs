//! The plan's selection of registered models or of prompts.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;

use super::document::version_of;
use super::glob::matcher;
use super::{PlannedModel, Subset};
use crate::entities::RegisteredModel;
use crate::error::Result;

/// The existing version numbers, by model name.
pub type VersionMatcher = BTreeMap<String, BTreeSet<u64>>;

/// The selected versions of each registered model, or of each prompt.
pub(super) struct VersionsByModel<'a> {
    named: &'a [PlannedModel],
    globs: &'a [String],
    whole: GlobSet,
    /// The part before the number in globs such as `churn/3`. Such a glob may also match a whole name, because names
    /// may contain slashes before MLflow 3.11.
    of_versions: GlobSet,
    /// For each glob in `of_versions`: its index in `globs`, and the number.
    numbers: Vec<(usize, u64)>,
}

impl<'a> VersionsByModel<'a> {
    pub fn new(option: &str, globs: &'a [String], named: &'a [PlannedModel]) -> Result<Self> {
        let versions = globs.iter().enumerate();
        let versions = versions.filter_map(|(at, glob)| version_of(glob).map(|(name, n)| (name, (at, n))));
        let (names, numbers): (Vec<&str>, Vec<_>) = versions.unzip();
        let whole = matcher(option, globs)?;
        Ok(Self { named, globs, whole, of_versions: matcher(option, &names)?, numbers })
    }

    pub fn versions(&self, name: &str) -> Subset<u64> {
        let mut pick = match self.named.iter().find(|named| named.name == name) {
            Some(named) => Subset::of(named.versions.clone(), named.except.clone()),
            None => Subset::whole(self.whole.is_match(name)),
        };
        for at in self.of_versions.matches(name) {
            pick.set(&self.numbers[at].1, true);
        }
        pick
    }

    /// True when the plan selects single versions of this model.
    pub fn names_versions_of(&self, name: &str) -> bool {
        self.named.iter().any(|named| named.name == name) || self.of_versions.is_match(name)
    }

    /// The names and globs that match none of `models`. `existing` holds the existing versions of the models for which
    /// the plan names single versions.
    pub fn unmatched<'b>(
        &self,
        models: impl Iterator<Item = &'b RegisteredModel>,
        existing: &VersionMatcher,
    ) -> Vec<String> {
        let mut hit = vec![false; self.globs.len()];
        let has = |name: &str, number: &u64| existing.get(name).is_some_and(|known| known.contains(number));
        for model in models {
            self.whole.matches(&model.name).into_iter().for_each(|at| hit[at] = true);
            let versions = self.of_versions.matches(&model.name).into_iter().map(|at| self.numbers[at]);
            versions.filter(|(_, n)| has(&model.name, n)).for_each(|(at, _)| hit[at] = true);
        }
        let unmatched = self.globs.iter().zip(hit).filter(|(_, hit)| !hit).map(|(glob, _)| glob.clone());
        let missing = self.named.iter().flat_map(|named| {
            let name = &named.name;
            let model = (!existing.contains_key(name)).then(|| name.clone());
            let numbers = named.versions.iter().flatten().filter(|n| model.is_none() && !has(name, n));
            let versions: Vec<String> = numbers.map(|n| format!("{name}/{n}")).collect();
            model.into_iter().chain(versions)
        });
        unmatched.chain(missing).collect()
    }
}
