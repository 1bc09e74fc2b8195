//! `status --watch`: follows a job of another process until it ends. It is read-only and cannot disturb that job.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Printer, format, status};
use crate::engine::{JobResult, JobStatus, JobStatusFile, ProgressSnapshot, StateDir, meaning};
use crate::error::{Error, Result};
use crate::tui::model::rates::RateMeter;

/// The job writes its progress once a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum time between two steps of a whole migration.
const NEXT_JOB_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of running items that are shown below the bar.
const MAX_IN_FLIGHT_SHOWN: usize = 4;

/// Follows the job that was started last. Returns the exit code of that job.
pub async fn watch(state: &StateDir, printer: &Printer) -> Result<u8> {
    let mut live = JobStatusFile::live(state).into_iter();
    let Some(mut file) = live.next() else {
        status::status(state, printer)?;
        printer.news("nothing is at work now");
        return Ok(0);
    };
    for other in live.filter_map(|other| other.read().ok()) {
        printer.news(&format!("also at work: {}", title(&other)));
    }
    loop {
        let Some(last) = follow(&file, printer).await? else {
            printer.news("not watched any more; the work goes on");
            return Ok(130);
        };
        let code = last.ended.as_ref().map_or(1, |ended| ended.exit_code);
        match next_step(state, &last).await {
            Some(next) if matches!(code, 0 | 3) => file = next,
            _ => return Ok(code),
        }
    }
}

/// Returns the last state of a job, or `None` if the user interrupts.
async fn follow(file: &JobStatusFile, printer: &Printer) -> Result<Option<JobStatus>> {
    let mut face = WatchView::new(printer);
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            pressed = tokio::signal::ctrl_c() => {
                pressed?;
                return Ok(None);
            }
        }
        // Checked first: the job may write its final state between the two calls, and that state must not be missed.
        let is_live = file.is_live();
        let status = file.read()?;
        if let Some(ended) = &status.ended {
            face.end(&status, ended);
            return Ok(Some(status));
        }
        if !is_live {
            let what = format!("{}: process {} is gone without a word", title(&status), status.process);
            return Err(Error::permanent(what).hint("run the same command again: it continues"));
        }
        face.show(&status);
    }
}

/// The next step of the same process, as in `run`.
async fn next_step(state: &StateDir, last: &JobStatus) -> Option<JobStatusFile> {
    let is_next = |file: &JobStatusFile| {
        file.read().is_ok_and(|next| next.process == last.process && next.step != last.step)
    };
    let deadline = tokio::time::Instant::now() + NEXT_JOB_TIMEOUT;
    while tokio::time::Instant::now() < deadline {
        if let Some(next) = JobStatusFile::live(state).into_iter().find(is_next) {
            return Some(next);
        }
        tokio::time::sleep(POLL_INTERVAL / 5).await;
    }
    None
}

fn title(status: &JobStatus) -> String {
    format!("{} {} → {}", status.step.name(), status.source, status.target)
}

/// Shows bars on a terminal; otherwise prints a line or an object for each change.
struct WatchView<'a> {
    printer: &'a Printer,
    bars: Option<Bars>,
    rates: RateMeter,
    shown: Option<(ProgressSnapshot, bool, bool)>,
}

struct Bars {
    whole: ProgressBar,
    pace: ProgressBar,
    in_flight: [ProgressBar; MAX_IN_FLIGHT_SHOWN],
}

impl<'a> WatchView<'a> {
    fn new(printer: &'a Printer) -> Self {
        let is_drawn = printer.is_read_here() && !printer.json && !printer.quiet;
        Self { printer, bars: is_drawn.then(Bars::new), rates: RateMeter::default(), shown: None }
    }

    fn show(&mut self, status: &JobStatus) {
        let reading = status.progress();
        self.rates.add(Duration::from_secs_f64(status.seconds), reading);
        let state = (reading, status.paused, status.stopping);
        if let Some(bars) = &self.bars {
            return bars.show(status, &reading, &pace(status, &self.rates));
        }
        match self.shown.replace(state) {
            None => self.printer.result(&title(status)),
            Some(shown) if shown == state => return,
            Some(_) => {}
        }
        if self.printer.json {
            let speed = |of: fn(&ProgressSnapshot) -> u64| self.rates.per_second(of);
            let mut object = json!(status);
            object["remaining_seconds"] = json!(self.rates.remaining());
            object["points_per_second"] = json!(speed(|reading| reading.points));
            object["bytes_per_second"] = json!(speed(|reading| reading.bytes));
            self.printer.object("progress", &object);
        } else if !self.printer.quiet {
            let percent = (reading.fraction() * 100.0).floor();
            let (progress, pace) = (format::progress(&reading), pace(status, &self.rates));
            self.printer.result(&format!("{percent:>3} % · {progress} · {pace}"));
        }
    }

    fn end(&mut self, status: &JobStatus, ended: &JobResult) {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
        let meaning = meaning(ended.exit_code);
        let printer = self.printer;
        let object = json!({ "step": status.step, "source": status.source, "target": status.target,
            "exit_code": ended.exit_code, "meaning": meaning, "error": ended.error, "hint": ended.hint,
            "counts": status.counts, "seconds": status.seconds });
        printer.object("ended", &object);
        printer.result(&format::progress(&status.progress()));
        for failed in &status.failures {
            printer.result(&format!("failed: {} {:?}: {}", failed.kind, failed.name, failed.reason));
        }
        printer.result(&format!("{}: {meaning} (exit code {})", title(status), ended.exit_code));
        if let Some(error) = &ended.error {
            printer.result(&format!("  {error}"));
        }
        if let Some(hint) = &ended.hint {
            printer.result(&format!("  hint: {hint}"));
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let whole = "{prefix} {bar:20} {percent:>3}% {wide_msg}";
        let add = |length: u64, template: &str| {
            let bar = all.add(ProgressBar::new(length));
            ProgressStyle::with_template(template).into_iter().for_each(|style| bar.set_style(style));
            bar
        };
        Self {
            whole: add(1_000, whole),
            pace: add(1, "  {wide_msg}"),
            in_flight: std::array::from_fn(|_| add(1, "    {wide_msg}")),
        }
    }

    fn show(&self, status: &JobStatus, reading: &ProgressSnapshot, pace: &str) {
        self.whole.set_prefix(status.step.name());
        self.whole.set_position((reading.fraction() * 1_000.0) as u64);
        self.whole.set_message(format::progress(reading));
        self.pace.set_message(pace.to_owned());
        for (index, bar) in self.in_flight.iter().enumerate() {
            let text = status
                .in_flight
                .get(index)
                .map(|item| format!("{} {:?} for {}", item.kind, item.name, format::seconds(item.seconds)));
            bar.set_message(text.unwrap_or_default());
        }
    }

    fn clear(&self) {
        self.in_flight.iter().for_each(ProgressBar::finish_and_clear);
        self.pace.finish_and_clear();
        self.whole.finish_and_clear();
    }
}

/// Details that the counts do not show: speed, requests, running items and remaining time.
fn pace(status: &JobStatus, rates: &RateMeter) -> String {
    let mut parts = Vec::new();
    let states = [(status.stopping, "stopping"), (status.paused, "paused")];
    parts.extend(states.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word.to_owned()));
    parts.extend(status.waiting.as_ref().map(|renew| format!("waiting for new credentials: {renew}")));
    let elapsed = format::seconds(status.seconds);
    parts.push(match rates.remaining() {
        Some(seconds) => format!("{elapsed}, about {} to go", format::seconds(seconds)),
        None => elapsed,
    });
    let bytes = format::bytes(rates.per_second(|reading| reading.bytes) as u64);
    parts.push(format!("{:.0} points/s, {bytes}/s", rates.per_second(|reading| reading.points)));
    let JobStatus { requests, retries, concurrency, in_flight_count, .. } = status;
    parts.push(format!("{requests} requests, {retries} retries, at most {concurrency} at once"));
    parts.push(format!("{in_flight_count} in flight"));
    parts.join(" · ")
}
