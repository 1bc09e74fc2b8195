//! One call of either end, or one write of the journal, fails or is the last of its process: before its effect, or after
//! it with the reply lost. The same command again must come to the same as if nothing had been.
//!
//! The short form lets the first and the last call of each name fail; `MLFERRY_LONG_TESTS=1` takes every call.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{RunEnded, World, assert_counts_add_up};
use crate::engine::faults::{Faults, How, Which};
use crate::entities::RunId;
use crate::error::{Class, Error, Result};
use crate::memory::{MemoryStore, answered, fill, small};

pub fn busy() -> Error {
    answered(503, "", Class::Transient, "busy")
}

fn lost() -> Error {
    answered(502, "", Class::Ambiguous, "the reply was lost")
}

/// The calls to try, by number and name.
fn calls(fill: impl Fn(&MemoryStore) -> Result<Vec<RunId>>) -> Vec<(u64, &'static str)> {
    let (world, faults) = (World::new(fill), Arc::new(Faults::none()));
    world.import_with(Arc::clone(&faults)).outcome();
    let all: Vec<(u64, &'static str)> = (0..).zip(faults.names()).collect();
    assert_eq!(all.len() as u64, faults.calls());
    if std::env::var_os("MLFERRY_LONG_TESTS").is_some() {
        return all;
    }
    let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
    for (number, name) in all {
        first.entry(name).or_insert(number);
        last.insert(name, number);
    }
    let mut some: Vec<_> = first.into_iter().chain(last).map(|(name, number)| (number, name)).collect();
    some.sort_unstable();
    some.dedup();
    some
}

/// Lets each call fail in this way, then imports again.
#[track_caller]
fn each_call(
    fill: impl Fn(&MemoryStore) -> Result<Vec<RunId>>,
    how: &How,
    keeps_journal: bool,
    of: &'static str,
) {
    let mut wrong = Vec::new();
    for (number, name) in calls(&fill) {
        let world = World::new(&fill);
        let case = format!("{of}: call {number}, {name}");
        let first = world.import_with(Arc::new(Faults::at(Which::Nth(number), how.clone())));
        let what = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let RunEnded::Outcome(outcome) = &first {
                assert_counts_add_up(outcome, &case);
            }
            // Its word is true: done means that nothing is missing.
            if first.code() == Some(0) {
                assert_eq!(world.differences(), [""; 0], "said to be done");
            }
            if !keeps_journal {
                world.lose_journal();
            }
            let second = world.import().outcome();
            assert_eq!(second.exit_code(), 0, "{second:?}");
            assert_counts_add_up(&second, &case);
            assert_eq!(world.differences(), [""; 0], "after the second import");
            world.assert_nothing_twice(&case);
        }));
        if let Err(panic) = what {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            wrong.push(format!("{case}: first ended with {:?}: {text}", first.code()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_call_that_fails_is_made_good_by_the_next_import() {
    each_call(fill, &How::Before(busy()), true, "fails");
}

#[test]
fn a_call_that_fails_is_made_good_without_the_journal() {
    each_call(fill, &How::Before(busy()), false, "fails, journal lost");
}

#[test]
fn a_lost_reply_is_made_good_by_the_next_import() {
    each_call(fill, &How::After(lost()), true, "reply lost");
}

#[test]
fn a_lost_reply_is_made_good_without_the_journal() {
    each_call(small, &How::After(lost()), false, "reply and journal lost");
}

#[test]
fn a_process_that_ends_before_any_call_is_made_good() {
    each_call(fill, &How::DieBefore, true, "dies before");
}

#[test]
fn a_process_that_ends_after_any_call_is_made_good() {
    each_call(fill, &How::DieAfter, true, "dies after");
}

#[test]
fn a_process_that_ends_after_any_call_is_made_good_without_the_journal() {
    each_call(small, &How::DieAfter, false, "dies after, journal lost");
}

#[test]
fn refusals_for_good_leave_the_rest_whole() {
    // Everything of one kind is refused: the job comes to its end, says so, and the next one makes it good.
    let refused = answered(400, "INVALID_PARAMETER_VALUE", Class::Permanent, "no");
    for name in
        ["open_run", "metrics", "write_file", "open_logged_model", "close_run", "open_traces", "spans"]
    {
        let world = World::new(fill);
        let first = world
            .import_with(Arc::new(Faults::at(Which::Named(name), How::Before(refused.clone()))))
            .outcome();
        assert_eq!(first.exit_code(), 3, "{name}: {first:?}");
        assert_counts_add_up(&first, name);
    }
}
