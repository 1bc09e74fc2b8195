//! Retries of failed items: a single item, or all of them.

use super::steps;
use crate::engine::{Side, Step};
use crate::error::{Class, Result};
use crate::tui::effect::Effect;
use crate::tui::effect::ItemRetry;
use crate::tui::model::Model;
use crate::tui::model::job::Failed;

pub fn one(model: &mut Model) -> Vec<Effect> {
    let Some(failed) = model.failure_at_cursor().cloned() else {
        return Vec::new();
    };
    model.import.retrying = Some(format!("{} {}", failed.kind, failed.name));
    let (source, target) = (model.import_source(), model.at(Side::Target));
    vec![Effect::Retry(Box::new(ItemRetry { source, target, plan: model.plan.clone(), failed }))]
}

/// Starts immediately, or as soon as the running job has ended.
pub fn all(model: &mut Model) -> Vec<Effect> {
    let step = model.step;
    match model.work_mut(step) {
        Some(work) if work.is_running() => work.again = !work.again,
        _ => return steps::start(model, false),
    }
    Vec::new()
}

/// The result is ignored if a job was started in the meantime.
pub fn on_finished(model: &mut Model, failed: &Failed, result: Result<()>) {
    let work = &mut model.import;
    let Some(what) = work.retrying.take() else { return };
    let place = work.failures.iter().position(|one| (one.kind, &one.id) == (failed.kind, &failed.id));
    model.notice = Some(match (result, place) {
        (Ok(()), place) => {
            place.and_then(|at| work.failures.remove(at));
            work.mended += 1;
            work.cursor = work.cursor.min(work.failures.len().saturating_sub(1));
            // The earlier validation does not include this item.
            model.completed.forget_from(Step::Validate);
            format!("{what} is on the target now")
        }
        // The item was not retried, so its known state is still valid.
        (Err(error), _) if error.class() == Class::Usage => {
            format!("{what}: {error}; {}", error.get_hint().unwrap_or_default())
        }
        (Err(error), place) => {
            if let Some(one) = place.and_then(|at| work.failures.get_mut(at)) {
                one.attempts += 1;
                one.reason = error.to_string();
                one.hint = error.get_hint().map(str::to_owned);
            }
            format!("{what}: {error}")
        }
    });
}
