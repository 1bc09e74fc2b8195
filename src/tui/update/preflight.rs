//! Step 3's pre-flight: its result lines as they arrive, and whether they allow the next step.

use super::same_names;
use crate::engine::{Level, Line, Side, Step, TAKEN_NAMES};
use crate::error::Result;
use crate::tui::effect::Effect;
use crate::tui::model::preflight::{Preflight, State};
use crate::tui::model::{CheckState, Model};

/// Tests both ends as the import will use them, if they have answered and differ.
pub fn start(model: &mut Model) -> Vec<Effect> {
    let both = [&model.source.seen, &model.target.seen];
    if model.step != Step::Connect || !both.iter().all(|seen| matches!(seen, CheckState::Found(_))) {
        return Vec::new();
    }
    if model.connection().is_err() {
        return Vec::new();
    }
    let attempt = model.preflight.attempt + 1;
    let of = Some(model.preflight_ends());
    model.preflight = Preflight { state: State::Running, of, attempt, ..Preflight::default() };
    let output_dir = model.route.by_directory.then(|| model.directory());
    let ends = Box::new([model.at(Side::Source), model.at(Side::Target)]);
    let plan = Box::new(model.plan.clone());
    vec![Effect::Preflight { ends, output_dir, plan, attempt }]
}

/// Failures come first because the user looks for them first.
pub fn on_line(model: &mut Model, attempt: u64, mut line: Line) {
    // The options of the command line are keys here.
    if line.check == TAKEN_NAMES {
        line.finding.hint = Some(same_names::hint(model));
    }
    let preflight = &mut model.preflight;
    if preflight.attempt == attempt {
        let at = preflight.lines.partition_point(|other| rank(other) <= rank(&line));
        preflight.lines.insert(at, line);
    }
}

fn rank(line: &Line) -> u8 {
    match line.finding.level {
        Level::Failure => 0,
        Level::Warning => 1,
        Level::Ok => 2,
    }
}

pub fn on_finished(model: &mut Model, attempt: u64, result: Result<()>) {
    if model.preflight.attempt != attempt {
        return;
    }
    model.preflight.state = match result {
        Ok(()) => State::Done,
        Err(error) => State::Refused(error.into()),
    };
}
