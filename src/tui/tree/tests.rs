use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::entities::{
    Choice, EvaluationDataset, Experiment, Lifecycle, PlannedExperiment, PlannedModel, RegisteredModel, Run,
    RunId, Tally, tag,
};

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
    Tree::new(Holdings { experiments: names.collect(), ..Holdings::default() }, plan)
}

fn load(tree: &mut Tree, sizes: &[usize]) {
    for (at, size) in sizes.iter().enumerate() {
        came(tree, at, *size, 0, false);
    }
}

fn came(tree: &mut Tree, at: usize, runs: usize, traces: u64, more: bool) {
    let runs = (0..runs).map(|index| run(at, index)).collect();
    let contents = Contents { runs, more, traces: Tally::exactly(traces) };
    tree.contents_came(&at.to_string().as_str().into(), Ok(contents));
}

fn open(tree: &mut Tree, name: &str) {
    tree.set_filter(name);
    tree.open();
    tree.set_filter("");
}

fn taken(tree: &Tree) -> BTreeSet<RunId> {
    let of = |node: &Node| -> Vec<RunId> {
        node.parts().filter(|leaf| node.takes(leaf)).filter_map(Leaf::run).cloned().collect()
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
    assert_eq!(tree.open(), Some(0));
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
    let rows = [Row::Node(0), Row::Leaf(0, 1), Row::Node(1), Row::Leaf(1, 1)];
    assert_eq!(tree.rows(), rows);
    tree.toggle_all();
    assert_eq!(taken(&tree), ["0-0".into(), "1-0".into()].into());
    tree.set_filter("experiment 1 alpha");
    assert_eq!(tree.rows(), [Row::Node(1), Row::Leaf(1, 0)]);
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
    assert!(matches!(tree.nodes[0].leaves, Leaves::Loading));
    came(&mut tree, 0, 1, 0, true);
    assert_eq!(tree.counted(), Counted { experiments: 1, runs: 1, more: true, ..Counted::default() });
    tree.step(1);
    tree.toggle();
    let planned = &tree.plan().unwrap().experiments[0];
    assert_eq!((&planned.runs, &planned.except), (&None, &["0-0".into()].into()));
}

#[test]
fn deleted_ones_can_be_left_behind() {
    let gone = Experiment { lifecycle: Lifecycle::Deleted, ..experiment(1, "gone") };
    let held = Holdings { experiments: vec![experiment(0, "here"), gone], ..Holdings::default() };
    let mut tree = Tree::new(held.clone(), &Plan::default());
    tree.toggle_deleted();
    assert_eq!(tree.tri(&tree.nodes[1]), Tri::Out);
    assert_eq!(tree.counted().experiments, 1);
    let plan = tree.plan().unwrap();
    assert!(plan.skip_deleted && plan.experiments.is_empty());
    // Taken along again, also by a tree that began with that plan.
    let mut again = Tree::new(held, &plan);
    again.toggle_deleted();
    assert_eq!(again.plan(), Some(Plan::default()));
}

#[test]
fn fetching_that_failed_is_tried_again_when_opened_again() {
    let mut tree = tree(&[0], &Plan::default());
    assert!(tree.open().is_some());
    tree.contents_came(&"0".into(), Err("no answer".into()));
    assert_eq!(tree.rows(), [Row::Node(0), Row::Note(0)]);
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
        "(|run|experiment|model|prompt|set|traces|v1|[0-4]|beta|1 gamma|0-1)".prop_map(Act::Filter),
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
            came(tree, at, sizes[at], at as u64 % 2, false);
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
                let leaves: Vec<Tri> = node.leaves().iter().map(|leaf| tree.leaf_tri(node, leaf)).collect();
                let expected = [Tri::None, Tri::All].into_iter().find(|tri| leaves.iter().all(|leaf| leaf == tri));
                prop_assert_eq!(tree.tri(node), expected.unwrap_or(Tri::Some));
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

fn model(name: &str, is_prompt: bool) -> RegisteredModel {
    let tags = is_prompt.then(|| (tag::IS_PROMPT.to_owned(), "true".to_owned()));
    RegisteredModel { name: name.into(), tags: tags.into_iter().collect(), ..RegisteredModel::default() }
}

/// Names are meant to upset globs.
fn everything(experiments: usize, models: usize, prompts: usize, datasets: usize) -> Holdings {
    let dataset = |at: usize| EvaluationDataset {
        id: format!("d-{at}"),
        name: format!("[set] {at}"),
        experiment_ids: if at == 0 { vec!["0".into()] } else { Vec::new() },
        ..EvaluationDataset::default()
    };
    let models = (0..models).map(|at| model(&format!("model {at}*"), false));
    Holdings {
        experiments: (0..experiments).map(|at| experiment(at, &format!("experiment {at}"))).collect(),
        models: models.chain((0..prompts).map(|at| model(&format!("prompt {at}?"), true))).collect(),
        datasets: (0..datasets).map(dataset).collect(),
    }
}

/// What the plan would take, asked as an import asks: of each thing all, some or nothing.
fn chosen(held: &Holdings, plan: &Plan) -> Vec<Tri> {
    let chooser = plan.chooser().unwrap();
    let experiments = held.experiments.iter().map(|one| match chooser.choose(one) {
        Choice::No => Tri::None,
        Choice::Yes { traces: PlannedTraces::None, .. } => Tri::Some,
        Choice::Yes { .. } => Tri::All,
    });
    let (prompts, models): (Vec<_>, Vec<_>) = held.models.iter().partition(|model| model.is_prompt());
    let models = models.into_iter().chain(prompts).map(|one| match chooser.versions(one) {
        Pick::All => Tri::All,
        Pick::None => Tri::None,
        Pick::Only(_) | Pick::Except(_) => Tri::Some,
    });
    let is_whole = |id: &ExperimentId| {
        let experiment = held.experiments.iter().find(|one| one.id == *id);
        experiment.is_some_and(|one| matches!(chooser.choose(one), Choice::Yes { only: None, .. }))
    };
    let datasets = held.datasets.iter().map(|one| {
        let goes_along = !chooser.leaves_dataset(one) && one.experiment_ids.iter().any(is_whole);
        if chooser.takes_dataset(one) || goes_along { Tri::All } else { Tri::None }
    });
    let there = held.models.iter().map(|model| (model.name.clone(), [1, 2, 3].into())).collect();
    assert_eq!(chooser.unmatched_models(&held.models, &there), [""; 0]);
    assert_eq!(chooser.unmatched_datasets(&held.datasets), [""; 0]);
    assert_eq!(chooser.unmatched(held.experiments.iter()), [""; 0]);
    experiments.chain(models).chain(datasets).collect()
}

/// Every model has three versions.
fn load_versions(tree: &mut Tree, held: &Holdings) {
    let version = |version| ModelVersion { version, ..ModelVersion::default() };
    for model in &held.models {
        tree.versions_came(&model.name, Ok([1, 2, 3].map(version).into()));
    }
}

proptest! {
    #[test]
    fn any_mixture_becomes_the_plan_that_takes_it(
        sizes in prop::array::uniform4(0_usize..4),
        acts in prop::collection::vec(act(), 0..40),
    ) {
        let held = everything(sizes[0], sizes[1], sizes[2], sizes[3]);
        let fresh = |plan: &Plan| {
            let mut tree = Tree::new(held.clone(), plan);
            load_versions(&mut tree, &held);
            (0..sizes[0]).for_each(|at| came(&mut tree, at, 0, 2, false));
            tree
        };
        let states = |tree: &Tree| -> Vec<Tri> { tree.nodes.iter().map(|node| tree.tri(node)).collect() };
        let versions = |tree: &Tree| -> Vec<Pick<Part>> {
            tree.nodes.iter().filter(|node| matches!(node.item, Item::Model(_))).map(|node| node.pick.clone()).collect()
        };
        let mut tree = fresh(&Plan::default());
        for act in &acts {
            if !matches!(act, Act::Load(_)) {
                perform(&mut tree, act, &[0]);
            }
        }
        match tree.plan() {
            None => prop_assert!(states(&tree).iter().all(|tri| *tri == Tri::None)),
            Some(plan) => {
                // Traces alone are some of an experiment, and a plan says so of its runs.
                let is_traces = |at: usize| tree.nodes[at].traces == PlannedTraces::All;
                let taken = chosen(&held, &plan);
                for (at, tri) in states(&tree).into_iter().enumerate() {
                    prop_assert!(taken[at] == tri || (is_traces(at) && taken[at] == Tri::All), "{:?}", plan);
                }
                let again = fresh(&plan);
                prop_assert_eq!(states(&again), states(&tree));
                prop_assert_eq!(
                    versions(&again).iter().map(Tri::of).collect::<Vec<_>>(),
                    versions(&tree).iter().map(Tri::of).collect::<Vec<_>>()
                );
            }
        }
    }
}

#[test]
fn one_model_is_a_plan_of_its_own() {
    let mut tree = Tree::new(everything(2, 2, 1, 1), &Plan::default());
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
    let mut tree = Tree::new(everything(2, 2, 0, 0), &Plan::default());
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
    // Without models there is nothing to tell apart.
    assert_eq!(Tree::new(everything(2, 0, 0, 0), &Plan::default()).rows(), [Row::Node(0), Row::Node(1)]);
}

#[test]
fn a_version_is_picked_alone() {
    let mut held = everything(1, 1, 0, 0);
    held.models[0].aliases.insert("champion".into(), 2);
    let mut tree = Tree::new(held.clone(), &Plan::default());
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
    assert_eq!(tree.tri(&tree.nodes[1]), Tri::Some);
    assert_eq!(tree.counted(), Counted { models: 1, ..Counted::default() });
    tree.set_filter("model");
    tree.invert();
    let plan = Plan { model_versions: vec![model(Some([2].into()), [].into())], ..Plan::default() };
    assert_eq!(tree.plan(), Some(plan.clone()));
    // The same without having seen its versions, and with the last one picked, too.
    let mut again = Tree::new(held.clone(), &plan);
    assert_eq!(again.tri(&again.nodes[1]), Tri::Some);
    load_versions(&mut again, &held);
    again.set_filter("v");
    again.toggle_all();
    assert_eq!(again.plan(), Some(Plan { models: vec!["*".into()], ..Plan::default() }));
}

#[test]
fn a_version_that_another_one_needs_is_marked() {
    let mut tree = Tree::new(everything(0, 1, 0, 0), &Plan::default());
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
    let traces = |tree: &Tree| tree.leaf_tri(&tree.nodes[0], &tree.nodes[0].leaves()[0]);
    // One run left out: traces go with the others.
    tree.step(2);
    tree.toggle();
    assert_eq!((traces(&tree), tree.tri(&tree.nodes[0])), (Tri::Some, Tri::Some));
    tree.toggle();
    assert_eq!(traces(&tree), Tri::All);
    // All runs, no traces.
    tree.step(-1);
    tree.toggle();
    assert_eq!((traces(&tree), tree.tri(&tree.nodes[0])), (Tri::None, Tri::Some));
    let plan = tree.plan().unwrap();
    assert_eq!(plan.experiments[0], planned(PlannedTraces::None, None)[0]);
    assert_eq!(plan.experiments.len(), 2);
    // Turned round: the traces and no run.
    tree.set_filter("experiment 0");
    tree.invert();
    tree.set_filter("experiment 1");
    tree.toggle();
    assert_eq!((traces(&tree), tree.tri(&tree.nodes[0])), (Tri::All, Tri::Some));
    let alone = Plan { experiments: planned(PlannedTraces::All, Some([].into())), ..Plan::default() };
    assert_eq!(tree.plan(), Some(alone.clone()));
    assert_eq!(tree.counted(), Counted { experiments: 1, ..Counted::default() });
    assert_eq!(super::tests::tree(&[2, 1], &alone).plan(), Some(alone));
    // Nothing is left when traces are left behind everywhere.
    tree.toggle_traces();
    assert_eq!((traces(&tree), tree.plan()), (Tri::Out, None));
}

#[test]
fn a_dataset_goes_along_with_an_experiment_that_is_picked_whole() {
    let mut tree = Tree::new(everything(1, 0, 0, 2), &Plan::default());
    tree.step(2);
    tree.toggle_all();
    tree.step(-1);
    tree.toggle();
    let dataset = tree.nodes[1].clone();
    assert_eq!((dataset.pick.clone(), tree.tri(&dataset)), (Pick::None, Tri::All));
    assert_eq!(tree.goes_with(&dataset), Some("experiment 0"));
    assert_eq!(tree.counted().datasets, 1);
    tree.nodes[0].pick = Pick::None;
    assert_eq!(tree.tri(&dataset), Tri::None);
}

#[test]
fn a_dataset_of_a_whole_experiment_can_be_left_out() {
    let held = everything(2, 0, 0, 1);
    let mut tree = Tree::new(held.clone(), &Plan::default());
    tree.set_filter("[set]");
    tree.toggle_all();
    let plan = Plan { except_datasets: vec!["[[]set[]] 0".into()], ..Plan::default() };
    assert_eq!(tree.plan(), Some(plan.clone()), "everything else stays everything");
    assert_eq!(tree.tri(&tree.nodes[2]), Tri::None);
    let mut again = Tree::new(held, &plan);
    assert_eq!(again.tri(&again.nodes[2]), Tri::None);
    again.set_filter("[set]");
    again.toggle_all();
    assert_eq!(again.plan(), Some(Plan::default()));
    // Left out, and then its experiment is, too: there is nothing left to say.
    again.toggle_all();
    again.set_filter("experiment 0");
    again.toggle_all();
    let plan = again.plan().unwrap();
    assert_eq!((plan.experiments.len(), plan.except_datasets.len()), (1, 0));
}
