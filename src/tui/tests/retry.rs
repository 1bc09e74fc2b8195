//! Retries of failed items.

use crate::engine::Step;
use crate::error::Error;
use crate::tui::effect::{Effect, Job, Msg};
use crate::tui::model::Model;
use crate::tui::update::update;

use super::fixtures::press;
use super::frames::{kept, picture, pictured};
use super::job_fixtures::{end, importing, outcome, some_fail};

fn failed() -> Model {
    let mut model = importing();
    some_fail(&mut model);
    end(&mut model, Step::Import, 3);
    model
}

fn retry(effects: &[Effect]) -> &crate::tui::effect::ItemRetry {
    match effects {
        [Effect::Retry(retry)] => retry,
        _ => panic!("nothing is tried again"),
    }
}

#[test]
fn one_failure_is_retried_alone() {
    let mut model = failed();
    let asked = press(&mut model, "j r Tab Enter");
    let item = retry(&asked).failed.clone();
    assert_eq!(item.name, "店舗-東京/model/model.pkl");
    pictured("import_retrying", &mut model);
    assert!(press(&mut model, "r R q").is_empty(), "one at a time");
    assert!(model.notice.as_ref().unwrap().contains("still running"));
    let (reason, error) =
        (item.reason.clone(), Error::usage("this item cannot be retried on its own").hint("R tries all"));
    update(&mut model, Msg::Retried { failed: Box::new(item.clone()), result: Err(error) });
    assert_eq!((&model.import.failures[1].reason, model.import.failures[1].attempts), (&reason, 2));
    assert!(model.notice.as_ref().unwrap().ends_with("this item cannot be retried on its own; R tries all"));
    press(&mut model, "r Tab Enter");
    let error = Error::permanent("507 Insufficient Storage, still").hint("free some space");
    update(&mut model, Msg::Retried { failed: Box::new(item.clone()), result: Err(error) });
    assert_eq!(model.import.failures[1].attempts, 3);
    assert_eq!(model.import.failures[1].reason, "507 Insufficient Storage, still");
    assert_eq!(retry(&press(&mut model, "r Tab Enter")).failed, model.import.failures[1]);
    update(&mut model, Msg::Retried { failed: Box::new(item), result: Ok(()) });
    assert_eq!((model.import.failures.len(), model.import.mended), (1, 1));
    kept("import_retried_80x24", &picture(&mut model, 80, 24));
    // The last item: after its retry, the list is empty.
    assert_eq!(model.import.exit_code(), Some(3));
    let last = model.import.failures[0].clone();
    press(&mut model, "r Tab Enter");
    update(&mut model, Msg::Retried { failed: Box::new(last), result: Ok(()) });
    assert_eq!((model.import.left(), model.import.exit_code()), (0, Some(0)));
    pictured("import_all_retried", &mut model);
}

#[test]
fn all_failures_are_tried_again_at_once_or_at_the_end() {
    let mut model = failed();
    assert!(
        matches!(&press(&mut model, "R Tab Enter")[..], [Effect::Start(job), Effect::Save(_)] if matches!(**job, Job::Import { .. }))
    );
    let mut model = importing();
    assert!(press(&mut model, "R").is_empty() && !model.import.again, "nothing has failed");
    some_fail(&mut model);
    press(&mut model, "R");
    assert!(picture(&mut model, 80, 24).contains("Failed items are retried at the end"));
    press(&mut model, "R");
    assert!(!model.import.again);
    press(&mut model, "R 4");
    let outcome = outcome(&model, Step::Import);
    let effects = update(&mut model, Msg::JobFinished(Ok(outcome)));
    assert!(matches!(&effects[..], [Effect::Start(_), Effect::Save(_)]), "from whatever screen");
    assert!(!model.import.again && model.import.is_running(), "once");
}
