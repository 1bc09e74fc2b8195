//! Three ways to show a job: bars for a terminal, plain lines for a log, and JSON lines for a program.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Printer;
use super::{format, progress_line};
use crate::engine::validate::{Difference, Repairs};
use crate::engine::{Event, ProgressSnapshot};
use crate::entities::one_line;

/// The columns for percentage, time and the spaces between the parts of the line.
const AROUND_BAR: usize = 13;
/// How often plain output prints the progress of the job.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum number of differences that are printed one by one. A report contains all of them.
const MAX_DIFFERENCES: usize = 50;
/// The same limit with `--quiet`, where each difference is one line.
const MAX_DIFFERENCES_QUIET: usize = 10;

pub struct ProgressReporter<'a> {
    printer: &'a Printer,
    face: Style,
    differences: usize,
    repairs: Repairs,
}

enum Style {
    Json,
    Quiet,
    Bar(ProgressBar),
    Plain(Instant),
}

impl<'a> ProgressReporter<'a> {
    pub fn new(printer: &'a Printer) -> Self {
        let face = match printer {
            p if p.json => Style::Json,
            p if p.quiet => Style::Quiet,
            p if p.is_terminal => Style::Bar(bar()),
            _ => Style::Plain(Instant::now()),
        };
        Self { printer, face, differences: 0, repairs: Repairs::default() }
    }

    pub fn event(&mut self, event: &Event) {
        match event {
            _ if matches!(self.face, Style::Json) => self.printer.raw(event),
            Event::Started { step, source, target } => {
                self.line(&format!("{}: {source} → {target}", step.name()));
                if let Style::Bar(bar) = &self.face {
                    bar.set_prefix(step.name());
                }
            }
            Event::ItemFailed { kind, id, name, reason, hint, .. } => {
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
                self.line(&format!("  hint: {renew}; the work then goes on by itself"));
            }
            Event::Resumed => self.line("going on: there are new credentials"),
            Event::ServerGone { end, reason, wait } => {
                self.line(&format!("waiting: the {end} cannot be reached ({reason})"));
                let wait = format::seconds(*wait as f64);
                self.line(&format!("  hint: the work resumes when it answers; it waits {wait} (--wait)"));
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
        match &mut self.face {
            Style::Bar(bar) => {
                bar.set_position((reading.fraction() * 1_000.0) as u64);
                let used = bar.prefix().chars().count() + progress_line::bar_width() + AROUND_BAR;
                bar.set_message(progress_line::progress(reading, progress_line::room(used)));
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
        let is_quiet = matches!(self.face, Style::Quiet);
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
        match &self.face {
            Style::Bar(bar) => bar.suspend(|| print(self.printer)),
            Style::Plain(_) | Style::Json | Style::Quiet => print(self.printer),
        }
    }

    /// Returns the differences by what an import can do about them.
    pub fn end(self) -> Repairs {
        if let Style::Bar(bar) = self.face {
            bar.finish_and_clear();
        }
        self.repairs
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(1_000);
    let width = progress_line::bar_width();
    let template = format!("{{prefix}} {{bar:{width}}} {{percent:>3}}% {{elapsed}} {{wide_msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
