//! The result lines of step 3's pre-flight, and its progress.

use super::Model;
use super::job::ErrorText;
use crate::engine::{Level, Line, Route};

/// The result lines, the worst first.
#[derive(Default)]
pub struct Preflight {
    pub state: State,
    pub lines: Vec<Line>,
    /// Number of rows above the visible part.
    pub scroll: usize,
    /// The inputs of the results: source, target, and the route of the data.
    pub(in crate::tui) of: Option<(String, String, Route)>,
    /// Attempt counter: results of older attempts are ignored.
    pub(in crate::tui) attempt: u64,
}

#[derive(Default)]
pub enum State {
    #[default]
    Unchecked,
    Running,
    Done,
    /// The pre-flight could not run at all.
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

    /// The minimum number of rows that the lines need, approximately. Used for scrolling.
    pub fn rows(&self) -> usize {
        let statement = |line: &Line| line.statement.as_ref().map_or(0, |_| 3);
        let rows = |line: &Line| 1 + 2 * usize::from(line.finding.hint.is_some()) + statement(line);
        self.lines.iter().map(rows).sum()
    }

    /// The text of the line that blocks the next step.
    pub fn failure(&self) -> Option<String> {
        let line = self.lines.iter().find(|line| line.is_failure())?;
        Some(format!("{}, {}: {}", line.end.name(), line.check, line.finding.text))
    }
}

impl Model {
    /// The current inputs of a pre-flight.
    pub(in crate::tui) fn preflight_ends(&self) -> (String, String, Route) {
        (self.source.location(), self.target.location(), self.route())
    }

    /// The reason why the next step is blocked, if it is.
    pub fn preflight_verdict(&self) -> Result<(), String> {
        let preflight = &self.preflight;
        match &preflight.state {
            State::Running => Err("the pre-flight check is still running".into()),
            State::Refused(trouble) => Err(trouble.text.clone()),
            State::Done if preflight.of.as_ref() == Some(&self.preflight_ends()) => {
                preflight.failure().map_or(Ok(()), Err)
            }
            State::Done | State::Unchecked => Err("run the pre-flight check first".into()),
        }
    }

    /// The results on the screen belong to other inputs than the current ones.
    pub fn is_preflight_due(&self) -> bool {
        !self.preflight.is_running() && self.preflight.of.as_ref() != Some(&self.preflight_ends())
    }
}
