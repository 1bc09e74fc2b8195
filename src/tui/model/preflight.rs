//! The lines of step 3's pre-flight, and how far it has come.

use super::Model;
use super::job::ErrorText;
use crate::engine::{Level, Line, Route};

/// The lines, worst first.
#[derive(Default)]
pub struct Preflight {
    pub state: State,
    pub lines: Vec<Line>,
    /// Rows of them that are above the screen.
    pub scroll: usize,
    /// What they are about: source, target, and the way the data takes.
    pub(in crate::tui) of: Option<(String, String, Route)>,
    /// Counts the tries: what an older one tells is no news.
    pub(in crate::tui) attempt: u64,
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

impl Model {
    /// What a pre-flight is about, as it is set now.
    pub(in crate::tui) fn preflight_ends(&self) -> (String, String, Route) {
        (self.source.location(), self.target.location(), self.route())
    }

    /// Why the way is not free, if it is not.
    pub fn preflight_verdict(&self) -> Result<(), String> {
        let preflight = &self.preflight;
        match &preflight.state {
            State::Running => Err("the pre-flight is still at work".into()),
            State::Refused(trouble) => Err(trouble.text.clone()),
            State::Done if preflight.of.as_ref() == Some(&self.preflight_ends()) => {
                preflight.failure().map_or(Ok(()), Err)
            }
            State::Done | State::Untried => Err("the pre-flight comes first".into()),
        }
    }

    /// What is on screen is about something else than what is set now.
    pub fn is_preflight_due(&self) -> bool {
        !self.preflight.is_running() && self.preflight.of.as_ref() != Some(&self.preflight_ends())
    }
}
