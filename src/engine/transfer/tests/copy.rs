//! A copy without faults.

use super::{World, assert_counts_add_up};
use crate::memory::fill;

#[test]
fn every_kind_arrives_and_a_second_import_does_nothing() {
    let world = World::new(fill);
    let first = world.import().outcome();
    assert_eq!(first.exit_code(), 0, "{first:?}");
    assert_counts_add_up(&first, "a first import");
    assert_eq!(world.differences(), [""; 0]);
    world.assert_nothing_twice("a first import");
    let after = format!("{:?}", *world.target.data());
    let second = world.import().outcome();
    assert_counts_add_up(&second, "a second import");
    assert_eq!(second.exit_code(), 0);
    assert_eq!(world.differences(), [""; 0]);
    assert_eq!(format!("{:?}", *world.target.data()), after);
}

#[test]
fn runs_that_another_journal_wrote_are_told_of() {
    let world = World::new(fill);
    let tells = || world.import().outcome().notes.iter().any(|note| note.contains("with another journal"));
    assert!(!tells(), "a first import");
    assert!(!tells(), "a second one");
    world.lose_journal();
    assert!(tells(), "without its journal");
    assert!(!tells(), "once is enough");
}
