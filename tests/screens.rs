//! Every screen as a picture, at the smallest usual size and at a large one. The model is built by hand, the clock too.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "screens/build.rs"]
mod build;
#[path = "screens/closer.rs"]
mod closer;
#[path = "screens/inspect.rs"]
mod inspect;
#[path = "screens/keys.rs"]
mod keys;
#[path = "screens/paint.rs"]
mod paint;
#[path = "screens/proof.rs"]
mod proof;
#[path = "screens/retry.rs"]
mod retry;
#[path = "screens/svg.rs"]
mod svg;

use std::time::Duration;

use mlferry::engine::browse::{Contents, Holdings};
use mlferry::engine::validate::Mark;
use mlferry::engine::{End, Finding, Level, Line, Listed, Provisioning, Resource, Step};
use mlferry::entities::{Run, Tally};
use mlferry::error::Error;
use mlferry::tui::effect::Msg;
use mlferry::tui::model::{Model, Overlay, Parting};
use mlferry::tui::update::update;

use build::*;
use paint::{kept, picture, pictured, styles};

#[test]
fn check_begins_empty() {
    pictured("check_empty", &mut empty());
}

#[test]
fn check_names_a_bad_address_while_it_is_typed() {
    let mut model = empty();
    type_in(&mut model, "http://127.0.0.1:50000x");
    pictured("check_bad_address", &mut model);
}

#[test]
fn check_hides_the_password_while_it_tries() {
    let mut model = empty();
    type_in(&mut model, "http://ann:correct-horse@mlflow.example.com");
    press(&mut model, "Enter");
    model.now = Duration::from_millis(480);
    pictured("check_trying", &mut model);
}

#[test]
fn check_says_why_a_server_cannot_be_used() {
    let mut model = empty();
    type_in(&mut model, "http://127.0.0.1:5999");
    press(&mut model, "Enter");
    answer(&mut model, Step::Check, Err(refused()));
    pictured("check_refused", &mut model);
}

#[test]
fn check_shows_what_was_found() {
    let mut model = checked();
    pictured("check_found", &mut model);
    kept("check_found_60x18", &picture(&mut model, 60, 18));
    press(&mut model, "j j j j j j j j j j j j j j");
    kept("check_found_scrolled_60x18", &picture(&mut model, 60, 18));
}

#[test]
fn app_asks_for_a_url() {
    let mut model = checked();
    press(&mut model, "Enter");
    pictured("app_empty", &mut model);
}

/// Step 2 with the Apps of an account on screen.
fn with_apps(apps: Vec<Listed>) -> Model {
    let mut model = checked();
    press(&mut model, "Enter F2");
    update(&mut model, Msg::Apps(Ok(("eu-west-1".into(), apps))));
    model
}

#[test]
fn app_lists_what_the_account_has() {
    let mut model = checked();
    press(&mut model, "Enter F2");
    pictured("app_list_asked", &mut model);
    let server = Listed { resource: Resource::TrackingServer, ..app("team-tracking", "Stopped") };
    let long = "a-name-that-goes-on-and-on-and-on-until-it-hardly-fits-the-line-any-more";
    let apps = vec![app("mlflow", "Created"), app(long, "Creating"), app("old", "CreateFailed"), server];
    let mut model = with_apps(apps);
    press(&mut model, "j");
    pictured("app_list", &mut model);
    kept("app_list_60x18", &picture(&mut model, 60, 18));
    model.look = monochrome();
    let ascii = picture(&mut model, 80, 24);
    assert!(ascii.is_ascii(), "{ascii}");
    kept("app_list_ascii", &ascii);
}

#[test]
fn app_says_what_to_do_without_any_or_without_credentials() {
    pictured("app_list_empty", &mut with_apps(Vec::new()));
    let mut model = with_apps(Vec::new());
    let error = Error::usage("no AWS region is set").hint("give --region eu-west-1, or set AWS_REGION");
    update(&mut model, Msg::Apps(Err(error)));
    pictured("app_list_failed", &mut model);
}

#[test]
fn app_is_created_with_consent_and_watched() {
    let mut model = with_apps(Vec::new());
    press(&mut model, "n");
    type_in(&mut model, "ml_flow");
    pictured("app_new_wrong", &mut model);
    kept("app_new_60x18", &picture(&mut model, 60, 18));
    model.apps.form = Default::default();
    type_in(&mut model, "mlflow");
    new_app(&mut model);
    press(&mut model, "Enter");
    pictured("app_new_consent", &mut model);
    press(&mut model, "Enter");
    let news = Provisioning::AppStatus { arn: APP.into(), status: "Creating".into(), seconds: 72.0 };
    update(&mut model, Msg::AppNews(news));
    model.now += Duration::from_secs(72);
    pictured("app_waiting", &mut model);
    let failed = Error::permanent(format!("{APP} is CreateFailed")).hint("look at the role");
    update(&mut model, Msg::AppReady(Err(failed)));
    pictured("app_never_ready", &mut model);
}

#[test]
fn connect_shows_both_ends() {
    let mut model = connected();
    pictured("connect_direct", &mut model);
    press(&mut model, "Space Tab");
    type_in(&mut model, "/日本");
    pictured("connect_directory", &mut model);
}

#[test]
fn connect_shows_the_preflight_worst_first() {
    let mut model = connected();
    press(&mut model, "r");
    answer(&mut model, Step::Check, Ok(source_report()));
    answer(&mut model, Step::App, Ok(target_report(TARGET)));
    let line = |level, check, text: &str, hint: Option<&str>| {
        let finding = Finding { hint: hint.map(str::to_owned), ..finding(level, text) };
        Line::new(End::Target, check, finding)
    };
    let bucket = "s3://ml-artifacts-of-the-team in eu-west-1, where the App is";
    let told = line(Level::Ok, "bucket", bucket, None);
    let attempt = model.preflight.attempt();
    update(&mut model, Msg::Preflight { attempt, line: Box::new(told) });
    model.now = Duration::from_millis(480);
    pictured("connect_preflight_running", &mut model);
    let mut denied = line(Level::Failure, "write", "s3://ml-artifacts-of-the-team: 403 AccessDenied", None);
    denied.statement =
        Some(serde_json::json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*" }));
    let clock = "this machine's clock is 7 minutes behind AWS";
    let warning = line(Level::Warning, "clock", clock, Some("set it: `timedatectl set-ntp true`"));
    preflight(&mut model, [plain_lines(), vec![warning, denied]].concat());
    pictured("connect_preflight_failed", &mut model);
    press(&mut model, "PageDown");
    kept("connect_preflight_failed_60x18", &picture(&mut model, 60, 18));
}

#[test]
fn connect_refuses_one_server_for_both_ends() {
    let mut model = checked();
    press(&mut model, "Enter");
    type_in(&mut model, "http://localhost:5000/");
    press(&mut model, "Enter");
    answer(&mut model, Step::App, Ok(target_report("http://localhost:5000")));
    press(&mut model, "Enter");
    answer(&mut model, Step::Check, Ok(source_report()));
    answer(&mut model, Step::App, Ok(target_report("http://localhost:5000")));
    press(&mut model, "Enter");
    pictured("connect_same_server", &mut model);
}

#[test]
fn connect_shows_an_end_that_went_away() {
    let mut model = connected();
    press(&mut model, "r");
    answer(&mut model, Step::Check, Ok(source_report()));
    answer(&mut model, Step::App, Err(refused()));
    pictured("connect_refused", &mut model);
}

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
    kept("select_registry_60x18", &picture(&mut model, 60, 18));
    // One model alone, and what it holds.
    press(&mut model, "a /");
    type_in(&mut model, "fraud.det");
    press(&mut model, "Enter j Space Esc g j j j j j j Enter");
    versions_came(&mut model, "fraud.detector");
    pictured("select_one_model", &mut model);
    // Of that only some versions, and of an experiment everything but its traces and its dataset.
    press(&mut model, "j j Space");
    press(&mut model, "g j j Space Space k Enter");
    fetched(&mut model, "2", 2, false);
    press(&mut model, "j Space G k Space");
    pictured("select_in_part", &mut model);
    model.look = monochrome();
    if let Some(tree) = model.selection.tree_mut() {
        tree.set_filter("fraud");
    }
    let ascii = picture(&mut model, 80, 24);
    assert!(ascii.is_ascii(), "{ascii}");
    kept("select_one_model_ascii", &ascii);
}

#[test]
fn import_says_what_goes_along_with_a_model() {
    let mut model = with_registry();
    press(&mut model, "a /");
    type_in(&mut model, "fraud.det");
    press(&mut model, "Enter j Space Esc n");
    pictured("import_needed_asked", &mut model);
    let run = "4f1c6a0a93a84a8e8a1d6c1c9e1b2d3e";
    let needed = [(run, "fraud.detector/3"), ("m-8a9137b8e11e4b0cb09c658fc1d2a3b4", "fraud.detector/3")];
    let result = Ok(needed.map(|(id, by)| (id.to_owned(), by.to_owned())).into());
    let plan = Box::new(model.plan.clone());
    update(&mut model, Msg::Needed { of: SOURCE.into(), plan, result });
    pictured("import_needed", &mut model);
    // The tree marks it where it is.
    press(&mut model, "4 g j j j Enter");
    let run = Run { id: run.into(), name: "trial-07".into(), ..Run::default() };
    let contents = Contents { runs: vec![run], more: false, unreadable: 0, traces: Some(Tally::exactly(0)) };
    update(&mut model, Msg::Contents { of: SOURCE.into(), experiment: "2".into(), result: Ok(contents) });
    pictured("select_needed", &mut model);
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
    update(&mut model, Msg::Holdings { of: SOURCE.into(), result });
    pictured("select_failed", &mut model);
}

#[test]
fn select_does_not_go_on_with_nothing() {
    let mut model = with_tree();
    press(&mut model, "a n");
    pictured("select_nothing", &mut model);
}

#[test]
fn export_is_not_needed_on_the_direct_way() {
    let mut model = ready_to_import();
    press(&mut model, "5");
    pictured("export_not_needed", &mut model);
}

#[test]
fn export_goes_into_a_directory() {
    let mut model = connected();
    press(&mut model, "Space Enter");
    preflight(&mut model, plain_lines());
    press(&mut model, "Enter");
    tree_comes(&mut model);
    press(&mut model, "n");
    pictured("export_ready", &mut model);
}

#[test]
fn import_says_what_it_will_do() {
    pictured("import_ready", &mut ready_to_import());
}

#[test]
fn import_at_work() {
    let mut model = importing();
    pictured("import_running", &mut model);
    press(&mut model, "p");
    pictured("import_paused", &mut model);
    press(&mut model, "p s");
    pictured("import_stopping", &mut model);
}

#[test]
fn import_shows_what_failed() {
    let mut model = importing();
    some_fail(&mut model);
    press(&mut model, "f j");
    pictured("import_failures", &mut model);
    press(&mut model, "L");
    pictured("import_log", &mut model);
}

#[test]
fn import_finished() {
    let mut model = importing();
    end(&mut model, Step::Import, 0);
    pictured("import_finished", &mut model);
}

#[test]
fn import_finished_but_some_failed() {
    let mut model = importing();
    some_fail(&mut model);
    end(&mut model, Step::Import, 3);
    pictured("import_finished_with_failures", &mut model);
}

#[test]
fn import_stopped_and_import_broken_off() {
    let mut model = importing();
    press(&mut model, "s");
    stopped(&mut model, Step::Import);
    pictured("import_stopped", &mut model);
    press(&mut model, "Enter");
    update(&mut model, Msg::Ended(Err(refused())));
    pictured("import_failed", &mut model);
}

#[test]
fn validation_from_start_to_proof() {
    let mut model = imported();
    pictured("validate_ready", &mut model);
    press(&mut model, "x Enter");
    at_work(&mut model);
    pictured("validate_running", &mut model);
    end_validation(&mut model, &[]);
    pictured("validate_same", &mut model);
}

#[test]
fn validation_lists_and_opens_differences() {
    let mut model = imported();
    press(&mut model, "Enter");
    at_work(&mut model);
    end_validation(&mut model, &differences());
    pictured("validate_differences", &mut model);
    press(&mut model, "j j j j Enter j");
    pictured("validate_difference_open", &mut model);
    press(&mut model, "Esc m");
    assert_eq!(model.validation.outline.only(), Some(Mark::Missing));
    pictured("validate_only_missing", &mut model);
    press(&mut model, "Enter");
    pictured("validate_missing_open", &mut model);
    press(&mut model, "Esc w");
    pictured("validate_copy_report", &mut model);
}

#[test]
fn help_lists_the_keys_of_the_screen() {
    let mut model = with_tree();
    press(&mut model, "?");
    pictured("help", &mut model);
}

#[test]
fn leaving_at_work_is_asked_about() {
    let mut model = importing();
    press(&mut model, "q j");
    assert!(matches!(model.overlay, Some(Overlay::Quit(Parting::Drain))));
    pictured("quit", &mut model);
}

#[test]
fn a_session_that_was_left_is_offered() {
    let mut model = empty();
    mlferry::tui::act::offer(&mut model, session(Step::Import));
    pictured("resume", &mut model);
}

#[test]
fn a_session_that_cannot_go_on_says_so() {
    let mut model = empty();
    mlferry::tui::act::offer(&mut model, session(Step::Import));
    press(&mut model, "Enter");
    answer(&mut model, Step::Check, Err(Error::new(mlferry::error::Class::Auth, "it wants a sign-in (401)")));
    answer(&mut model, Step::App, Ok(target_report(TARGET)));
    pictured("resume_refused", &mut model);
}

#[test]
fn what_has_changed_makes_later_steps_stale() {
    let mut model = imported();
    press(&mut model, "4 Space 6");
    pictured("stale", &mut model);
}

#[test]
fn a_window_that_is_too_small() {
    let mut model = importing();
    kept("too_small", &picture(&mut model, 44, 10));
}

#[test]
fn the_least_size_is_enough() {
    let mut model = importing();
    kept("import_running_60x18", &picture(&mut model, 60, 18));
    let mut model = with_tree();
    kept("select_tree_60x18", &picture(&mut model, 60, 18));
}

#[test]
fn without_utf8_all_is_ascii() {
    let mut model = with_tree();
    model.look = monochrome();
    // Names are what they are.
    if let Some(tree) = model.selection.tree_mut() {
        tree.set_filter("fraud");
    }
    let tree = picture(&mut model, 80, 24);
    assert!(tree.is_ascii(), "{tree}");
    kept("select_ascii", &tree);
    let mut model = importing();
    model.look = monochrome();
    some_fail(&mut model);
    press(&mut model, "f");
    kept("import_failures_ascii", &picture(&mut model, 80, 24));
}

#[test]
fn without_colours_the_chosen_row_is_still_seen() {
    let mut model = with_tree();
    model.look = monochrome();
    press(&mut model, "j");
    kept("select_styles", &styles(&mut model, 80, 24));
    let mut model = imported();
    model.look = monochrome();
    press(&mut model, "Enter");
    at_work(&mut model);
    end_validation(&mut model, &differences());
    press(&mut model, "j j j j Enter");
    kept("validate_styles", &styles(&mut model, 80, 24));
}

/// A picture must not depend on how large the list behind it is.
#[test]
fn a_hundred_thousand_experiments_are_drawn_in_a_frame() {
    let mut model = connected();
    press(&mut model, "Enter");
    let experiments =
        (0..100_000).map(|n| experiment(&n.to_string(), &format!("team/project-{n}"))).collect();
    let models = vec![registered("churn", false)];
    came(&mut model, Holdings { experiments, models, ..Holdings::default() });
    press(&mut model, "Space G k k");
    let started = std::time::Instant::now();
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("team/project-99999"));
    // Unoptimised and on a busy machine; a frame of the release build takes a millisecond or two.
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    // A plan that names nearly all of them is carried along from there on.
    press(&mut model, "g Space j Space n");
    assert_eq!(model.plan.except_experiments.len(), 1);
    let started = std::time::Instant::now();
    assert!(picture(&mut model, 80, 24).contains("99,999 experiments"));
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    let _: &Model = &model;
}

/// `docs/frames`, which the README shows.
#[test]
fn frames_of_the_readme_are_real() {
    svg::framed("select", &mut with_registry());
    svg::framed("import", &mut importing());
    let mut model = imported();
    press(&mut model, "Enter Enter");
    at_work(&mut model);
    end_validation(&mut model, &differences());
    svg::framed("validate", &mut model);
}
