//! Sorted lists of indices for large collections.

use std::cmp::Ordering;

/// Inserts `new` into a sorted list. This is much faster than sorting the whole list again.
pub(super) fn insert(sorted: &mut Vec<u32>, mut new: Vec<u32>, compare: impl Fn(&u32, &u32) -> Ordering) {
    new.sort_by(&compare);
    if sorted.last().zip(new.first()).is_none_or(|(last, first)| compare(last, first).is_le()) {
        sorted.extend(new);
        return;
    }
    let mut merged = Vec::with_capacity(sorted.len() + new.len());
    let mut from = 0;
    for one in new {
        let length = sorted[from..].partition_point(|other| compare(other, &one).is_le());
        merged.extend_from_slice(&sorted[from..from + length]);
        merged.push(one);
        from += length;
    }
    merged.extend_from_slice(&sorted[from..]);
    *sorted = merged;
}

/// Indices below `count` sorted by key in descending order. Indices without a key come last.
pub(super) fn descending(count: usize, key: impl Fn(usize) -> Option<i64>) -> Vec<u32> {
    let mut keys: Vec<(i64, u32)> =
        (0..count).map(|at| (key(at).map_or(i64::MAX, |key| -key.max(-i64::MAX)), at as u32)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, at)| at).collect()
}
