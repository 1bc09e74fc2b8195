//! If one side cannot return an object, the validation must not report both sides as the same. Each call of either side
//! fails, once with a permanent error and once with a transient error.

use std::collections::BTreeSet;

use super::{RunEnded, World};
use crate::engine::faults::{Faults, How, Which};
use crate::entities::Kind;
use crate::error::{Class, Error};
use crate::memory::{answered, fill};
use crate::report::Mark;

/// Calls whose answers do not matter for the comparison, or that a validation does not make.
const WITHOUT_MEANING: [&str; 2] = ["others", "run"];

/// The names of the calls to a reader.
fn calls(world: &World) -> BTreeSet<&'static str> {
    let faults = std::sync::Arc::new(Faults::none());
    world.import_between(std::sync::Arc::clone(&faults), std::sync::Arc::new(Faults::none())).outcome();
    faults.names().into_iter().filter(|name| !WITHOUT_MEANING.contains(name)).collect()
}

fn unreadable(end: &RunEnded) -> u64 {
    let RunEnded::Outcome(outcome) = end else { return 0 };
    let totals = outcome.comparison.clone().unwrap_or_default();
    Kind::ALL.into_iter().map(|kind| totals.of(kind, Mark::Unreadable)).sum()
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures, with --nocapture")]
fn an_object_that_one_side_cannot_return_is_never_the_same() {
    let world = World::new(fill);
    let names = calls(&world);
    for needed in [
        "experiments",
        "runs",
        "logged_models",
        "registered_models",
        "model_versions",
        "evaluation_datasets",
        "records",
        "scorers",
        "traces",
        "spans",
        "trace_links",
        "histories",
        "files",
        "open",
    ] {
        assert!(names.contains(needed), "{needed} is not called: {names:?}");
    }
    let refused: Error = answered(400, "INVALID_PARAMETER_VALUE", Class::Permanent, "cannot be shown");
    let busy: Error = answered(503, "", Class::Transient, "busy");
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for name in names {
        for (error, is_final) in [(&refused, true), (&busy, false)] {
            for at_source in [true, false] {
                let faults = || Faults::at(Which::Named(name), How::Before(error.clone()));
                let end = match at_source {
                    true => world.validate_with(faults(), Faults::none()),
                    false => world.validate_with(Faults::none(), faults()),
                };
                tried += 1;
                let side = if at_source { "source" } else { "target" };
                let counted = unreadable(&end);
                let report = std::fs::read_to_string(world.report()).unwrap_or_default();
                let is_reported = matches!(end, RunEnded::Error(_)) || report.contains(&error.to_string());
                // A refusal by the target must be counted as unreadable, and the other objects must still be compared.
                // Histories of many runs are read together, so an error there ends the comparison.
                let is_counted = counted > 0 || !is_final || at_source || name == "histories";
                // Only an import reads the first runs of the source, to recognise an experiment.
                let is_called =
                    name != "first_runs" && (at_source || !(name == "run" || name == "logged_model"));
                if is_called && (end.code() == Some(0) || !is_reported || !is_counted) {
                    wrong.push(format!(
                        "{name} at the {side}, final {is_final}: {:?}, {counted} counted",
                        end.code()
                    ));
                }
            }
        }
    }
    println!("calls that fail: {tried} tried, {} not noticed", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
