//! Items for which a server gives no answer, and servers that give no answer at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::faults::busy;
use super::{RunEnded, World, assert_counts_add_up};
use crate::engine::faults::{Faults, How, Which};
use crate::entities::RunId;
use crate::error::{Class, Result};
use crate::memory::{MemoryStore, answered, small};

/// Adds more files than the number of unanswered items after which the server is checked.
fn many_files(store: &MemoryStore) -> Result<Vec<RunId>> {
    let runs = small(store)?;
    let mut data = store.data();
    let root = data.runs[&runs[0]].run.artifact_uri.clone();
    (0..40).for_each(|n| data.put_file(&root, &format!("big/{n}"), "x"));
    Ok(runs)
}

/// Adds more experiments than the number of unanswered items after which the server is checked.
fn many_experiments(store: &MemoryStore) -> Result<Vec<RunId>> {
    let runs = small(store)?;
    for n in 0..20 {
        store.data().create_experiment(&format!("more {n}"), BTreeMap::new())?;
    }
    Ok(runs)
}

#[test]
fn files_that_a_gateway_gives_up_on_do_not_end_the_job() {
    let world = World::new(many_files);
    let gateway = answered(504, "", Class::Ambiguous, "gateway time-out");
    let faults = Faults::at(Which::Named("write_file"), How::Before(gateway));
    let outcome = world.import_with(Arc::new(faults)).outcome();
    assert_eq!(outcome.exit_code(), 3, "{outcome:?}");
    assert_counts_add_up(&outcome, "files are set aside");
    assert_eq!(outcome.counts["artifacts"].failed, 45);
    assert_eq!(outcome.counts["registered_models"].done, 2, "the registry is still migrated");
    assert_eq!(world.import().outcome().exit_code(), 0);
    assert_eq!(world.differences(), [""; 0]);
}

#[test]
fn a_server_without_answers_ends_the_job() {
    // The server gives no answers from the first list of logged models on.
    let (world, whole) = (World::new(many_experiments), Arc::new(Faults::none()));
    world.import_between(Arc::clone(&whole), Arc::new(Faults::none())).outcome();
    let first = (0..).zip(whole.names()).find(|(_, name)| *name == "logged_models").unwrap().0;
    let (world, faults) =
        (World::new(many_experiments), Arc::new(Faults::at(Which::From(first), How::Before(busy()))));
    let ended = world.import_between(Arc::clone(&faults), Arc::new(Faults::none()));
    let RunEnded::Error(error) = ended else { panic!("the job continued: {ended:?}") };
    assert_eq!(error.exit_code(), 5);
    assert!(faults.names().contains(&"source answers"));
    assert_eq!(world.import().outcome().exit_code(), 0);
    assert_eq!(world.differences(), [""; 0]);
}
