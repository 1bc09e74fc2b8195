//! Large numbers of items, and items that arrive late.

use super::*;
use crate::plan::PlannedExperiment;

fn page(from: usize, to: usize, more: bool) -> Holdings {
    let experiments = (from..to).map(|at| experiment(at, &format!("team-{}/project {at:05}", at % 2)));
    Holdings { experiments: experiments.collect(), more, ..Holdings::default() }
}

fn names(tree: &SourceTree) -> Vec<&str> {
    let shown = tree.rows().iter().filter_map(|row| row.node());
    shown.map(|at| tree.nodes[at].item.name()).collect()
}

#[test]
fn new_pages_are_sorted_and_keep_the_cursor() {
    let mut tree = SourceTree::new(page(2, 5, true), &Plan::default());
    tree.step(1);
    let held = tree.row();
    tree.extend(page(0, 2, false));
    assert_eq!(tree.row(), held);
    let mut sorted = names(&tree);
    sorted.sort_unstable();
    assert_eq!(names(&tree), sorted);
}

#[test]
fn later_items_follow_the_same_selection() {
    let mut tree = SourceTree::new(page(0, 4, true), &Plan::default());
    tree.toggle_all();
    tree.set_filter("TEAM-1");
    tree.toggle_all();
    tree.set_filter("");
    tree.invert();
    tree.extend(page(4, 8, false));
    let taken = |node: &Node| node.picked() == Checked::All;
    assert_eq!(
        tree.nodes.iter().map(taken).collect::<Vec<_>>(),
        [true, false, true, false, true, false, true, false]
    );
}

#[test]
fn exceptions_and_filters_give_short_plans() {
    let mut tree = SourceTree::new(page(0, 1_000, false), &Plan::default());
    tree.toggle();
    let plan = tree.plan().unwrap();
    assert_eq!(plan.globs, ["*"]);
    assert_eq!(plan.except_experiments, ["team-0/project 00000"]);
    assert!(plan.experiments.is_empty());

    tree.toggle_all();
    tree.toggle_all();
    tree.set_filter("Team-1 PROJ");
    tree.toggle_all();
    tree.set_filter("team-1/project 00011");
    tree.toggle_all();
    tree.set_filter("team-0/project 00012");
    tree.toggle_all();
    tree.set_filter("");
    let plan = tree.plan().unwrap();
    assert_eq!(plan.globs.len(), 2, "either word may come first");
    assert_eq!(plan.except_experiments, ["team-1/project 00011"]);
    assert_eq!(
        plan.experiments,
        [PlannedExperiment { name: "team-0/project 00012".into(), ..Default::default() }]
    );
    // A tree that starts with this plan selects exactly these items and returns the same plan.
    let again = SourceTree::new(page(0, 1_000, false), &plan);
    let picked = |tree: &SourceTree| tree.nodes.iter().map(Node::picked).collect::<Vec<_>>();
    assert_eq!(picked(&again), picked(&tree));
    assert_eq!(again.counted().experiments, 500);
}

#[test]
fn a_range_is_picked_and_turned_round() {
    let mut tree = tree(&[0; 6], &Plan::default());
    tree.step(4);
    tree.turn_range();
    tree.step(-2);
    assert_eq!(tree.range(), 2..5);
    tree.toggle();
    let taken =
        |tree: &SourceTree| tree.nodes.iter().map(|node| node.picked() == Checked::All).collect::<Vec<_>>();
    assert_eq!(taken(&tree), [true, true, false, false, false, true]);
    assert!(!tree.has_range());
    tree.turn_range();
    tree.step(-9);
    tree.invert();
    assert_eq!(taken(&tree), [false, false, true, false, false, true]);
}

#[test]
fn a_range_within_an_experiment_is_about_its_runs() {
    let mut tree = tree(&[4, 0], &Plan::default());
    tree.open();
    came(&mut tree, 0, 4, 0, false);
    tree.step(2);
    tree.turn_range();
    tree.step(1);
    tree.toggle();
    assert_eq!(taken(&tree), ["0-0".into(), "0-3".into()].into());
}

fn runs(tree: &mut SourceTree, ids: std::ops::Range<usize>, more: bool, first: bool) {
    let runs = ids.map(|at| run(0, at)).collect();
    let traces = first.then(|| Count::exactly(0));
    tree.on_contents(&"0".into(), Ok(Contents { runs, more, unreadable: 0, traces }));
}

#[test]
fn runs_are_fetched_near_the_cursor() {
    let mut tree = tree(&[0], &Plan::default());
    tree.open();
    runs(&mut tree, 0..RUNS_PER_READ, true, true);
    assert_eq!(tree.reach(), None);
    tree.step(isize::MAX);
    assert_eq!(tree.reach(), Some(("0".into(), 2 * RUNS_PER_READ)));
    assert!(tree.is_fetching() && tree.reach().is_none(), "asked for once");
    // One of the first items is excluded. This does not affect later items.
    tree.step(-1);
    tree.toggle();
    runs(&mut tree, RUNS_PER_READ..RUNS_PER_READ + 3, true, false);
    let planned = &tree.plan().unwrap().experiments[0];
    assert_eq!((&planned.runs, planned.except.len()), (&None, 1));
    runs(&mut tree, 0..0, false, false);
    assert_eq!(tree.counted().runs, RUNS_PER_READ as u64 + 2);
    assert!(!tree.counted().more && !tree.is_fetching());
}

#[test]
fn nested_runs_are_under_their_parents_and_picked_with_them() {
    let mut tree = tree(&[0], &Plan::default());
    tree.open();
    let nested = |at: usize, parent: Option<usize>| {
        let parent = parent.map(|parent| (tag::PARENT_RUN_ID.to_owned(), format!("0-{parent}")));
        Run { tags: parent.into_iter().collect(), ..run(0, at) }
    };
    // A child may arrive before its parent.
    let all =
        vec![nested(1, Some(3)), nested(2, None), nested(3, None), nested(4, Some(1)), nested(5, Some(9))];
    let contents = Contents { runs: all, more: false, unreadable: 0, traces: Some(Count::exactly(0)) };
    tree.on_contents(&"0".into(), Ok(contents));
    let shown = |tree: &SourceTree| -> Vec<(String, u8)> {
        let leaf = |row: &Row| match row {
            Row::Leaf(at, leaf) => Some(&tree.nodes[*at].leaves()[*leaf]),
            _ => None,
        };
        let leaves = tree.rows().iter().filter_map(leaf);
        leaves.map(|leaf| (leaf.run().unwrap().to_string(), leaf.depth)).collect()
    };
    let expected = [("0-2", 0), ("0-3", 0), ("0-1", 1), ("0-4", 2), ("0-5", 0)];
    assert_eq!(shown(&tree), expected.map(|(id, depth)| (id.to_owned(), depth)));
    tree.step(2);
    tree.toggle();
    assert_eq!(taken(&tree), ["0-2".into(), "0-5".into()].into());
    // The parent is visible with it but is not selected with it.
    tree.set_filter("alpha");
    assert_eq!(shown(&tree).len(), 3);
    tree.toggle_all();
    assert_eq!(taken(&tree), ["0-2".into(), "0-4".into(), "0-5".into()].into());
}

#[test]
fn contents_of_runs_are_counted_from_a_sample() {
    let mut tree = tree(&[0], &Plan::default());
    tree.open();
    let with = |at: usize, params: usize| Run {
        params: (0..params).map(|at| (at.to_string(), String::new())).collect(),
        latest: [("loss".to_owned(), Default::default())].into(),
        ..run(0, at)
    };
    let contents = Contents {
        runs: vec![with(0, 3), with(1, 4)],
        more: true,
        unreadable: 0,
        traces: Some(Count::exactly(0)),
    };
    tree.on_contents(&"0".into(), Ok(contents));
    let inside = |tree: &SourceTree| (tree.counted().params, tree.counted().metrics, tree.counted().more);
    assert_eq!(inside(&tree), (7, 2, true));
    tree.step(1);
    tree.toggle();
    assert_eq!(inside(&tree), (4, 1, true));
}

#[test]
fn the_order_can_be_changed() {
    let mut tree = tree(&[0, 0, 0], &Plan::default());
    for (node, time) in tree.nodes.iter_mut().zip([Some(5), None, Some(7)]) {
        if let Item::Experiment(experiment) = &mut node.item {
            experiment.last_update_time = time;
        }
    }
    tree.turn_sort();
    tree.turn_sort();
    assert_eq!(tree.sorted(), Sort::Updated);
    assert_eq!(names(&tree), ["experiment 2", "experiment 0", "experiment 1"]);
    came(&mut tree, 1, 2, 0, false);
    tree.turn_sort();
    assert_eq!(names(&tree)[0], "experiment 1");
}
