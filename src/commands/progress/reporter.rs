//! The events and the progress of a job of this process.

use std::time::{Duration, Instant};

use super::bars::Bars;
use crate::commands::{Printer, format};
use crate::engine::validate::{Difference, Repairs};
use crate::engine::{Event, FailureCause, FailureGroups, ProgressSnapshot, Step};
use crate::entities::one_line;

/// How often plain output prints the progress of the job.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum number of differences that are printed one by one. A report contains all of them.
const MAX_DIFFERENCES: usize = 50;
/// The same limit with `--quiet`, where each difference is one line.
const MAX_DIFFERENCES_QUIET: usize = 10;

pub struct ProgressReporter<'a> {
    printer: &'a Printer,
    style: Style,
    differences: usize,
    repairs: Repairs,
    groups: FailureGroups,
}

enum Style {
    Json,
    Quiet,
    Bars(Bars, Step, Instant),
    Plain(Instant),
}

impl<'a> ProgressReporter<'a> {
    pub fn new(printer: &'a Printer) -> Self {
        let style = match printer {
            p if p.json => Style::Json,
            p if p.quiet => Style::Quiet,
            p if p.is_terminal => Style::Bars(Bars::new(false), Step::default(), Instant::now()),
            _ => Style::Plain(Instant::now()),
        };
        Self { printer, style, differences: 0, repairs: Repairs::default(), groups: FailureGroups::default() }
    }

    pub fn event(&mut self, event: &Event) {
        match event {
            _ if matches!(self.style, Style::Json) => self.printer.raw(event),
            Event::Started { step, source, target } => {
                self.line(&format!("{}: {source} → {target}", step.name()));
                if let Style::Bars(_, shown, _) = &mut self.style {
                    *shown = *step;
                }
            }
            Event::ItemFailed { kind, name, cause: Some(cause @ FailureCause::Experiment(_)), .. } => {
                self.groups.add(*kind, name, cause);
            }
            Event::ItemFailed { kind, id, name, reason, hint, cause, .. } => {
                cause.iter().for_each(|cause| self.groups.add(*kind, name, cause));
                let item = format::item(*kind, name, id);
                self.around(|printer| {
                    printer.problem(&one_line(&format!("failed: {item}: {reason}")));
                    if let Some(hint) = hint {
                        printer.problem(&format!("  hint: {hint}"));
                    }
                });
            }
            Event::Difference(difference) => {
                self.differences += 1;
                self.repairs.add(difference);
                self.difference(difference);
            }
            Event::Note { text } => self.line(&format!("note: {text}")),
            Event::Waiting { renew } => {
                self.line("waiting: the credentials have expired");
                self.line(&format!("  hint: {renew}; the job then resumes"));
            }
            Event::Resumed => self.line("resuming: there are new credentials"),
            Event::ServerGone { end, reason, wait } => {
                self.line(&format!("waiting: the {end} cannot be reached ({reason})"));
                let wait = format::seconds(*wait as f64);
                self.line(&format!("  hint: the job resumes when it answers; it waits for {wait} (--wait)"));
            }
            Event::ServerBack { end, seconds } => {
                self.line(&format!(
                    "resuming: the {end} answers again after {}",
                    format::seconds(*seconds as f64)
                ));
            }
            Event::Planned { .. }
            | Event::ItemStarted { .. }
            | Event::ItemDone { .. }
            | Event::ItemSkipped { .. } => {}
        }
    }

    /// Called several times a second.
    pub fn tick(&mut self, reading: &ProgressSnapshot) {
        match &mut self.style {
            Style::Bars(bars, step, since) => {
                bars.show(*step, reading, Some(format::seconds(since.elapsed().as_secs_f64())));
            }
            Style::Plain(last) if last.elapsed() >= PLAIN_INTERVAL => {
                *last = Instant::now();
                self.printer.news(&format::progress(reading));
            }
            Style::Plain(_) | Style::Json | Style::Quiet => {}
        }
    }

    /// Prints a line that stays above the bar.
    pub fn line(&self, line: &str) {
        self.around(|printer| printer.news(line));
    }

    /// Differences are the result of a comparison, so they go to stdout.
    fn difference(&self, difference: &Difference) {
        let is_quiet = matches!(self.style, Style::Quiet);
        let (shown, lines) = match is_quiet {
            true => (MAX_DIFFERENCES_QUIET, 1),
            false => (MAX_DIFFERENCES, usize::MAX),
        };
        self.around(|printer| {
            if self.differences <= shown {
                let all = format::difference(difference);
                all.iter().take(lines).for_each(|line| printer.result(line));
            } else if self.differences == shown + 1 {
                printer.result("… more differences: --report FILE writes all of them");
            }
        });
    }

    /// Prints while the bar is hidden.
    fn around(&self, print: impl FnOnce(&Printer)) {
        match &self.style {
            Style::Bars(bars, ..) => bars.suspend(|| print(self.printer)),
            Style::Plain(_) | Style::Json | Style::Quiet => print(self.printer),
        }
    }

    /// Prints the failures that were counted together. Returns the counts of the differences that an import can and
    /// cannot correct, and the number of failures that a second try does not change.
    pub fn end(self) -> (Repairs, u64) {
        if let Style::Bars(bars, ..) = &self.style {
            bars.clear();
        }
        for line in self.groups.lines() {
            self.printer.problem(&one_line(&format!("failed: {line}")));
        }
        (self.repairs, self.groups.name_taken())
    }
}
