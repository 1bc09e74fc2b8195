//! Steps 1 to 3: both ends, and the route between them.

use std::time::Duration;

use crate::engine::{AppSummary, Finding, Level, Line, Provisioning, Resource, Side, Step};
use crate::error::{Class, Error};
use crate::tui::effect::Msg;
use crate::tui::model::Model;
use crate::tui::update::update;

use super::fixtures::*;
use super::frames::{kept, picture, pictured};

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
fn check_shows_why_a_server_cannot_be_used() {
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
    press(&mut model, "j j j j j j j j j j j j j j");
    kept("check_found_scrolled_60x18", &picture(&mut model, 60, 18));
}

#[test]
fn app_asks_for_a_url() {
    let mut model = checked();
    press(&mut model, "Enter");
    pictured("app_empty", &mut model);
}

/// Step 2 with the list of an account's Apps.
fn with_apps(apps: Vec<AppSummary>) -> Model {
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
    let server = AppSummary { resource: Resource::TrackingServer, ..app("team-tracking", "Stopped") };
    let long = "a-name-that-goes-on-and-on-and-on-until-it-hardly-fits-the-line-any-more";
    let apps = vec![app("mlflow", "Created"), app(long, "Creating"), app("old", "CreateFailed"), server];
    let mut model = with_apps(apps);
    press(&mut model, "j");
    pictured("app_list", &mut model);
}

#[test]
fn app_shows_hints_without_apps_or_credentials() {
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
    model.apps.form = Default::default();
    type_in(&mut model, "mlflow");
    new_app(&mut model);
    press(&mut model, "Enter");
    pictured("app_new_consent", &mut model);
    press(&mut model, "Enter");
    let news = Provisioning::AppStatus { arn: APP.into(), status: "Creating".into(), seconds: 72.0 };
    update(&mut model, Msg::AppProgress(news));
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
        Line::new(Side::Target, check, finding)
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
fn a_required_sign_in_shows_a_hint() {
    let hint = "set MLFLOW_TRACKING_USERNAME; behind a sign-in page MLFERRY_SOURCE_HEADERS";
    let error = || Error::new(Class::Auth, "it wants a sign-in (401)").hint(hint);
    let mut model = connected();
    press(&mut model, "r");
    answer(&mut model, Step::Check, Ok(source_report()));
    answer(&mut model, Step::App, Err(error()));
    let shown = picture(&mut model, 80, 24);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("refused, see below") && words.contains(hint), "{shown}");
    let typed = "type a user name and a password, or a token, in step 2";
    assert!(shown.contains(typed), "{shown}");
    assert!(picture(&mut model, 60, 18).contains("set MLFLOW_TRACKING_USERNAME"));
    press(&mut model, "j j j j");
    let shown = picture(&mut model, 60, 18);
    assert!(shown.contains("type a user name and a password"), "the rest is reached by scrolling: {shown}");
    let mut model = empty();
    type_in(&mut model, SOURCE);
    press(&mut model, "Enter");
    answer(&mut model, Step::Check, Err(error()));
    let shown = picture(&mut model, 60, 18);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(hint), "{shown}");
}
