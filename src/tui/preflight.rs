//! Step 3's pre-flight: the lines of it as they come, and whether they let anybody through.

use super::effect::Effect;
use super::model::{CheckState, Model};
use super::work::ErrorText;
use crate::engine::{Level, Line, Route, Side, Step};
use crate::error::Result;

/// The lines, worst first.
#[derive(Default)]
pub struct Preflight {
    pub state: State,
    pub lines: Vec<Line>,
    /// Rows of them that are above the screen.
    pub scroll: usize,
    /// What they are about: source, target, and the way the data takes.
    of: Option<(String, String, Route)>,
    /// Counts the tries: what an older one tells is no news.
    attempt: u64,
}

#[derive(Default)]
pub enum State {
    #[default]
    Untried,
    Running,
    Done,
    /// It could not be done at all.
    Refused(ErrorText),
}

impl Preflight {
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running)
    }

    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    pub fn count(&self, level: Level) -> usize {
        self.lines.iter().filter(|line| line.finding.level == level).count()
    }

    /// Rows that the lines take about, at least: for scrolling.
    pub fn rows(&self) -> usize {
        let statement = |line: &Line| line.statement.as_ref().map_or(0, |_| 3);
        let rows = |line: &Line| 1 + 2 * usize::from(line.finding.hint.is_some()) + statement(line);
        self.lines.iter().map(rows).sum()
    }

    /// The line that stands in the way, in words.
    pub fn failure(&self) -> Option<String> {
        let line = self.lines.iter().find(|line| line.is_failure())?;
        Some(format!("{}, {}: {}", line.end.name(), line.check, line.finding.text))
    }
}

fn ends(model: &Model) -> (String, String, Route) {
    (model.source.location(), model.target.location(), model.route())
}

/// Why the way is not free, if it is not.
pub fn verdict(model: &Model) -> Result<(), String> {
    let preflight = &model.preflight;
    match &preflight.state {
        State::Running => Err("the pre-flight is still at work".into()),
        State::Refused(trouble) => Err(trouble.text.clone()),
        State::Done if preflight.of.as_ref() == Some(&ends(model)) => preflight.failure().map_or(Ok(()), Err),
        State::Done | State::Untried => Err("the pre-flight comes first".into()),
    }
}

/// What is on screen is about something else than what is set now.
pub fn is_due(model: &Model) -> bool {
    !model.preflight.is_running() && model.preflight.of.as_ref() != Some(&ends(model))
}

/// Looks at both ends as the import will meet them, if they have answered and differ.
pub fn begin(model: &mut Model) -> Vec<Effect> {
    let both = [&model.source.seen, &model.target.seen];
    if model.step != Step::Connect || !both.iter().all(|seen| matches!(seen, CheckState::Found(_))) {
        return Vec::new();
    }
    if model.connection().is_err() {
        return Vec::new();
    }
    let attempt = model.preflight.attempt + 1;
    let of = Some(ends(model));
    model.preflight = Preflight { state: State::Running, of, attempt, ..Preflight::default() };
    let output_dir = model.route.by_directory.then(|| model.directory());
    let ends = Box::new([model.at(Side::Source), model.at(Side::Target)]);
    vec![Effect::Preflight { ends, output_dir, attempt }]
}

/// A failure is what a reader looks for first.
pub fn told(model: &mut Model, attempt: u64, line: Line) {
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

pub fn ended(model: &mut Model, attempt: u64, result: Result<()>) {
    if model.preflight.attempt != attempt {
        return;
    }
    model.preflight.state = match result {
        Ok(()) => State::Done,
        Err(error) => State::Refused(error.into()),
    };
}
