//! Whatever the limits and the delays, nothing waits for what waits for it.

use std::sync::Arc;

use super::{World, assert_counts_add_up};
use crate::engine::faults::Faults;
use crate::memory::fill;

#[test]
fn every_limit_from_one_up_and_any_delay_comes_to_the_same() {
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
fn a_slow_source_and_a_fast_target_and_the_other_way_round() {
    for (reading, writing) in [(1, 64), (64, 1)] {
        let world = World::new(fill);
        let outcome = world
            .import_between(Arc::new(Faults::slow(reading, 1)), Arc::new(Faults::slow(writing, 2)))
            .outcome();
        assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
        assert_eq!(world.differences(), [""; 0]);
    }
}
