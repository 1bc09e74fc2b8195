//! Remarks of a comparison. They are reported in addition to the differences. Each remark has a count and a reason.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::entities::Kind;

/// One remark about objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    pub kind: Kind,
    pub what: String,
    pub reason: String,
}

/// Remarks, each with the number of objects or values that it applies to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks(BTreeMap<Remark, u64>);

impl Remarks {
    /// Adds `count` to the remark. Adds nothing if the count is 0.
    pub fn add(&mut self, kind: Kind, what: &str, reason: &str, count: u64) {
        if count > 0 {
            let remark = Remark { kind, what: what.to_owned(), reason: reason.to_owned() };
            *self.0.entry(remark).or_default() += count;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The remarks with their counts, ordered by kind and text.
    pub fn iter(&self) -> impl Iterator<Item = (&Remark, u64)> {
        self.0.iter().map(|(remark, count)| (remark, *count))
    }

    /// One line for each remark, for the user.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.iter().map(|(Remark { kind, what, reason }, count)| {
            format!("{count} × {}: {what} ({reason})", kind.words().0)
        })
    }
}

impl Serialize for Remarks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Counted<'a> {
            count: u64,
            #[serde(flatten)]
            remark: &'a Remark,
        }
        serializer.collect_seq(self.iter().map(|(remark, count)| Counted { count, remark }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_remarks_are_counted_together_and_a_count_of_0_adds_none() {
        let mut remarks = Remarks::default();
        remarks.add(Kind::Run, "a", "b", 0);
        assert!(remarks.is_empty());
        remarks.add(Kind::Run, "a", "b", 1);
        remarks.add(Kind::Run, "a", "b", 2);
        assert_eq!(remarks.lines().collect::<Vec<_>>(), ["3 × run: a (b)"]);
        let json = serde_json::to_value(&remarks).unwrap();
        assert_eq!(json, serde_json::json!([{ "count": 3, "kind": "run", "what": "a", "reason": "b" }]));
    }
}
