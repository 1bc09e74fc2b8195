//! Step 4: the tree.

use crate::engine::browse::Holdings;
use crate::plan::Plan;
use crate::tui::effect::Msg;
use crate::tui::update::update;

use super::fixtures::*;
use super::frames::{picture, pictured};

#[test]
fn select_shows_a_tree_with_long_and_wide_names() {
    let mut model = with_tree();
    pictured("select_tree", &mut model);
    press(&mut model, "j j j l");
    fetched(&mut model, "2", 9, true);
    press(&mut model, "j j Space Space j d");
    pictured("select_some", &mut model);
}

#[test]
fn select_holds_everything_else_too() {
    let mut model = with_registry();
    pictured("select_registry", &mut model);
    // Selects a single model and opens its contents.
    press(&mut model, "a /");
    type_in(&mut model, "fraud.det");
    press(&mut model, "Enter j Space Esc g j j j j j j Enter");
    on_versions(&mut model, "fraud.detector");
    pictured("select_one_model", &mut model);
    // Selects only some versions of the model, and everything in an experiment except its traces and its dataset.
    press(&mut model, "j j Space");
    press(&mut model, "g j j Space Space k Enter");
    fetched(&mut model, "2", 2, false);
    press(&mut model, "j Space G k Space");
    pictured("select_in_part", &mut model);
}

#[test]
fn select_filters_while_typing() {
    let mut model = with_tree();
    press(&mut model, "/");
    type_in(&mut model, "需要");
    pictured("select_filter", &mut model);
    type_in(&mut model, " nothing");
    pictured("select_filter_nothing", &mut model);
}

#[test]
fn select_waits_and_fails_in_words() {
    let mut model = connected();
    press(&mut model, "Enter");
    pictured("select_loading", &mut model);
    let result = Err(refused());
    update(&mut model, Msg::SourcePage { of: SOURCE.into(), result });
    pictured("select_failed", &mut model);
}

#[test]
fn select_does_not_go_on_with_nothing() {
    let mut model = with_tree();
    press(&mut model, "a n");
    pictured("select_nothing", &mut model);
}

#[test]
fn select_shows_an_empty_source() {
    let mut model = connected();
    press(&mut model, "Enter");
    came(&mut model, Holdings::default());
    pictured("select_empty", &mut model);
}

/// The time for a frame must not depend on the length of the list.
#[test]
fn select_shows_a_hundred_thousand_experiments() {
    let mut model = connected();
    press(&mut model, "Enter");
    let experiments =
        (0..100_000).map(|n| experiment(&n.to_string(), &format!("team/project-{n}"))).collect();
    let models = vec![registered("churn", false)];
    came(&mut model, Holdings { experiments, models, ..Holdings::default() });
    press(&mut model, "Space G k k");
    pictured("select_many", &mut model);
    // A plan that names nearly all of them stays in the model for the next steps.
    press(&mut model, "g Space j Space n");
    assert_eq!(model.plan.except_experiments.len(), 1);
    pictured("import_many", &mut model);
}

#[test]
fn a_plan_that_leaves_one_run_out_does_not_promise_all_runs() {
    let mut model = with_tree();
    let text = "globs = [\"*\"]\n[[experiments]]\nname = \"churn prediction\"\nexcept = [\"r1\"]";
    update(&mut model, Msg::PlanRead { from: "plan.toml".into(), result: Plan::parse(text) });
    let words = "7 of 7 experiments, 1,203 of 1,204 runs";
    assert!(picture(&mut model, 80, 24).contains(words), "{}", picture(&mut model, 80, 24));
    press(&mut model, "n");
    let words = "the selection: 7 experiments, 1,203 of 1,204 runs";
    assert!(picture(&mut model, 80, 24).contains(words), "{}", picture(&mut model, 80, 24));
    // In a later session the source may not be read yet.
    model.selection = crate::tui::model::Selection::default();
    let words = "the selection: all experiments, all their runs except 1";
    assert!(picture(&mut model, 80, 24).contains(words), "{}", picture(&mut model, 80, 24));
}

#[test]
fn select_chooses_what_happens_to_names_on_the_target() {
    let mut model = with_tree();
    press(&mut model, "m");
    pictured("select_names", &mut model);
    // A prefix needs a text.
    press(&mut model, "j Enter");
    press(&mut model, "Enter");
    assert!(picture(&mut model, 80, 24).contains("a prefix needs a text"));
    type_in(&mut model, "team-a/");
    press(&mut model, "Enter j j Space");
    pictured("select_names_prefix", &mut model);
    press(&mut model, "Esc");
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("taken names: prefix team-a/, append versions"), "{shown}");
    assert!(shown.contains("--experiments-prefix team-a/") && shown.contains("--append-versions"), "{shown}");
    // The confirmed plan has it, and the later screens show it.
    press(&mut model, "n");
    let shared = Plan { experiments_prefix: "team-a/".into(), append_versions: true, ..Plan::default() };
    assert_eq!(model.plan, shared);
    pictured("import_names", &mut model);
    assert!(picture(&mut model, 80, 24).contains("the prefix team-a/; versions are appended"));
    press(&mut model, "Enter");
    pictured("confirm_import_names", &mut model);
    // The three ways exclude each other.
    press(&mut model, "Esc 4 m j Enter Esc n");
    assert_eq!(model.plan, Plan { merge: true, append_versions: true, ..Plan::default() });
    press(&mut model, "4 m k k Enter j j j Enter Esc n");
    assert_eq!(model.plan, Plan::default());
}
