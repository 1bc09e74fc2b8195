//! Items other than experiments: models and their versions, traces, datasets.

use super::*;
use crate::plan::{PlannedExperiment, PlannedModel};

#[test]
fn one_model_is_a_plan() {
    let mut tree = SourceTree::new(everything(2, 2, 1, 1), &Plan::default());
    tree.toggle_all();
    tree.set_filter("model 1");
    assert_eq!(tree.rows(), [Row::Section(1), Row::Node(3)]);
    tree.toggle_all();
    tree.set_filter("");
    assert_eq!(tree.plan().unwrap(), Plan { models: vec!["model 1[*]".into()], ..Plan::default() });
    let counted = Counted { models: 1, ..Counted::default() };
    assert_eq!(tree.counted(), counted);
}

#[test]
fn headings_pick_and_fold_what_is_below_them() {
    let mut tree = SourceTree::new(everything(2, 2, 0, 0), &Plan::default());
    let all = [Row::Section(0), Row::Node(0), Row::Node(1), Row::Section(1), Row::Node(2), Row::Node(3)];
    assert_eq!(tree.rows(), all);
    tree.toggle();
    assert_eq!(tree.plan().unwrap(), Plan { models: vec!["*".into()], ..Plan::default() });
    tree.step(1);
    tree.close();
    assert_eq!(tree.cursor(), 0, "up to the heading");
    tree.close();
    assert_eq!(tree.rows().len(), 4);
    assert_eq!(tree.open(), None);
    assert_eq!(tree.rows(), all);
    // Without models there is only one kind, so there is no heading.
    assert_eq!(
        SourceTree::new(everything(2, 0, 0, 0), &Plan::default()).rows(),
        [Row::Node(0), Row::Node(1)]
    );
}

#[test]
fn a_version_is_picked_alone() {
    let mut held = everything(1, 1, 0, 0);
    held.models[0].aliases.insert("champion".into(), 2);
    let mut tree = SourceTree::new(held.clone(), &Plan::default());
    tree.set_filter("model");
    tree.step(1);
    assert_eq!(tree.open(), Some(1));
    load_versions(&mut tree, &held);
    tree.set_filter("@champion");
    assert_eq!(tree.rows(), [Row::Section(1), Row::Node(1), Row::Leaf(1, 1)]);
    tree.toggle_all();
    tree.set_filter("experiment");
    tree.toggle_all();
    let model = |versions: Option<BTreeSet<u64>>, except: BTreeSet<u64>| PlannedModel {
        name: "model 0*".into(),
        versions,
        except,
    };
    let plan = Plan { model_versions: vec![model(None, [2].into())], ..Plan::default() };
    assert_eq!(tree.plan(), Some(plan));
    assert_eq!(tree.checked(&tree.nodes[1]), Checked::Some);
    assert_eq!(tree.counted(), Counted { models: 1, ..Counted::default() });
    tree.set_filter("model");
    tree.invert();
    let plan = Plan { model_versions: vec![model(Some([2].into()), [].into())], ..Plan::default() };
    assert_eq!(tree.plan(), Some(plan.clone()));
    // The same without fetched versions, and also with the last one selected.
    let mut again = SourceTree::new(held.clone(), &plan);
    assert_eq!(again.checked(&again.nodes[1]), Checked::Some);
    load_versions(&mut again, &held);
    again.set_filter("v");
    again.toggle_all();
    assert_eq!(again.plan(), Some(Plan { models: vec!["*".into()], ..Plan::default() }));
}

#[test]
fn a_version_that_another_one_needs_is_marked() {
    let mut tree = SourceTree::new(everything(0, 1, 0, 0), &Plan::default());
    tree.set_needed([("model 0*/3".to_owned(), "copy/1".to_owned())]);
    assert_eq!(tree.needed_by("model 0*/3"), Some("copy/1"));
}

fn planned(traces: PlannedTraces, runs: Option<BTreeSet<RunId>>) -> Vec<PlannedExperiment> {
    let except = BTreeSet::new();
    vec![PlannedExperiment { name: "experiment 0".into(), runs, except, traces }]
}

#[test]
fn traces_are_left_behind_or_taken_alone() {
    let mut tree = tree(&[2, 1], &Plan::default());
    tree.open();
    came(&mut tree, 0, 2, 7, false);
    came(&mut tree, 1, 1, 0, false);
    let rows = [Row::Node(0), Row::Leaf(0, 0), Row::Leaf(0, 1), Row::Leaf(0, 2), Row::Node(1)];
    assert_eq!(tree.rows(), rows);
    let traces = |tree: &SourceTree| tree.leaf_checked(&tree.nodes[0], &tree.nodes[0].leaves()[0]);
    // One run is excluded: traces follow the other runs.
    tree.step(2);
    tree.toggle();
    assert_eq!((traces(&tree), tree.checked(&tree.nodes[0])), (Checked::Some, Checked::Some));
    tree.toggle();
    assert_eq!(traces(&tree), Checked::All);
    // All runs, no traces.
    tree.step(-1);
    tree.toggle();
    assert_eq!((traces(&tree), tree.checked(&tree.nodes[0])), (Checked::None, Checked::Some));
    let plan = tree.plan().unwrap();
    assert_eq!(plan.experiments[0], planned(PlannedTraces::None, None)[0]);
    assert_eq!(plan.experiments.len(), 2);
    // Inverted: the traces and no run.
    tree.set_filter("experiment 0");
    tree.invert();
    tree.set_filter("experiment 1");
    tree.toggle();
    assert_eq!((traces(&tree), tree.checked(&tree.nodes[0])), (Checked::All, Checked::Some));
    let alone = Plan { experiments: planned(PlannedTraces::All, Some([].into())), ..Plan::default() };
    assert_eq!(tree.plan(), Some(alone.clone()));
    assert_eq!(tree.counted(), Counted { experiments: 1, left: 2, ..Counted::default() });
    assert_eq!(crate::tui::source_tree::tests::tree(&[2, 1], &alone).plan(), Some(alone));
    // Nothing is left if all traces are excluded.
    tree.toggle_traces();
    assert_eq!((traces(&tree), tree.plan()), (Checked::Out, None));
}

#[test]
fn a_dataset_goes_along_with_an_experiment_that_is_picked_whole() {
    let mut tree = SourceTree::new(everything(1, 0, 0, 2), &Plan::default());
    tree.step(2);
    tree.toggle_all();
    tree.step(-1);
    tree.toggle();
    let dataset = tree.nodes[1].clone();
    assert_eq!((dataset.picked(), tree.checked(&dataset)), (Checked::None, Checked::All));
    assert_eq!(tree.including_experiment(&dataset), Some("experiment 0"));
    assert_eq!(tree.counted().datasets, 1);
    tree.nodes[0].set_whole(false);
    assert_eq!(tree.checked(&dataset), Checked::None);
}

#[test]
fn a_dataset_of_a_whole_experiment_can_be_left_out() {
    let held = everything(2, 0, 0, 1);
    let mut tree = SourceTree::new(held.clone(), &Plan::default());
    tree.set_filter("[set]");
    tree.toggle_all();
    let plan = Plan { except_datasets: vec!["[[]set[]] 0".into()], ..Plan::default() };
    assert_eq!(tree.plan(), Some(plan.clone()), "everything else stays everything");
    assert_eq!(tree.checked(&tree.nodes[2]), Checked::None);
    let mut again = SourceTree::new(held, &plan);
    assert_eq!(again.checked(&again.nodes[2]), Checked::None);
    again.set_filter("[set]");
    again.toggle_all();
    assert_eq!(again.plan(), Some(Plan::default()));
    // The dataset is excluded, and then its experiment too: the plan needs no exception for the dataset.
    again.toggle_all();
    again.set_filter("experiment 0");
    again.toggle_all();
    let plan = again.plan().unwrap();
    assert_eq!((plan.experiments.len(), plan.except_datasets.len()), (1, 0));
}
