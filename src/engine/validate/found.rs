//! The findings of the comparison of one pair: fields that differ, and fields that the target keeps in its own form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::FieldDifference;
use super::normalised::{Case, Rule, rule};
use crate::entities::Kind;

#[derive(Debug)]
pub struct Found {
    kind: Kind,
    pub differ: Vec<FieldDifference>,
    pub normalised: Vec<&'static Rule>,
}

impl Found {
    pub fn new(kind: Kind) -> Self {
        Self { kind, differ: Vec::new(), normalised: Vec::new() }
    }

    /// Records two values that are not equal. `made` is the value that a server derives from the source's value, if it
    /// is known.
    pub fn unequal(
        &mut self,
        field: String,
        source: Option<String>,
        target: Option<String>,
        made: Option<&str>,
    ) {
        let case = Case { source: source.as_deref(), target: target.as_deref(), made };
        match rule(self.kind, &field, case) {
            Some(rule) => self.normalised.push(rule),
            None => self.differ.push(FieldDifference { field, source, target }),
        }
    }

    pub fn value(&mut self, field: &str, source: impl Display, target: impl Display) {
        self.option(field, Some(source), Some(target), None);
    }

    pub fn option<S: Display, T: Display>(
        &mut self,
        field: &str,
        source: Option<S>,
        target: Option<T>,
        made: Option<&str>,
    ) {
        let (source, target) = (source.map(|v| v.to_string()), target.map(|v| v.to_string()));
        if source != target {
            self.unequal(field.to_owned(), source, target, made);
        }
    }

    /// Compares each key of either side for which `is_compared` is true.
    pub fn map(
        &mut self,
        of: &str,
        ours: &BTreeMap<String, String>,
        theirs: &BTreeMap<String, String>,
        is_compared: impl Fn(&str) -> bool,
        is_same: impl Fn(&str, &str, &str) -> bool,
    ) {
        let keys: BTreeSet<&String> =
            ours.keys().chain(theirs.keys()).filter(|key| is_compared(key)).collect();
        for key in keys {
            let (a, b) = (ours.get(key), theirs.get(key));
            if !a.zip(b).is_some_and(|(a, b)| is_same(key, a, b)) {
                self.unequal(format!("{of} {key}"), a.cloned(), b.cloned(), None);
            }
        }
    }
}
