//! Versions that are appended to a model of the same name on the target.

use std::sync::Arc;

use super::World;
use super::faults::busy;
use crate::engine::faults::{Faults, How, Which};
use crate::entities::{RegisteredModel, tag};
use crate::memory::{Data, MemoryStore, NewVersion, fill};

/// A source whose prompt `ask` is linked to a trace and whose model `churn` has a copy, and a target that has two other
/// versions of both.
fn two_origins() -> World {
    let mut world = World::new(fill);
    world.plan.append_versions = true;
    let prompt = RegisteredModel {
        name: "ask".into(),
        tags: [
            (tag::IS_PROMPT.to_owned(), "true".to_owned()),
            (tag::PROMPT_EXPERIMENTS.to_owned(), ",".to_owned()),
        ]
        .into(),
        ..RegisteredModel::default()
    };
    {
        let mut source = world.source.data();
        add(&mut source, "ask", "prompt-template");
        source.traces.values_mut().next().unwrap().trace.linked_prompts.insert("ask/2".into());
        for (at, model) in source.registered.values_mut().enumerate() {
            model.model.creation_time = Some(at as i64);
            for (number, version) in &mut model.versions {
                version.creation_time = Some(100 * at as i64 + i64::try_from(*number).unwrap());
            }
        }
    }
    let mut target = world.target.data();
    target
        .create_registered_model(RegisteredModel { name: "churn".into(), ..RegisteredModel::default() })
        .unwrap();
    target.create_registered_model(prompt).unwrap();
    for name in ["churn", "ask"] {
        add(&mut target, name, "other-a");
        add(&mut target, name, "other-b");
    }
    drop(target);
    world
}

fn add(data: &mut Data, name: &str, source: &str) {
    data.create_version(name, NewVersion { source: source.to_owned(), ..NewVersion::default() }).unwrap();
}

fn sources(store: &MemoryStore, name: &str) -> Vec<(u64, String)> {
    let data = store.data();
    data.registered[name].versions.iter().map(|(number, one)| (*number, one.source.clone())).collect()
}

fn numbers(store: &MemoryStore, name: &str) -> Vec<u64> {
    sources(store, name).into_iter().map(|(number, _)| number).collect()
}

#[test]
fn references_to_appended_versions_name_the_new_numbers() {
    let world = two_origins();
    let outcome = world.import().outcome();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let notes = outcome.notes.join("\n");
    assert!(
        notes.contains(
            "registered model \"churn\": versions 1-3 of the source are versions 3-5 on the target"
        ),
        "{notes}"
    );
    assert_eq!(numbers(&world.target, "churn"), [1, 2, 3, 4, 5]);
    assert_eq!(sources(&world.target, "a copy"), [(1, "models:/churn/5".to_owned())]);
    {
        let target = world.target.data();
        let linked = target.traces.values().flat_map(|stored| stored.trace.linked_prompts.clone());
        assert_eq!(linked.collect::<Vec<_>>(), ["ask/4"]);
        assert_eq!(target.registered["churn"].model.aliases["champion"], 4);
    }
    let ids = std::fs::read_to_string(world.folder.path().join("id-map.csv")).unwrap();
    assert!(ids.contains("model_version,churn/2,churn/4"), "{ids}");
    assert_eq!(world.differences(), [""; 0]);
}

#[test]
fn a_later_import_finds_the_appended_versions_and_adds_new_ones() {
    let mut world = two_origins();
    assert_eq!(world.import().code(), Some(0));
    for appends in [true, false] {
        world.plan.append_versions = appends;
        world.lose_journal();
        assert_eq!(world.import().code(), Some(0));
        assert_eq!(numbers(&world.target, "churn"), [1, 2, 3, 4, 5], "{appends}");
    }
    let add_at_source = |number: u64| {
        let mut source = world.source.data();
        add(&mut source, "churn", &format!("s3://new/{number}"));
        let versions = &mut source.registered("churn").unwrap().versions;
        versions.get_mut(&number).unwrap().creation_time = Some(1000 + i64::try_from(number).unwrap());
    };
    add_at_source(4);
    assert_eq!(world.import().code(), Some(0), "the offset is kept on the target");
    assert_eq!(sources(&world.target, "churn").pop(), Some((6, "s3://new/4".to_owned())));
    // The number of version 5 is taken now. Without the option, this is a conflict.
    add(&mut world.target.data(), "churn", "by hand");
    add_at_source(5);
    assert_eq!(world.import().code(), Some(3));
    let plan = crate::plan::Plan { append_versions: true, ..world.plan.clone() };
    let world = World { plan, ..world };
    world.lose_journal();
    assert_eq!(world.import().code(), Some(0));
    assert_eq!(sources(&world.target, "churn").pop(), Some((8, "s3://new/5".to_owned())));
    world.lose_journal();
    assert_eq!(world.import().code(), Some(0));
    assert_eq!(numbers(&world.target, "churn"), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(world.differences(), [""; 0]);
}

#[test]
fn versions_of_an_import_without_the_option_are_not_written_again() {
    let mut world = two_origins();
    world.plan.append_versions = false;
    assert_eq!(world.import().code(), Some(3), "versions 1 and 2 are conflicts");
    assert_eq!(numbers(&world.target, "churn"), [1, 2, 3]);
    world.plan.append_versions = true;
    world.lose_journal();
    assert_eq!(world.import().code(), Some(0));
    assert_eq!(numbers(&world.target, "churn"), [1, 2, 3, 4, 5]);
    assert_eq!(sources(&world.target, "a copy"), [(1, "models:/churn/3".to_owned())]);
    assert_eq!(world.differences(), [""; 0]);
}

#[test]
fn a_missing_or_changed_copy_is_a_difference_and_a_kept_alias_is_none() {
    let world = two_origins();
    assert_eq!(world.import().code(), Some(0));
    world.target.data().registered("churn").unwrap().versions.get_mut(&5).unwrap().source = "changed".into();
    world.target.data().delete_version("churn", 3).unwrap();
    world.target.data().set_alias("churn", "champion", 1).unwrap();
    let report = world.differences().concat();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let counts = &report["totals"];
    let found = |kind: &str, mark: &str| counts[kind][mark].as_u64().unwrap_or_default();
    assert_eq!(found("model_versions", "missing"), 1, "{report:#}");
    assert_eq!(found("model_versions", "differs"), 1, "{report:#}");
    assert_eq!(found("model_versions", "extra"), 0, "{report:#}");
    assert_eq!(found("registered_models", "differs"), 0, "{report:#}");
    assert!(report.to_string().contains("other values of models"), "{report:#}");
}

#[test]
fn an_interrupted_import_appends_each_version_once() {
    let names = ["open_registered_model", "write_version", "close_registered_model"];
    let hows = [How::Before(busy()), How::After(busy()), How::DieBefore, How::DieAfter];
    for (name, nth) in names.iter().flat_map(|name| (0..8).map(move |nth| (*name, nth))) {
        for how in &hows {
            let case = format!("{name} {nth}: {how:?}");
            let world = two_origins();
            world.import_with(Arc::new(Faults::at(Which::NthNamed(name, nth), how.clone())));
            world.lose_journal();
            assert_eq!(world.import().code(), Some(0), "{case}");
            assert_eq!(numbers(&world.target, "churn"), [1, 2, 3, 4, 5], "{case}");
            assert_eq!(numbers(&world.target, "ask"), [1, 2, 3, 4], "{case}");
            assert_eq!(world.differences(), [""; 0], "{case}");
        }
    }
}
