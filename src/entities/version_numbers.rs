//! The numbers that a model's versions have on the target. A version keeps its number, unless the target has another
//! version there and the user wants the source's versions appended. Then the version, and each later one, gets its
//! number plus an offset. A tag of the target's model keeps the offset for the next import.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{ModelVersion, RegisteredModel, tag};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionNumbers {
    /// `None` if no version of the model was appended.
    appended: Option<Appended>,
    /// The number on the target for each number on the source.
    known: BTreeMap<u64, u64>,
}

/// The last time that versions were appended. Its text is the value of the tag, for example `4 from 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The number that is added.
    offset: u64,
    /// The first version of the source that was appended. Earlier ones have the same content on the target, or marks.
    first: u64,
}

impl fmt::Display for Appended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.offset, self.first)
    }
}

impl FromStr for Appended {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (offset, first) = text.split_once(" from ").ok_or(())?;
        Ok(Self { offset: offset.parse().map_err(drop)?, first: first.parse().map_err(drop)? })
    }
}

impl VersionNumbers {
    /// The numbers that earlier imports of `ours` have used in `theirs`.
    pub fn of(ours: &RegisteredModel, theirs: &RegisteredModel) -> Self {
        let kept = Self::tag(ours).and_then(|key| theirs.tags.get(&key)?.parse().ok());
        Self { appended: kept, known: BTreeMap::new() }
    }

    /// The tag that keeps the offset. Names are not unique among sources, so it contains the model's creation time.
    /// `None` for a model without one.
    pub fn tag(ours: &RegisteredModel) -> Option<String> {
        Some(format!("{}{}", tag::APPENDED_VERSIONS, ours.creation_time?))
    }

    /// True when an import has appended versions.
    pub fn are_appended(&self) -> bool {
        self.appended.is_some()
    }

    /// The number on the target of the source's version `number`.
    pub fn number(&self, number: u64) -> u64 {
        let appended = self.appended.filter(|one| one.first <= number);
        // A user may have changed the tag.
        let moved = || number.saturating_add(appended.map_or(0, |one| one.offset));
        self.known.get(&number).copied().unwrap_or_else(moved)
    }

    /// Finds the copy of `version` in `theirs`, and returns its number. Several imports may have appended with
    /// different offsets, so the mark of a version counts before its number. The lowest number counts, because a copy
    /// that a user makes of a version has the same mark. Without a copy, the result is the number that the version would
    /// get.
    pub fn find(&mut self, version: &ModelVersion, theirs: &BTreeMap<u64, ModelVersion>) -> u64 {
        let mut later = theirs.range(version.version..);
        let marked = later.find(|(_, existing)| existing.is_made_from(version)).map(|(number, _)| *number);
        let number = marked.unwrap_or_else(|| self.number(version.version));
        self.known.insert(version.version, number);
        number
    }

    /// Records that the source's version `first` and the later ones are appended: `first` becomes `to`. Returns the value
    /// of the tag.
    pub fn append(&mut self, first: u64, to: u64) -> Appended {
        let appended = Appended { offset: to.saturating_sub(first), first };
        self.appended = Some(appended);
        self.known.insert(first, to);
        appended
    }

    /// The versions that have another number on the target, in words. `None` if there are none.
    pub fn describe(&self) -> Option<String> {
        // Each range has its first number, its last number, and its first number on the target.
        let mut ranges: Vec<(u64, u64, u64)> = Vec::new();
        for (from, to) in self.known.iter().filter(|(from, to)| from != to) {
            match ranges.last_mut() {
                Some((first, last, target)) if *last + 1 == *from && *target + (from - *first) == *to => {
                    *last = *from;
                }
                _ => ranges.push((*from, *from, *to)),
            }
        }
        let words = |(first, last, target): (u64, u64, u64)| match last - first {
            0 => format!("version {first} of the source is version {target} on the target"),
            more => format!(
                "versions {first}-{last} of the source are versions {target}-{} on the target",
                target + more
            ),
        };
        let all: Vec<String> = ranges.into_iter().map(words).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, created: i64) -> ModelVersion {
        ModelVersion {
            name: "churn".into(),
            version: number,
            creation_time: Some(created),
            ..ModelVersion::default()
        }
    }

    fn copy(number: u64, of: &ModelVersion) -> (u64, ModelVersion) {
        let created = of.creation_time.unwrap().to_string();
        let tags =
            [(tag::SOURCE_VERSION.to_owned(), of.label()), (tag::SOURCE_CREATION_TIME.to_owned(), created)];
        (number, ModelVersion { version: number, tags: tags.into(), ..ModelVersion::default() })
    }

    #[test]
    fn a_kept_offset_gives_the_same_numbers_again() {
        let ours = RegisteredModel { creation_time: Some(7), ..RegisteredModel::default() };
        let mut theirs = RegisteredModel::default();
        assert_eq!(VersionNumbers::of(&ours, &theirs).number(2), 2);
        let kept = VersionNumbers::default().append(2, 5).to_string();
        assert_eq!(kept, "3 from 2");
        theirs.tags.insert(VersionNumbers::tag(&ours).unwrap(), kept);
        let numbers = VersionNumbers::of(&ours, &theirs);
        assert!(numbers.are_appended());
        assert_eq!([1, 2, 4].map(|number| numbers.number(number)), [1, 5, 7]);
        for damaged in ["", "3", "3 from x", "-1 from 1"] {
            theirs.tags.insert(VersionNumbers::tag(&ours).unwrap(), damaged.to_owned());
            assert!(!VersionNumbers::of(&ours, &theirs).are_appended(), "{damaged}");
        }
        let other = RegisteredModel { creation_time: Some(8), ..RegisteredModel::default() };
        assert!(!VersionNumbers::of(&other, &theirs).are_appended(), "another source");
        assert_eq!(VersionNumbers::tag(&RegisteredModel::default()), None);
    }

    #[test]
    fn a_mark_counts_before_the_offset() {
        let (first, second) = (version(1, 10), version(2, 20));
        let theirs: BTreeMap<_, _> =
            [copy(2, &version(2, 99)), copy(4, &first), copy(6, &first), copy(7, &second)].into();
        let appended = Some(Appended { offset: 8, first: 1 });
        let mut numbers = VersionNumbers { appended, ..VersionNumbers::default() };
        assert_eq!(numbers.find(&first, &theirs), 4, "a user has copied it to version 6");
        assert_eq!(numbers.find(&second, &theirs), 7);
        assert_eq!(numbers.find(&version(3, 30), &theirs), 11);
        assert_eq!(numbers.number(1), 4);
    }

    #[test]
    fn the_new_numbers_are_named_in_ranges() {
        let mut numbers = VersionNumbers::default();
        assert_eq!(numbers.describe(), None);
        let none = BTreeMap::new();
        numbers.find(&version(1, 1), &none);
        assert_eq!(numbers.describe(), None, "it has its own number");
        numbers.append(2, 5);
        for number in [3, 4, 6] {
            numbers.find(&version(number, 1), &none);
        }
        let words = "versions 2-4 of the source are versions 5-7 on the target, \
                     version 6 of the source is version 9 on the target";
        assert_eq!(numbers.describe().as_deref(), Some(words));
    }
}
