//! A side that does not show something is never the same as the other: every call of either fails once, for good and
//! for now.

use std::collections::BTreeSet;

use super::{RunEnded, World};
use crate::engine::faults::{Faults, How, Which};
use crate::entities::Kind;
use crate::error::{Class, Error};
use crate::memory::{answered, fill};
use crate::report::Mark;

/// Calls whose answer nothing depends on, or that a validation does not make.
const WITHOUT_MEANING: [&str; 2] = ["others", "run"];

/// What the reader of each side is asked for.
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
fn what_one_side_does_not_show_is_never_the_same() {
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
        assert!(names.contains(needed), "{needed} is not asked for: {names:?}");
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
                let said = std::fs::read_to_string(world.report()).unwrap_or_default();
                let is_said = matches!(end, RunEnded::Error(_)) || said.contains(&error.to_string());
                // A refusal at the target is counted, and everything else is compared all the same.
                // Histories of many runs come together: those that fail end the comparison with an error.
                let is_counted = counted > 0 || !is_final || at_source || name == "histories";
                let is_asked =
                    !(name == "run" || name == "logged_model" || name == "first_runs") || at_source;
                if is_asked && (end.code() == Some(0) || !is_said || !is_counted) {
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
