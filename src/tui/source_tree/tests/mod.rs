mod parts;
mod props;
mod scale;

use std::collections::BTreeSet;

use super::*;
use crate::entities::{Count, EvaluationDataset, Experiment, Lifecycle, RegisteredModel, Run, RunId, tag};

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

fn tree(sizes: &[usize], plan: &Plan) -> SourceTree {
    let names = (0..sizes.len()).map(|at| experiment(at, &format!("experiment {at}")));
    SourceTree::new(Holdings { experiments: names.collect(), ..Holdings::default() }, plan)
}

fn load(tree: &mut SourceTree, sizes: &[usize]) {
    for (at, size) in sizes.iter().enumerate() {
        came(tree, at, *size, 0, false);
    }
}

fn came(tree: &mut SourceTree, at: usize, runs: usize, traces: u64, more: bool) {
    let runs = (0..runs).map(|index| run(at, index)).collect();
    let contents = Contents { runs, more, unreadable: 0, traces: Some(Count::exactly(traces)) };
    tree.on_contents(&at.to_string().as_str().into(), Ok(contents));
}

fn open(tree: &mut SourceTree, name: &str) {
    tree.set_filter(name);
    tree.open();
    tree.set_filter("");
}

fn taken(tree: &SourceTree) -> BTreeSet<RunId> {
    let of = |node: &Node| -> Vec<RunId> {
        node.parts().filter(|leaf| node.takes(leaf)).filter_map(Leaf::run).cloned().collect()
    };
    tree.nodes.iter().flat_map(of).collect()
}

fn model(name: &str, is_prompt: bool) -> RegisteredModel {
    let tags = is_prompt.then(|| (tag::IS_PROMPT.to_owned(), "true".to_owned()));
    RegisteredModel { name: name.into(), tags: tags.into_iter().collect(), ..RegisteredModel::default() }
}

/// The names contain characters that are special in globs.
fn everything(experiments: usize, models: usize, prompts: usize, datasets: usize) -> Holdings {
    let dataset = |at: usize| EvaluationDataset {
        id: format!("d-{at}"),
        name: format!("[set] {at}"),
        experiment_ids: if at == 0 { vec!["0".into()] } else { Vec::new() },
        ..EvaluationDataset::default()
    };
    let models = (0..models).map(|at| model(&format!("model {at}*"), false));
    Holdings {
        unreadable: Vec::new(),
        experiments: (0..experiments).map(|at| experiment(at, &format!("experiment {at}"))).collect(),
        models: models.chain((0..prompts).map(|at| model(&format!("prompt {at}?"), true))).collect(),
        datasets: (0..datasets).map(dataset).collect(),
        more: false,
    }
}

/// Every model has three versions.
fn load_versions(tree: &mut SourceTree, held: &Holdings) {
    let version = |version| ModelVersion { version, ..ModelVersion::default() };
    for model in &held.models {
        tree.on_versions(&model.name, Ok([1, 2, 3].map(version).into()));
    }
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
fn a_plan_uses_the_shorter_of_only_and_except() {
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
    let mut tree = SourceTree::new(held.clone(), &Plan::default());
    tree.toggle_deleted();
    assert_eq!(tree.checked(&tree.nodes[1]), Checked::Out);
    assert_eq!(tree.counted().experiments, 1);
    let plan = tree.plan().unwrap();
    assert!(plan.skip_deleted && plan.experiments.is_empty());
    // Included again, also in a tree that starts with that plan.
    let mut again = SourceTree::new(held, &plan);
    again.toggle_deleted();
    assert_eq!(again.plan(), Some(Plan::default()));
}

#[test]
fn fetching_that_failed_is_tried_again_when_opened_again() {
    let mut tree = tree(&[0], &Plan::default());
    assert!(tree.open().is_some());
    tree.on_contents(&"0".into(), Err("no answer".into()));
    assert_eq!(tree.rows(), [Row::Node(0), Row::Note(0)]);
    assert!(tree.open().is_some());
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
