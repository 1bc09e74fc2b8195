use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::entities::tag;

/// Values that an import wrote and that now differ from the source: of tags, descriptions, stages and aliases. A change
/// at the source cannot be distinguished from a change at the target. So an import counts these values and does not
/// change them; an update sets them as on the source.
pub struct Drift {
    update: bool,
    /// The kind of value that differs, and how often.
    seen: Mutex<BTreeMap<&'static str, u64>>,
}

impl Drift {
    pub fn new(update: bool) -> Self {
        Self { update, seen: Mutex::default() }
    }

    /// Counts a value that differs. True when it must be set.
    pub fn sets(&self, what: &'static str) -> bool {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
        self.update
    }

    /// The tag with the time of the last change at the source, if an update has to write it again.
    pub fn kept_time(
        &self,
        kept: &BTreeMap<String, String>,
        changed: Option<i64>,
    ) -> Option<(String, String)> {
        let now = changed.filter(|_| self.update)?.to_string();
        let is_old = kept.get(tag::SOURCE_UPDATE_TIME).is_some_and(|known| *known != now);
        is_old.then(|| (tag::SOURCE_UPDATE_TIME.to_owned(), now))
    }

    /// A note with the number of these values. It is returned only once.
    pub fn note(&self) -> Option<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if seen.is_empty() {
            return None;
        }
        let counts: Vec<String> = seen.iter().map(|(what, count)| format!("{what}: {count}")).collect();
        let counts = counts.join(", ");
        Some(match self.update {
            true => format!("values that differed on the target were set as on the source ({counts})"),
            false => format!(
                "values that differ between the target and the source were left alone ({counts}); validate lists \
                 them, and --update sets them as on the source"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_counted_and_reported_once() {
        let drift = Drift::new(false);
        assert_eq!(drift.note(), None);
        assert!(!drift.sets("tags") && !drift.sets("aliases") && !drift.sets("tags"));
        let note = drift.note().unwrap();
        assert!(note.contains("(aliases: 1, tags: 2)") && note.contains("left alone"), "{note}");
        assert_eq!(drift.note(), None);
        let drift = Drift::new(true);
        assert!(drift.sets("tags"));
        assert!(drift.note().unwrap().contains("set as on the source (tags: 1)"));
    }
}
