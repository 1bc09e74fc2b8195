//! One call of either end, or one write to the journal, fails, or the process ends at this call: before the call takes
//! effect, or afterwards with the reply lost. When the same command runs again, the result must be the same as without
//! the failure.
//!
//! By default, the first and the last call of each name fail. With `MLFERRY_LONG_TESTS=1`, every call fails.

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

/// The calls that must fail, by number and name.
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

/// Makes each call fail in this way, then imports again.
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
            // If the first import reports success, nothing may be missing.
            if first.code() == Some(0) {
                assert_eq!(world.differences(), [""; 0], "reported as done");
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
fn the_next_import_repairs_a_failed_call() {
    each_call(fill, &How::Before(busy()), true, "fails");
}

#[test]
fn the_next_import_repairs_a_failed_call_without_the_journal() {
    each_call(fill, &How::Before(busy()), false, "fails, journal lost");
}

#[test]
fn the_next_import_repairs_a_lost_reply() {
    each_call(fill, &How::After(lost()), true, "reply lost");
}

#[test]
fn the_next_import_repairs_a_lost_reply_without_the_journal() {
    each_call(small, &How::After(lost()), false, "reply and journal lost");
}

#[test]
fn the_next_import_repairs_an_end_of_the_process_before_a_call() {
    each_call(fill, &How::DieBefore, true, "dies before");
}

#[test]
fn the_next_import_repairs_an_end_of_the_process_after_a_call() {
    each_call(fill, &How::DieAfter, true, "dies after");
}

#[test]
fn the_next_import_repairs_an_end_of_the_process_after_a_call_without_the_journal() {
    each_call(small, &How::DieAfter, false, "dies after, journal lost");
}

#[test]
fn permanent_refusals_do_not_end_the_job() {
    // All calls of one name are refused. The job must still finish, and report the failures.
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
