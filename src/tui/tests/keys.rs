//! The effects of keys and messages: the model is built by hand, and the effects are checked as data.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::browse::Holdings;
use crate::engine::{Counts, Event, Outcome, ProgressSnapshot, Route, Session, Side, Step};
use crate::entities::{Experiment, Kind};
use crate::error::{Class, Error, Result};
use crate::plan::Plan;
use crate::tui::effect::{Effect, Job, Msg};
use crate::tui::model::form::Field;
use crate::tui::model::steps::StepStatus;
use crate::tui::model::{CheckState, Model, Overlay, QuitChoice};
use crate::tui::update::actions::offer;
use crate::tui::update::update;

use super::fixtures::{
    SOURCE, TARGET, answer, came, connected, empty, experiment, plain_lines, preflight, press, source_report,
    target_report, type_in,
};

/// The names of the effects of these keys.
pub fn pressed(model: &mut Model, keys: &str) -> Vec<&'static str> {
    words(&press(model, keys))
}

fn word(effect: &Effect) -> &'static str {
    match effect {
        Effect::Check { at, .. } if at.end == Side::Source => "check source",
        Effect::Check { .. } => "check target",
        Effect::FindStores { .. } => "find stores",
        Effect::CompletePath(_) => "complete",
        Effect::Preflight { .. } => "pre-flight",
        Effect::LoadSource(_) => "holdings",
        Effect::Apps(_) => "apps",
        Effect::CreateApp { .. } => "create app",
        Effect::AwaitApp(_) => "await app",
        Effect::OpenApp(_) => "open app",
        Effect::LoadExperiment { .. } => "contents",
        Effect::MoreRuns { .. } => "more runs",
        Effect::Versions { .. } => "versions",
        Effect::LoadDetails { .. } => "closeup",
        Effect::MeasureSizes { .. } => "weigh",
        Effect::StopMeasuring => "stop weighing",
        Effect::Sample { .. } => "sample",
        Effect::Needed { .. } => "needed",
        Effect::Start(job) => match **job {
            Job::Export { .. } => "export",
            Job::Import { .. } => "import",
            Job::Validate { .. } => "validate",
        },
        Effect::LoadCurve(_) => "draw",
        Effect::Recheck(again) if again.import_from.is_some() => "import one",
        Effect::Recheck(_) => "compare one",
        Effect::Retry(_) => "retry",
        Effect::Pause(true) => "pause",
        Effect::Pause(false) => "resume",
        Effect::Stop => "stop",
        Effect::Save(_) => "save",
        Effect::Forget => "forget",
        Effect::WritePlan(_) => "plan",
        Effect::SavePlan { .. } => "save plan",
        Effect::ReadPlan(_) => "read plan",
        Effect::Copy { .. } => "copy",
        Effect::Clip(_) => "clip",
        Effect::Redraw => "redraw",
        Effect::Suspend => "suspend",
        Effect::Quit(0) => "quit 0",
        Effect::Quit(4) => "quit 4",
        Effect::Quit(130) => "quit 130",
        Effect::Quit(_) => "quit",
    }
}

fn words(effects: &[Effect]) -> Vec<&'static str> {
    effects.iter().map(word).collect()
}

fn selected() -> Model {
    let mut model = connected();
    assert_eq!(pressed(&mut model, "Enter"), ["holdings", "save"]);
    let experiments = vec![experiment("0", "Default"), experiment("1", "churn")];
    came(&mut model, Holdings { experiments, ..Holdings::default() });
    model
}

fn importing() -> Model {
    let mut model = selected();
    assert_eq!(pressed(&mut model, "n"), ["plan", "save"]);
    assert_eq!(pressed(&mut model, "Enter Enter"), ["import", "save"]);
    update(&mut model, Msg::JobStarted);
    model
}

fn outcome(step: Step) -> Outcome {
    Outcome {
        step,
        counts: Default::default(),
        points: 0,
        bytes: 0,
        requests: 0,
        retries: 0,
        seconds: 1.0,
        stopped: false,
        comparison: None,
        normalised: Default::default(),
        not_compared: Default::default(),
        notes: Vec::new(),
        files: Vec::new(),
    }
}

fn end(model: &mut Model, result: Result<Outcome>) -> Vec<&'static str> {
    words(&update(model, Msg::JobFinished(result)))
}

#[test]
fn the_whole_way_by_enter() {
    let mut model = importing();
    assert_eq!(end(&mut model, Ok(outcome(Step::Import))), ["save"]);
    assert_eq!(pressed(&mut model, "Enter"), ["save"]);
    assert_eq!(pressed(&mut model, "Enter"), ["validate", "save"]);
    end(&mut model, Ok(outcome(Step::Validate)));
    assert!(
        Step::ALL.iter().all(|step| matches!(model.gate(*step), StepStatus::Done | StepStatus::NotNeeded))
    );
    assert_eq!(pressed(&mut model, "q"), ["forget", "quit 0"]);
}

#[test]
fn a_text_field_swallows_letters() {
    let mut model = empty();
    assert!(pressed(&mut model, "q ? 3 L n r").is_empty());
    assert_eq!(model.source.form.uri(), "q?3Lnr");
    assert_eq!(pressed(&mut model, "Esc q"), ["save", "quit 0"]);
}

#[test]
fn a_bad_address_is_not_tried() {
    let mut model = empty();
    type_in(&mut model, "localhost:5000");
    assert!(pressed(&mut model, "Enter").is_empty());
    assert!(model.notice.as_ref().is_some_and(|notice| notice.contains("http://localhost:5000")));
}

#[test]
fn an_outdated_answer_is_dropped() {
    let mut model = empty();
    type_in(&mut model, SOURCE);
    pressed(&mut model, "Enter");
    let attempt = model.source.attempt;
    type_in(&mut model, "1");
    update(&mut model, Msg::Checked { end: Side::Source, attempt, result: Ok(Box::new(source_report())) });
    assert!(matches!(model.source.seen, CheckState::Unchecked));
}

#[test]
fn a_wanted_sign_in_moves_the_cursor_to_it() {
    let mut model = empty();
    type_in(&mut model, SOURCE);
    pressed(&mut model, "Enter");
    answer(&mut model, Step::Check, Err(Error::new(Class::Auth, "sign in")));
    type_in(&mut model, "ann");
    assert_eq!(model.source.form.access().username.as_deref(), Some("ann"));
}

#[test]
fn a_password_never_reaches_the_session() {
    let mut model = empty();
    type_in(&mut model, "http://ann:geheim@127.0.0.1:5000");
    let saved = |model: &Model| format!("{:?}", model.session());
    assert!(!saved(&model).contains("geheim"));
    let command = |model: &Model| crate::tui::command::of(model).join(" ");
    assert!(!command(&model).contains("geheim"));
    pressed(&mut model, "Enter");
    assert!(!saved(&model).contains("geheim") && model.source.form.access().password.is_some());
}

#[test]
fn locked_steps_show_the_reason() {
    let mut model = empty();
    pressed(&mut model, "Esc 4");
    assert_eq!(model.step, Step::Check);
    assert_eq!(model.notice.as_deref(), Some("4 Selection: connect both ends first"));
}

#[test]
fn one_server_cannot_be_both_ends() {
    let mut model = connected();
    pressed(&mut model, "r");
    answer(&mut model, Step::Check, Ok(source_report()));
    answer(&mut model, Step::App, Ok(target_report("http://localhost:5000/")));
    assert!(model.connection().is_err());
    assert!(pressed(&mut model, "Enter").is_empty());
    assert_eq!(model.step, Step::Connect);
}

#[test]
fn by_a_directory_there_is_an_export_first() {
    let mut model = connected();
    pressed(&mut model, "Space Tab");
    model.route.directory = Field::new("~/exports");
    assert_eq!(model.route(), Route::Directory(PathBuf::from("/home/ann/exports")));
    // Now the pre-flight also checks the disk.
    assert_eq!(pressed(&mut model, "Enter"), ["pre-flight"]);
    assert!(pressed(&mut model, "Enter").is_empty(), "nobody passes while it is at work");
    preflight(&mut model, plain_lines());
    pressed(&mut model, "Enter");
    came(&mut model, Holdings { experiments: vec![Experiment::default()], ..Holdings::default() });
    pressed(&mut model, "n");
    assert_eq!(model.step, Step::Export);
    assert_eq!(model.gate(Step::Import), StepStatus::Blocked("export first"));
    assert_eq!(pressed(&mut model, "Enter"), ["export", "save"]);
    end(&mut model, Ok(outcome(Step::Export)));
    pressed(&mut model, "Enter");
    let effects = press(&mut model, "Enter Enter");
    let Some(Effect::Start(job)) = effects.first() else { panic!("no job") };
    let Job::Import { source, .. } = job.as_ref() else { panic!("no import") };
    assert_eq!(source.uri, "/home/ann/exports");
}

#[test]
fn runs_are_fetched_when_an_experiment_is_opened_and_only_then() {
    let mut model = selected();
    assert_eq!(pressed(&mut model, "j l"), ["contents"]);
    assert!(pressed(&mut model, "h l").is_empty());
}

#[test]
fn the_next_step_opens_when_the_source_is_loaded() {
    let page =
        |id: &str, more| Holdings { experiments: vec![experiment(id, id)], more, ..Holdings::default() };
    for (keys, goes) in [("n", true), ("n j", false)] {
        let mut model = connected();
        press(&mut model, "Enter");
        came(&mut model, page("0", true));
        assert!(pressed(&mut model, keys).is_empty());
        came(&mut model, page("1", true));
        assert_eq!(model.step, Step::Plan);
        came(&mut model, page("2", false));
        assert_eq!(model.step == Step::Import, goes, "{keys}");
    }
}

#[test]
fn the_selection_becomes_the_plan() {
    let mut model = selected();
    pressed(&mut model, "Space");
    pressed(&mut model, "n");
    assert_eq!(model.plan.experiments.len(), 1);
    assert_eq!(model.plan.experiments[0].name, "churn");
}

#[test]
fn pause_and_stop_and_stop_now() {
    let mut model = importing();
    assert_eq!(pressed(&mut model, "p"), ["pause"]);
    assert_eq!(pressed(&mut model, "p"), ["resume"]);
    assert_eq!(pressed(&mut model, "s"), ["stop"]);
    // A job that is stopping cannot be paused.
    assert!(pressed(&mut model, "p").is_empty());
    assert_eq!(pressed(&mut model, "^C"), ["stop"]);
    end(&mut model, Ok(Outcome { stopped: true, ..outcome(Step::Import) }));
    assert_eq!(model.gate(Step::Import), StepStatus::Attention("stopped".into()));
    assert_eq!(pressed(&mut model, "Enter Enter"), ["import", "save"]);
}

#[test]
fn one_job_at_a_time() {
    let mut model = importing();
    assert!(pressed(&mut model, "Enter").is_empty());
    // Other screens can be viewed, but not changed.
    pressed(&mut model, "4");
    assert!(pressed(&mut model, "Space a i").is_empty());
    assert_eq!(model.selection.tree().unwrap().plan(), Some(Plan::default()));
    pressed(&mut model, "1 Tab");
    assert_eq!(model.source.form.focus, None);
}

#[test]
fn leaving_at_work_asks_and_leaves_when_the_work_has_ended() {
    let mut model = importing();
    assert!(pressed(&mut model, "q").is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Quit(QuitChoice::Stay))));
    assert!(pressed(&mut model, "Enter").is_empty());
    assert!(model.overlay.is_none() && !model.leaving);
    assert_eq!(pressed(&mut model, "q j Enter"), ["stop"]);
    let stopped = Outcome { stopped: true, ..outcome(Step::Import) };
    assert_eq!(end(&mut model, Ok(stopped)), ["save", "quit 130"]);

    let mut model = importing();
    assert_eq!(pressed(&mut model, "q j j Enter"), ["stop", "stop"]);

    // The user has not answered yet, but the job has ended, so the question is no longer needed.
    let mut model = importing();
    pressed(&mut model, "q");
    assert_eq!(end(&mut model, Ok(outcome(Step::Import))), ["save", "quit 0"]);
}

#[test]
fn a_lost_terminal_drains_the_job_and_saves() {
    let mut model = importing();
    assert_eq!(words(&update(&mut model, Msg::HangUp)), ["stop"]);
    let stopped = Outcome { stopped: true, ..outcome(Step::Import) };
    assert_eq!(end(&mut model, Ok(stopped)), ["save", "quit 130"]);
    assert_eq!(words(&update(&mut connected(), Msg::HangUp)), ["save", "quit 130"]);
}

#[test]
fn a_session_is_taken_up_where_it_was_left() {
    let session = Session {
        step: Step::Validate,
        source: SOURCE.into(),
        target: TARGET.into(),
        route: Route::Directory("/exports".into()),
        plan: Plan { skip_deleted: true, ..Plan::default() },
    };
    let mut model = empty();
    offer(&mut model, session.clone());
    assert_eq!(pressed(&mut model, "Enter"), ["check source", "check target"]);
    assert!(answer(&mut model, Step::Check, Ok(source_report())).is_empty());
    assert_eq!(words(&answer(&mut model, Step::App, Ok(target_report(TARGET)))), ["save"]);
    assert_eq!((model.step, model.session()), (Step::Validate, session));
    assert_eq!(pressed(&mut model, "Enter"), ["validate", "save"]);
}

#[test]
fn leaving_without_an_answer_keeps_the_session() {
    let mut model = empty();
    model.source.form.set_uri("http://from-the-environment");
    offer(&mut model, Session { step: Step::Import, source: SOURCE.into(), ..Session::default() });
    assert_eq!(pressed(&mut model, "^C"), ["quit 0"]);
    assert_eq!(words(&update(&mut model, Msg::HangUp)), ["quit 130"]);
}

#[test]
fn pasted_text_stays_one_line_in_the_active_field() {
    let mut model = empty();
    update(&mut model, Msg::Paste("http://ho\r\nst:5000\n".into()));
    assert_eq!(model.source.form.uri(), "http://host:5000");
    press(&mut model, "Esc");
    update(&mut model, Msg::Paste("lost".into()));
    assert_eq!(model.source.form.uri(), "http://host:5000");
}

#[test]
fn starting_anew_begins_at_the_beginning() {
    let mut model = empty();
    let session = Session { step: Step::Import, source: SOURCE.into(), ..Session::default() };
    offer(&mut model, session);
    assert_eq!(pressed(&mut model, "j Enter"), ["find stores"]);
    type_in(&mut model, "http://other");
    assert_eq!(model.source.form.uri(), "http://other");
}

#[test]
fn work_that_was_done_for_something_else_is_stale() {
    let mut model = importing();
    end(&mut model, Ok(outcome(Step::Import)));
    pressed(&mut model, "4 Space n");
    assert!(matches!(model.gate(Step::Import), StepStatus::Stale(_)));
    assert_eq!(pressed(&mut model, "Enter Enter"), ["import", "save"]);
}

#[test]
fn a_second_import_asks_for_a_second_validation() {
    let mut model = importing();
    end(&mut model, Ok(outcome(Step::Import)));
    pressed(&mut model, "Enter Enter");
    end(&mut model, Ok(outcome(Step::Validate)));
    pressed(&mut model, "6 r Tab Enter");
    end(&mut model, Ok(outcome(Step::Import)));
    assert_eq!(model.gate(Step::Validate), StepStatus::Ready);
    assert_eq!(pressed(&mut model, "q"), ["save", "quit 0"]);
}

#[test]
fn concurrent_items_are_shown_until_they_end() {
    let mut model = importing();
    let item = |id: &str| (Kind::Run, id.to_owned(), format!("run {id}"));
    for id in ["a", "b", "c"] {
        let (kind, id, name) = item(id);
        update(&mut model, Msg::Clock(Duration::from_secs(1)));
        update(&mut model, Msg::JobEvent(Event::ItemStarted { kind, id, name }));
    }
    let (kind, id, name) = item("a");
    update(&mut model, Msg::JobEvent(Event::ItemDone { kind, id, name }));
    let (kind, id, name) = item("b");
    let reason = "no".to_owned();
    update(
        &mut model,
        Msg::JobEvent(Event::ItemFailed { kind, id, name, reason, hint: None, attempts: 1, cause: None }),
    );
    let left: Vec<_> = model.import.in_flight().iter().map(|flight| flight.name.clone()).collect();
    assert_eq!((left, model.import.failures.len(), model.log.len()), (vec!["run c".to_owned()], 1, 1));
}

#[test]
fn the_bar_is_not_full_before_the_end() {
    let mut model = importing();
    let mut reading = ProgressSnapshot::default();
    reading.counts[Kind::Run.index()] = Counts { planned: 5, done: 5, failed: 0, skipped: 0 };
    update(&mut model, Msg::Sample(Box::new(reading)));
    assert!(model.import.reading.fraction() < 1.0);
}

#[test]
fn commands_name_the_profile_that_holds() {
    let mut model = importing();
    model.profile = Some("team staging".into());
    let command = crate::tui::command::of(&model);
    assert_eq!(command.last().map(String::as_str), Some("--profile 'team staging'"));
}
