//! Steps 5 to 7: running jobs and their results.

use crate::engine::browse::Contents;
use crate::engine::validate::Mark;
use crate::engine::{Counts, Event, FailureCause, Step};
use crate::entities::{Count, Kind, Run};
use crate::tui::effect::Msg;
use crate::tui::update::update;

use super::fixtures::*;
use super::frames::{picture, pictured};
use super::job_fixtures::*;

#[test]
fn import_lists_what_a_model_includes() {
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
    // The tree marks the run in its place.
    press(&mut model, "4 g j j j Enter");
    let run = Run { id: run.into(), name: "trial-07".into(), ..Run::default() };
    let contents = Contents { runs: vec![run], more: false, unreadable: 0, traces: Some(Count::exactly(0)) };
    update(
        &mut model,
        Msg::ExperimentPage { of: SOURCE.into(), experiment: "2".into(), result: Ok(contents) },
    );
    pictured("select_needed", &mut model);
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
fn import_shows_the_selection_before_the_start() {
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
    press(&mut model, "Enter Enter");
    update(&mut model, Msg::JobFinished(Err(refused())));
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
fn import_lists_very_many_failures_and_lines() {
    let mut model = importing();
    press(&mut model, "L");
    pictured("import_log_short", &mut model);
    press(&mut model, "f");
    pictured("import_no_failures", &mut model);
    for n in 0..5_000 {
        update(
            &mut model,
            Msg::JobEvent(Event::ItemFailed {
                kind: Kind::Run,
                id: format!("{n:032x}"),
                name: format!("店舗-東京 と 大阪 {n}"),
                reason: "a run that the server cannot show (500): the same every time it was asked".into(),
                hint: None,
                attempts: 1,
                cause: None,
            }),
        );
    }
    press(&mut model, "G k");
    pictured("import_many_failures", &mut model);
    press(&mut model, "L g");
    pictured("import_long_log", &mut model);
}

#[test]
fn import_of_every_kind_leaves_room_for_the_list() {
    let mut model = importing();
    let mut reading = model.import.reading;
    for kind in Kind::ALL {
        let failed = u64::from(kind == Kind::Trace);
        reading.counts[kind.index()] = Counts { planned: 1_204, done: 480, failed, skipped: 200 };
    }
    update(&mut model, Msg::Sample(Box::new(reading)));
    pictured("import_everything", &mut model);
}

#[test]
fn import_shows_one_row_for_the_items_of_a_failed_experiment() {
    let mut model = importing();
    let failed = |kind, id: String, name: &str, reason: &str, cause| {
        let (name, reason) = (name.to_owned(), reason.to_owned());
        Msg::JobEvent(Event::ItemFailed {
            kind,
            id,
            name,
            reason,
            hint: None,
            attempts: 1,
            cause: Some(cause),
        })
    };
    let reason = "the target has an experiment named \"churn\" that holds runs of another source";
    let taken = failed(Kind::Experiment, "1".into(), "churn", reason, FailureCause::NameTaken);
    update(&mut model, taken);
    for n in 0..300 {
        let cause = FailureCause::Experiment("churn".into());
        let reason = "its experiment \"churn\" failed";
        update(&mut model, failed(Kind::Run, format!("{n}"), "trial", reason, cause));
    }
    assert_eq!(model.import.failures.len(), 2);
    let mut reading = model.import.reading;
    reading.counts[Kind::Run.index()].failed = 300;
    reading.counts[Kind::Experiment.index()].failed = 1;
    update(&mut model, Msg::Sample(Box::new(reading)));
    end(&mut model, Step::Import, 3);
    pictured("import_name_taken", &mut model);
    assert!(!picture(&mut model, 80, 24).contains("tries them again"));
    press(&mut model, "j");
    assert!(model.failure_at_cursor().is_none(), "a run cannot be moved without its experiment");
}
