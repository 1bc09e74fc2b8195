//! The order in which objects are created. Version numbers and references cannot be changed later, so an object must
//! not be created before the objects that it needs.

use std::sync::Arc;

use super::faults::busy;
use super::{World, assert_counts_add_up};
use crate::engine::faults::{Faults, How, Which};
use crate::entities::{ModelVersion, RegisteredModel};
use crate::error::{Class, Error};
use crate::memory::{MemoryStore, NewVersion, answered, small};

/// Makes the n-th call of this name fail with this error, and checks that a second import completes the migration.
#[track_caller]
fn assert_repaired(name: &'static str, nth: usize, error: Error) {
    let world = World::new(small);
    let case = format!("{name} {nth}: {error}");
    let faults = Faults::at(Which::NthNamed(name, nth), How::Before(error));
    let first = world.import_with(Arc::new(faults)).outcome();
    assert_eq!(first.exit_code(), 3, "{case}");
    assert_counts_add_up(&first, &case);
    let second = world.import().outcome();
    assert_eq!(second.exit_code(), 0, "{case}: {second:?}");
    assert_eq!(world.differences(), [""; 0], "{case}");
}

fn version_of(store: &MemoryStore, name: &str, number: u64) -> Option<ModelVersion> {
    store.data().registered.get(name)?.versions.get(&number).cloned()
}

#[test]
fn a_version_that_failed_for_now_keeps_its_number() {
    for (status, code, class) in [
        (500, "INTERNAL_ERROR", Class::Permanent),
        (500, "", Class::Transient),
        (503, "TEMPORARILY_UNAVAILABLE", Class::Permanent),
        (504, "", Class::Ambiguous),
        (409, "RESOURCE_CONFLICT", Class::Permanent),
        (423, "", Class::Permanent),
        (425, "", Class::Permanent),
        (429, "", Class::Transient),
        (404, "", Class::NotFound),
    ] {
        for nth in 0..4 {
            assert_repaired("write_version", nth, answered(status, code, class, format!("{status} {code}")));
        }
    }
}

#[test]
fn a_refused_version_does_not_prevent_the_next_ones() {
    for status in [400, 403] {
        let class = if status == 400 { Class::Permanent } else { Class::Forbidden };
        let refused = answered(status, "INVALID_PARAMETER_VALUE", class, "no such source");
        let world = World::new(small);
        // Version 2 of "churn": "a copy" waits for version 3.
        let second = world
            .import_with(Arc::new(Faults::at(Which::NthNamed("write_version", 1), How::Before(refused))));
        assert_eq!(second.code(), Some(3));
        assert!(version_of(&world.target, "churn", 3).is_some());
        assert!(version_of(&world.target, "churn", 2).is_none());
        assert!(version_of(&world.target, "a copy", 1).is_some());
    }
}

#[test]
fn a_version_of_a_run_that_failed_for_now_waits_for_it() {
    // The failing calls belong to the third run. Version 2 comes from this run.
    assert_repaired("open_run", 2, busy());
    assert_repaired("metrics", 2, busy());
    assert_repaired("close_run", 1, busy());
}

#[test]
fn a_version_of_a_logged_model_that_failed_for_now_waits_for_it() {
    assert_repaired("open_logged_model", 0, busy());
    assert_repaired("close_model", 0, busy());
}

#[test]
fn an_object_waits_for_a_run_whose_experiment_failed_for_now() {
    assert_repaired("open_experiment", 0, busy());
    assert_repaired("open_experiment", 1, busy());
    assert_repaired("runs", 0, busy());
    assert_repaired("runs", 1, busy());
}

/// Two models whose versions are copies of each other. This is possible if one of them was deleted and created again
/// with the same name.
#[test]
fn models_that_copy_each_other_do_not_wait_for_ever() {
    let world = World::new(small);
    {
        let mut data = world.source.data();
        for (name, other) in [("left", "right"), ("right", "left")] {
            let model = RegisteredModel { name: name.into(), ..RegisteredModel::default() };
            data.create_registered_model(model).unwrap();
            for _ in 0..2 {
                let source = "s3://elsewhere/x".to_owned();
                data.create_version(name, NewVersion { source, ..NewVersion::default() }).unwrap();
            }
            let versions = &mut data.registered(name).unwrap().versions;
            versions.get_mut(&1).unwrap().source = format!("models:/{other}/2");
        }
    }
    let outcome = world.import().outcome();
    assert_counts_add_up(&outcome, "a cycle of copies");
    assert_eq!(outcome.exit_code(), 3, "the server refuses the copies: {outcome:?}");
    assert!(version_of(&world.target, "churn", 3).is_some());
}
