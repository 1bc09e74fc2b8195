//! What must not be made before something else: numbers and names that are given once are gone for good.

use std::sync::Arc;

use super::faults::busy;
use super::{World, assert_counts_add_up};
use crate::engine::faults::{Faults, How, Which};
use crate::entities::{ModelVersion, RegisteredModel};
use crate::error::{Class, Error};
use crate::memory::{MemoryStore, NewVersion, answered, small};

/// The n-th call of this name fails so, then a second import finds everything as it should be.
#[track_caller]
fn is_made_good(name: &'static str, nth: usize, error: Error) {
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
            is_made_good("write_version", nth, answered(status, code, class, format!("{status} {code}")));
        }
    }
}

#[test]
fn a_version_that_is_refused_costs_only_itself() {
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
    // The third run, of which version 2 is.
    is_made_good("open_run", 2, busy());
    is_made_good("metrics", 2, busy());
    is_made_good("close_run", 1, busy());
}

#[test]
fn a_version_of_a_logged_model_that_failed_for_now_waits_for_it() {
    is_made_good("open_logged_model", 0, busy());
    is_made_good("close_model", 0, busy());
}

#[test]
fn what_names_a_run_whose_experiment_failed_for_now_waits() {
    is_made_good("open_experiment", 0, busy());
    is_made_good("open_experiment", 1, busy());
    is_made_good("runs", 0, busy());
    is_made_good("runs", 1, busy());
}

/// Models whose versions are copies of each other's: possible where one was deleted and made anew under its name.
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
    assert_counts_add_up(&outcome, "a circle");
    assert_eq!(outcome.exit_code(), 3, "the server has the last word: {outcome:?}");
    assert!(version_of(&world.target, "churn", 3).is_some());
}
