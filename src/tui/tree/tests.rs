use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::entities::{Lifecycle, RunId};

fn experiment(at: usize, name: &str) -> Experiment {
    Experiment { id: at.to_string().as_str().into(), name: name.to_owned(), ..Experiment::default() }
}

fn run(experiment: usize, at: usize) -> Run {
    Run {
        id: format!("{experiment}-{at}").as_str().into(),
        name: format!("run {}", ["alpha", "beta", "gamma", "delta"][at % 4]),
        ..Run::default()
    }
}

fn tree(sizes: &[usize], plan: &Plan) -> Tree {
    let names = (0..sizes.len()).map(|at| experiment(at, &format!("experiment {at}")));
    Tree::new(names.collect(), plan)
}

fn load(tree: &mut Tree, sizes: &[usize]) {
    for (at, size) in sizes.iter().enumerate() {
        let runs = (0..*size).map(|index| run(at, index)).collect();
        tree.loaded(&at.to_string().as_str().into(), Ok((runs, false)));
    }
}

fn open(tree: &mut Tree, name: &str) {
    tree.set_filter(name);
    tree.open();
    tree.set_filter("");
}

fn taken(tree: &Tree) -> BTreeSet<RunId> {
    let of = |node: &Node| -> Vec<RunId> {
        let leaves = node.leaves().iter();
        leaves.filter(|leaf| node.pick.takes(&leaf.id)).map(|leaf| leaf.id.clone()).collect()
    };
    tree.nodes.iter().flat_map(of).collect()
}

#[test]
fn everything_picked_is_an_empty_plan_and_nothing_is_none() {
    let mut tree = tree(&[2, 2], &Plan::default());
    tree.toggle();
    assert_eq!(tree.plan().unwrap().experiments.len(), 1);
    tree.toggle();
    assert_eq!(tree.plan(), Some(Plan::default()));
    tree.toggle_all();
    assert_eq!(tree.plan(), None);
}

#[test]
fn a_plan_says_the_shorter_of_only_and_except() {
    let sizes = [5];
    let mut tree = tree(&sizes, &Plan::default());
    assert_eq!(tree.open(), Some("0".into()));
    load(&mut tree, &sizes);
    tree.step(1);
    tree.toggle();
    let plan = tree.plan().unwrap();
    assert_eq!(plan.experiments[0].except, ["0-0".into()].into());
    tree.invert();
    let plan = tree.plan().unwrap();
    assert_eq!(plan.experiments[0].runs, Some(["0-0".into()].into()));
}

#[test]
fn a_filter_keeps_ancestors_and_bounds_what_is_picked() {
    let sizes = [2, 2];
    let mut tree = tree(&sizes, &Plan::default());
    load(&mut tree, &sizes);
    tree.set_filter("RUN BETA");
    let rows = [Row::Experiment(0), Row::Run(0, 1), Row::Experiment(1), Row::Run(1, 1)];
    assert_eq!(tree.rows(), rows);
    tree.toggle_all();
    assert_eq!(taken(&tree), ["0-0".into(), "1-0".into()].into());
    tree.set_filter("experiment 1 alpha");
    assert_eq!(tree.rows(), [Row::Experiment(1), Row::Run(1, 0)]);
    tree.set_filter("nothing like it");
    assert!(tree.rows().is_empty());
    tree.toggle();
    tree.close();
    assert_eq!(tree.open(), None);
}

#[test]
fn runs_that_were_not_fetched_follow_their_experiment() {
    let mut tree = tree(&[0], &Plan::default());
    tree.open();
    assert!(matches!(tree.nodes[0].runs, Runs::Loading));
    tree.loaded(&"0".into(), Ok((vec![run(0, 0)], true)));
    assert_eq!(tree.counted(), Counted { experiments: 1, runs: 1, more: true });
    tree.step(1);
    tree.toggle();
    let planned = &tree.plan().unwrap().experiments[0];
    assert_eq!((&planned.runs, &planned.except), (&None, &["0-0".into()].into()));
}

#[test]
fn deleted_ones_can_be_left_behind() {
    let gone = Experiment { lifecycle: Lifecycle::Deleted, ..experiment(1, "gone") };
    let mut tree = Tree::new(vec![experiment(0, "here"), gone], &Plan::default());
    tree.toggle_deleted();
    assert_eq!(tree.tri(&tree.nodes[1]), Tri::Out);
    assert_eq!(tree.counted().experiments, 1);
    let plan = tree.plan().unwrap();
    assert!(plan.skip_deleted && plan.experiments.is_empty());
    // Taken along again, also by a tree that began with that plan.
    let mut again = Tree::new(tree.nodes.iter().map(|n| n.experiment.clone()).collect(), &plan);
    again.toggle_deleted();
    assert_eq!(again.plan(), Some(Plan::default()));
}

#[test]
fn fetching_that_failed_is_tried_again_when_opened_again() {
    let mut tree = tree(&[0], &Plan::default());
    assert!(tree.open().is_some());
    tree.loaded(&"0".into(), Err("no answer".into()));
    assert_eq!(tree.rows(), [Row::Experiment(0), Row::Note(0)]);
    assert!(tree.open().is_some());
}

#[derive(Clone, Debug)]
enum Act {
    Step(isize),
    Toggle,
    All,
    Invert,
    Open,
    Close,
    Filter(String),
    Load(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (-5_isize..6).prop_map(Act::Step),
        Just(Act::Toggle),
        Just(Act::Toggle),
        Just(Act::All),
        Just(Act::Invert),
        Just(Act::Open),
        Just(Act::Close),
        "(|run|experiment|[0-4]|beta|1 gamma|0-1)".prop_map(Act::Filter),
        (0_usize..4).prop_map(Act::Load),
    ]
}

fn perform(tree: &mut Tree, act: &Act, sizes: &[usize]) {
    match act {
        Act::Step(by) => tree.step(*by),
        Act::Toggle => tree.toggle(),
        Act::All => tree.toggle_all(),
        Act::Invert => tree.invert(),
        Act::Open => drop(tree.open()),
        Act::Close => tree.close(),
        Act::Filter(words) => tree.set_filter(words),
        Act::Load(at) => {
            let at = at % sizes.len();
            let runs = (0..sizes[at]).map(|index| run(at, index)).collect();
            tree.loaded(&at.to_string().as_str().into(), Ok((runs, false)));
        }
    }
}

proptest! {
    #[test]
    fn a_parent_is_what_its_children_are(
        sizes in prop::collection::vec(1_usize..5, 1..4),
        acts in prop::collection::vec(act(), 0..40),
    ) {
        let mut tree = tree(&sizes, &Plan::default());
        for act in &acts {
            perform(&mut tree, act, &sizes);
            for node in tree.nodes.iter().filter(|node| !node.leaves().is_empty()) {
                let picked = node.leaves().iter().filter(|leaf| node.pick.takes(&leaf.id)).count();
                let expected = match picked {
                    0 => Tri::None,
                    n if n == node.leaves().len() => Tri::All,
                    _ => Tri::Some,
                };
                prop_assert_eq!(tree.tri(node), expected);
            }
            prop_assert!(tree.cursor() < tree.rows().len().max(1));
        }
    }

    #[test]
    fn a_plan_picks_what_the_tree_picked(
        sizes in prop::collection::vec(1_usize..5, 1..4),
        acts in prop::collection::vec(act(), 0..40),
    ) {
        let mut tree = tree(&sizes, &Plan::default());
        load(&mut tree, &sizes);
        for act in &acts {
            perform(&mut tree, act, &sizes);
        }
        let Some(plan) = tree.plan() else {
            prop_assert!(taken(&tree).is_empty());
            return Ok(());
        };
        let mut again = super::tests::tree(&sizes, &plan);
        load(&mut again, &sizes);
        prop_assert_eq!(taken(&again), taken(&tree));
        prop_assert_eq!(again.plan(), Some(plan));
    }

    #[test]
    fn inverting_twice_changes_nothing(
        sizes in prop::collection::vec(1_usize..5, 1..4),
        acts in prop::collection::vec(act(), 0..20),
    ) {
        let mut tree = tree(&sizes, &Plan::default());
        load(&mut tree, &sizes);
        for act in &acts {
            perform(&mut tree, act, &sizes);
        }
        let before = taken(&tree);
        tree.invert();
        tree.invert();
        prop_assert_eq!(taken(&tree), before);
    }
}

#[test]
fn a_closed_branch_keeps_its_cursor_on_the_experiment() {
    let sizes = [3, 1];
    let mut tree = tree(&sizes, &Plan::default());
    load(&mut tree, &sizes);
    open(&mut tree, "experiment 0");
    assert_eq!(tree.rows().len(), 5);
    tree.step(3);
    tree.close();
    assert_eq!((tree.cursor(), tree.rows().len()), (0, 2));
    tree.step(9);
    assert_eq!(tree.cursor(), 1);
}
