//! A copy without faults.

use super::{World, assert_counts_add_up};
use crate::entities::{RunId, tag};
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
fn a_note_reports_runs_that_no_journal_lists() {
    let world = World::new(fill);
    let has_note =
        || world.import().outcome().notes.iter().any(|note| note.contains("no journal here lists"));
    assert!(!has_note(), "a first import");
    assert!(!has_note(), "a second import");
    world.lose_journal();
    assert!(has_note(), "without its journal");
    assert!(has_note(), "as long as the runs are not compared");
}

#[test]
fn params_name_the_new_runs_even_if_those_are_created_later() {
    let world = World::new(fill);
    world.import().outcome();
    let (source, target) = (world.source.data(), world.target.data());
    let new = |id: &str| {
        let made = target
            .runs
            .values()
            .find(|one| one.run.tags.get(tag::SOURCE_RUN_ID).is_some_and(|old| old == id));
        made.unwrap().run.id.to_string()
    };
    let child = source.runs.values().find(|one| one.run.params.contains_key("later")).unwrap();
    let params = |key: &str| child.run.params[key].clone();
    let moved = &target.runs[&RunId::from(new(child.run.id.as_str()).as_str())].run.params;
    let later = params("later");
    let old = later.trim_start_matches("runs:/").trim_end_matches("/notes");
    assert_eq!(moved["later"], format!("runs:/{}/notes", new(old)));
    assert_eq!(moved["elsewhere"], new(&params("elsewhere")));
    assert_eq!(moved["md5"], params("md5"));
}
