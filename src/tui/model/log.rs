//! The log while the wizard uses the screen: a ring buffer of lines in memory, filled by `tracing`.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Maximum number of lines in the ring.
pub const MAX_LINES: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl Severity {
    /// The next severity threshold in the cycle: everything, warnings and errors, errors.
    pub fn next(self) -> Self {
        match self {
            Self::Note => Self::Warning,
            Self::Warning => Self::Error,
            Self::Error => Self::Note,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// `12:34:56`, local time.
    pub time: String,
    pub severity: Severity,
    pub text: String,
}

/// The program's own messages go here instead of to the terminal. Clones share the ring.
#[derive(Clone, Debug, Default)]
pub struct LogRing(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    /// Total number of lines that have arrived.
    count: u64,
}

impl LogRing {
    /// A layer for the subscriber. It accepts INFO and above from mlferry, and WARN and above from other crates.
    pub fn layer<S: Subscriber>(&self) -> impl Layer<S> + use<S> {
        self.clone()
    }

    /// The lines after the first `seen` lines, and the total number of lines so far.
    pub fn since(&self, seen: u64) -> (Vec<LogLine>, u64) {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = usize::try_from(ring.count - seen.min(ring.count)).unwrap_or(MAX_LINES);
        let skip = ring.lines.len().saturating_sub(fresh);
        (ring.lines.iter().skip(skip).cloned().collect(), ring.count)
    }

    fn push(&self, line: LogLine) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.count += 1;
        ring.lines.push_back(line);
        if ring.lines.len() > MAX_LINES {
            ring.lines.pop_front();
        }
    }
}

impl<S: Subscriber> Layer<S> for LogRing {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let most = if meta.target().starts_with(env!("CARGO_PKG_NAME")) { Level::INFO } else { Level::WARN };
        if *meta.level() > most {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        self.push(LogLine {
            time: jiff::Zoned::now().strftime("%H:%M:%S").to_string(),
            severity: match *meta.level() {
                Level::ERROR => Severity::Error,
                Level::WARN => Severity::Warning,
                _ => Severity::Note,
            },
            text: text.0,
        });
    }
}

/// The message first, then the fields.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match (field.name(), self.0.is_empty()) {
            ("message", true) => write!(self.0, "{value:?}"),
            ("message", false) => {
                self.0 = format!("{value:?} {}", self.0);
                Ok(())
            }
            (name, true) => write!(self.0, "{name}={value:?}"),
            (name, false) => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::prelude::*;

    #[test]
    fn warnings_of_all_and_notes_of_ours_are_kept() {
        let ring = LogRing::default();
        let subscriber = tracing_subscriber::registry().with(ring.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(runs = 3, "ours");
            tracing::debug!("too fine");
            tracing::info!(target: "hyper", "not ours");
            tracing::warn!(target: "hyper", "theirs");
        });
        let (lines, seen) = ring.since(0);
        let said: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!((said, seen), (vec!["ours runs=3", "theirs"], 2));
        assert_eq!(ring.since(1).0.len(), 1);
        assert!(ring.since(seen).0.is_empty());
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        let ring = LogRing::default();
        for n in 0..MAX_LINES + 5 {
            ring.push(LogLine { time: String::new(), severity: Severity::Note, text: n.to_string() });
        }
        let (lines, _) = ring.since(0);
        assert_eq!((lines.len(), lines[0].text.as_str()), (MAX_LINES, "5"));
    }
}
