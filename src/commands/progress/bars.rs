use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::line::{self, Rank};
use crate::engine::{ProgressSnapshot, Step};

/// The columns for the percentage and the spaces between the parts of the first line.
const AROUND_BAR: usize = 8;
/// The indent of the second line.
const INDENT: usize = 3;
/// Maximum number of running items that are shown below the bar.
const MAX_IN_FLIGHT: usize = 4;

/// The progress of a job on a terminal: one bar for the whole job, and for a watched job some lines below it.
pub struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    details: Option<Details>,
}

struct Details {
    speed: ProgressBar,
    in_flight: [ProgressBar; MAX_IN_FLIGHT],
}

impl Bars {
    pub fn new(with_details: bool) -> Self {
        let all = MultiProgress::new();
        let add = |length: u64, template: &str| {
            let bar = all.add(ProgressBar::new(length));
            ProgressStyle::with_template(template).into_iter().for_each(|style| bar.set_style(style));
            bar
        };
        let width = line::bar_width();
        let whole = add(1_000, &format!("{{prefix}} {{bar:{width}}} {{percent:>3}}% {{wide_msg}}"));
        let details = with_details.then(|| Details {
            speed: add(1, "  {wide_msg}"),
            in_flight: std::array::from_fn(|_| add(1, "    {wide_msg}")),
        });
        Self { all, whole, details }
    }

    /// Draws one sample. `time` is how long the job has been running.
    pub fn show(&self, step: Step, progress: &ProgressSnapshot, time: Option<String>) {
        self.whole.set_prefix(step.name());
        self.whole.set_position((progress.fraction() * 1_000.0) as u64);
        let used = step.name().len() + line::bar_width() + AROUND_BAR;
        self.whole.set_message(line::progress(progress, time, line::room(used)));
    }

    pub fn show_details(&self, speed: Vec<(Rank, String)>, in_flight: impl Iterator<Item = String>) {
        let Some(details) = &self.details else { return };
        details.speed.set_message(line::fit(speed, line::room(INDENT)));
        let texts = in_flight.chain(std::iter::repeat(String::new()));
        details.in_flight.iter().zip(texts).for_each(|(bar, text)| bar.set_message(text));
    }

    /// Prints while the bars are hidden.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }

    pub fn clear(&self) {
        if let Some(details) = &self.details {
            details.in_flight.iter().for_each(ProgressBar::finish_and_clear);
            details.speed.finish_and_clear();
        }
        self.whole.finish_and_clear();
    }
}
