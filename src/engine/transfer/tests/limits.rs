//! With any limits and delays, two tasks must not wait for each other.

use std::sync::Arc;

use super::{World, assert_counts_add_up};
use crate::engine::faults::Faults;
use crate::memory::fill;

#[test]
fn any_limit_and_any_delay_gives_the_same_result() {
    let seeds = if std::env::var_os("MLFERRY_LONG_TESTS").is_some() { 200 } else { 4 };
    for seed in 0..seeds {
        for at_once in [1, 2, 3, 7, 64] {
            let world = World::new(fill);
            let (reading, writing) = (Faults::slow(at_once, seed), Faults::slow(at_once, seed ^ 0xffff));
            let outcome = world.import_between(Arc::new(reading), Arc::new(writing)).outcome();
            let case = format!("seed {seed}, {at_once} at once");
            assert_eq!(outcome.exit_code(), 0, "{case}: {outcome:?}");
            assert_counts_add_up(&outcome, &case);
            assert_eq!(world.differences(), [""; 0], "{case}");
            world.assert_nothing_twice(&case);
        }
    }
}

#[test]
fn a_slow_source_with_a_fast_target_and_a_fast_source_with_a_slow_target() {
    for (reading, writing) in [(1, 64), (64, 1)] {
        let world = World::new(fill);
        let outcome = world
            .import_between(Arc::new(Faults::slow(reading, 1)), Arc::new(Faults::slow(writing, 2)))
            .outcome();
        assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
        assert_eq!(world.differences(), [""; 0]);
    }
}
