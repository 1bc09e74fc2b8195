//! Properties that hold for every sequence of actions on the tree.

use proptest::prelude::*;

use super::*;

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

fn perform(tree: &mut SourceTree, act: &Act, sizes: &[usize]) {
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
                let leaves: Vec<Checked> = node.leaves().iter().map(|leaf| tree.leaf_checked(node, leaf)).collect();
                let expected = [Checked::None, Checked::All].into_iter().find(|checked| leaves.iter().all(|leaf| leaf == checked));
                prop_assert_eq!(tree.checked(node), expected.unwrap_or(Checked::Some));
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
        let mut again = crate::tui::source_tree::tests::tree(&sizes, &plan);
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

/// The items that the plan includes, evaluated as an import does: all, some or nothing of each item.
fn chosen(held: &Holdings, plan: &Plan) -> Vec<Checked> {
    let matcher = plan.matcher().unwrap();
    let experiments = held.experiments.iter().map(|one| match matcher.choose(one) {
        ExperimentSelection::No => Checked::None,
        ExperimentSelection::Yes { traces: PlannedTraces::None, .. } => Checked::Some,
        ExperimentSelection::Yes { .. } => Checked::All,
    });
    let (prompts, models): (Vec<_>, Vec<_>) = held.models.iter().partition(|model| model.is_prompt());
    let models = models.into_iter().chain(prompts).map(|one| match matcher.versions(one) {
        Subset::All => Checked::All,
        Subset::None => Checked::None,
        Subset::Only(_) | Subset::Except(_) => Checked::Some,
    });
    let is_whole = |id: &ExperimentId| {
        let experiment = held.experiments.iter().find(|one| one.id == *id);
        experiment
            .is_some_and(|one| matches!(matcher.choose(one), ExperimentSelection::Yes { only: None, .. }))
    };
    let datasets = held.datasets.iter().map(|one| {
        let is_included = !matcher.leaves_dataset(one) && one.experiment_ids.iter().any(is_whole);
        if matcher.takes_dataset(one) || is_included { Checked::All } else { Checked::None }
    });
    let there = held.models.iter().map(|model| (model.name.clone(), [1, 2, 3].into())).collect();
    assert_eq!(matcher.unmatched_models(&held.models, &there), [""; 0]);
    assert_eq!(matcher.unmatched_datasets(&held.datasets), [""; 0]);
    assert_eq!(matcher.unmatched(&held.experiments), [""; 0]);
    experiments.chain(models).chain(datasets).collect()
}

proptest! {
    #[test]
    fn any_selection_becomes_its_plan(
        sizes in prop::array::uniform4(0_usize..4),
        acts in prop::collection::vec(act(), 0..40),
    ) {
        let held = everything(sizes[0], sizes[1], sizes[2], sizes[3]);
        let fresh = |plan: &Plan| {
            let mut tree = SourceTree::new(held.clone(), plan);
            load_versions(&mut tree, &held);
            (0..sizes[0]).for_each(|at| came(&mut tree, at, 0, 2, false));
            tree
        };
        let states = |tree: &SourceTree| -> Vec<Checked> { tree.nodes.iter().map(|node| tree.checked(node)).collect() };
        let versions = |tree: &SourceTree| -> Vec<Checked> {
            tree.nodes.iter().filter(|node| matches!(node.item, Item::Model(_))).map(Node::picked).collect()
        };
        let mut tree = fresh(&Plan::default());
        for act in &acts {
            if !matches!(act, Act::Load(_)) {
                perform(&mut tree, act, &[0]);
            }
        }
        match tree.plan() {
            None => prop_assert!(states(&tree).iter().all(|checked| *checked == Checked::None)),
            Some(plan) => {
                // The tree shows an experiment with traces alone as partly selected. The plan states this only in its
                // list of runs, which `chosen` does not read.
                let is_traces = |at: usize| tree.nodes[at].traces == PlannedTraces::All;
                let taken = chosen(&held, &plan);
                for (at, checked) in states(&tree).into_iter().enumerate() {
                    prop_assert!(taken[at] == checked || (is_traces(at) && taken[at] == Checked::All), "{:?}", plan);
                }
                let again = fresh(&plan);
                prop_assert_eq!(states(&again), states(&tree));
                prop_assert_eq!(versions(&again), versions(&tree));
            }
        }
    }
}
