//! Dialogs: a text that was not accepted stays in the dialog. A key that may be part of a text never writes to a
//! target.

use crate::engine::Step;
use crate::error::Error;
use crate::tui::effect::Msg;
use crate::tui::model::question::{Question, State};
use crate::tui::model::{Model, Overlay, Write};
use crate::tui::update::update;
use proptest::prelude::*;

use super::fixtures::*;
use super::frames::{picture, pictured};
use super::job_fixtures::{at_work, differences, end, end_validation, imported, importing, some_fail};
use super::keys::pressed;

fn state(model: &Model) -> Option<(Question, &str, &State)> {
    match &model.overlay {
        Some(Overlay::Ask(ask)) => Some((ask.question, ask.answer.text(), &ask.state)),
        _ => None,
    }
}

#[test]
fn a_plan_that_cannot_be_saved_is_asked_for_again() {
    let mut model = with_tree();
    assert!(pressed(&mut model, "w").is_empty());
    type_in(&mut model, "/nowhere");
    assert_eq!(pressed(&mut model, "Enter"), ["save plan"]);
    assert!(pressed(&mut model, "Enter").is_empty(), "it is on its way");
    let why = "/nowhere: Permission denied (os error 13)".to_owned();
    update(&mut model, Msg::Answered { question: Question::SavePlan, result: Err(why.clone()) });
    assert_eq!(state(&model), Some((Question::SavePlan, "/nowhere", &State::Failed(why))));
    pictured("question_failed", &mut model);
    // The next characters are appended to the text.
    type_in(&mut model, "my plan.toml");
    assert_eq!(state(&model), Some((Question::SavePlan, "/nowheremy plan.toml", &State::Typing)));
    assert_eq!(model.step, Step::Plan);
    assert_eq!(pressed(&mut model, "Enter"), ["save plan"]);
    let saved = "the plan is in /data/my plan.toml".to_owned();
    update(&mut model, Msg::Answered { question: Question::SavePlan, result: Ok(saved.clone()) });
    assert!(model.overlay.is_none());
    assert_eq!(model.notice, Some(saved));
}

#[test]
fn a_plan_that_cannot_be_read_is_asked_for_again() {
    let mut model = with_tree();
    pressed(&mut model, "L");
    assert_eq!(pressed(&mut model, "Enter"), ["read plan"]);
    let missing = Msg::PlanRead { from: "/data/plan.toml".into(), result: Err(Error::usage("no such file")) };
    update(&mut model, missing);
    let failed = State::Failed("no such file".to_owned());
    assert_eq!(state(&model), Some((Question::LoadPlan, "plan.toml", &failed)));
    pressed(&mut model, "Esc");
    assert!(model.overlay.is_none());
    // The dialog was closed before the response arrived: a notice reports the error.
    pressed(&mut model, "L Enter Esc");
    let missing = Msg::PlanRead { from: "/data/plan.toml".into(), result: Err(Error::usage("no such file")) };
    update(&mut model, missing);
    assert!(model.overlay.is_none());
    assert_eq!(model.notice.as_deref(), Some("no such file"));
}

#[test]
fn a_report_and_a_region_that_make_no_sense_are_asked_for_again() {
    let mut model = imported();
    press(&mut model, "Enter");
    at_work(&mut model);
    end_validation(&mut model, &differences());
    pressed(&mut model, "w");
    type_in(&mut model, ".docx");
    assert!(pressed(&mut model, "Enter").is_empty());
    assert!(
        matches!(state(&model), Some((Question::Report, _, State::Failed(why))) if why.contains(".html"))
    );

    let mut model = checked();
    press(&mut model, "Enter F2");
    update(&mut model, Msg::Apps(Ok(("eu-west-1".into(), Vec::new()))));
    pressed(&mut model, "g");
    type_in(&mut model, "EU west");
    assert!(pressed(&mut model, "Enter").is_empty());
    assert!(matches!(state(&model), Some((Question::Region, _, State::Failed(_)))));
    pressed(&mut model, "Esc g");
    type_in(&mut model, "eu-nowhere-1");
    assert_eq!(pressed(&mut model, "Enter"), ["apps"]);
    update(&mut model, Msg::Apps(Err(Error::transient("no such host"))));
    assert!(
        matches!(state(&model), Some((Question::Region, _, State::Failed(why))) if why == "no such host")
    );
    pressed(&mut model, "Enter");
    update(&mut model, Msg::Apps(Ok(("eu-north-1".into(), Vec::new()))));
    assert!(model.overlay.is_none());
}

#[test]
fn a_write_needs_confirmation() {
    let mut model = ready_to_import();
    assert!(pressed(&mut model, "Enter").is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Confirm(Write::Import, true))));
    pictured("confirm_import", &mut model);
    for other in ["Esc", "y", "n", "Space", "Left", "Tab Enter"] {
        assert!(pressed(&mut model, other).is_empty());
        assert!(model.overlay.is_none(), "{other}");
        pressed(&mut model, "Enter");
    }
    assert_eq!(pressed(&mut model, "Enter"), ["import", "save"]);

    let mut model = importing();
    some_fail(&mut model);
    end(&mut model, Step::Import, 3);
    assert!(pressed(&mut model, "r").is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Confirm(Write::Failed, false))), "a letter has opened it");
    assert!(picture(&mut model, 80, 24).contains("This imports one item again"));
}

/// The effects that write. A text with single Enters between its lines must cause none of them on any screen.
const WRITES: [&str; 4] = ["import", "import one", "retry", "create app"];

fn screens() -> Vec<(&'static str, Model)> {
    let mut failed = importing();
    some_fail(&mut failed);
    end(&mut failed, Step::Import, 3);
    let mut on_failure = importing();
    some_fail(&mut on_failure);
    end(&mut on_failure, Step::Import, 3);
    press(&mut on_failure, "f");
    let compared = || {
        let mut model = imported();
        press(&mut model, "Enter");
        at_work(&mut model);
        end_validation(&mut model, &differences());
        model
    };
    let mut open = compared();
    press(&mut open, "j j j j Enter");
    let mut apps = checked();
    press(&mut apps, "Enter F2");
    update(&mut apps, Msg::Apps(Ok(("eu-west-1".into(), vec![app("mlflow", "Created")]))));
    let mut new_one = checked();
    press(&mut new_one, "Enter F2");
    update(&mut new_one, Msg::Apps(Ok(("eu-west-1".into(), Vec::new()))));
    press(&mut new_one, "n");
    type_in(&mut new_one, "mlflow");
    new_app(&mut new_one);
    vec![
        ("select", with_tree()),
        ("import", ready_to_import()),
        ("failed", failed),
        ("on a failure", on_failure),
        ("compared", compared()),
        ("a difference", open),
        ("apps", apps),
        ("a new app", new_one),
    ]
}

fn writes(model: &mut Model, text: &str) -> Option<&'static str> {
    for c in text.chars() {
        let key = match c {
            '\n' => "Enter".to_owned(),
            ' ' => "Space".to_owned(),
            c => c.to_string(),
        };
        // A user looks at the result of Enter, but a pasted text does not.
        let done = pressed(model, &key);
        if let Some(write) = done.into_iter().find(|word| WRITES.contains(word)) {
            return Some(write);
        }
    }
    None
}

#[test]
fn the_text_that_once_started_an_import_does_not() {
    let mut model = with_tree();
    pressed(&mut model, "w");
    type_in(&mut model, "/nowhere");
    pressed(&mut model, "Enter");
    let why = "Not a directory".to_owned();
    update(&mut model, Msg::Answered { question: Question::SavePlan, result: Err(why) });
    assert_eq!(writes(&mut model, "my plan.toml\na L\n"), None);
    assert_eq!(model.step, Step::Plan);
    // The same applies after the dialog is closed.
    for (name, mut model) in screens() {
        assert_eq!(writes(&mut model, "my plan.toml\na L\nR\ni\nr\nn\n"), None, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_writes_to_a_target(text in "([a-zA-Z0-9 ./_-]{1,8}\n){1,6}") {
        for (name, mut model) in screens() {
            prop_assert_eq!(writes(&mut model, &text), None, "{}: {:?}", name, &text);
        }
    }
}
