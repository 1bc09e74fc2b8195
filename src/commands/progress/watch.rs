//! `status --watch`: follows a job of another process until it ends. It is read-only and cannot disturb that job.

use std::time::Duration;

use serde_json::json;

use super::bars::Bars;
use super::line::{self, Rank};
use crate::commands::{Printer, format, status};
use crate::engine::{JobResult, JobStatus, JobStatusFile, ProgressSnapshot, StateDir, meaning};
use crate::error::{Error, Result};
use crate::tui::model::rates::RateMeter;

/// The job writes its progress once a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long to wait for a job that was started just now.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a status that has ended is read again while its job seems to run.
const MAX_FORMER_READS: u32 = 4;
/// Maximum time between two steps of a whole migration.
const NEXT_JOB_TIMEOUT: Duration = Duration::from_secs(2);

/// Follows the job that was started last. Returns the exit code of that job.
pub async fn watch(state: &StateDir, printer: &Printer) -> Result<u8> {
    let mut live = started(state, printer).await.into_iter();
    let Some(mut file) = live.next() else {
        status::status(state, printer)?;
        printer.news("nothing is running");
        return Ok(0);
    };
    for other in live.filter_map(|other| other.read().ok()) {
        printer.news(&format!("also running: {}", title(&other)));
    }
    loop {
        let Some(last) = follow(&file, printer).await? else {
            printer.news("stopped watching; the job is still running");
            return Ok(130);
        };
        let code = last.ended.as_ref().map_or(1, |ended| ended.exit_code);
        match next_step(state, &last).await {
            Some(next) if matches!(code, 0 | 3) => file = next,
            _ => return Ok(code),
        }
    }
}

/// The running jobs. A command that was started just before this one may still be opening both ends.
async fn started(state: &StateDir, printer: &Printer) -> Vec<JobStatusFile> {
    let deadline = tokio::time::Instant::now() + START_TIMEOUT;
    let mut live = JobStatusFile::live(state);
    if live.is_empty() {
        printer
            .news(&format!("nothing is running: waiting {} s for a job to start", START_TIMEOUT.as_secs()));
    }
    while live.is_empty() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(POLL_INTERVAL / 5).await;
        live = JobStatusFile::live(state);
    }
    live
}

/// Returns the last state of a job, or `None` if the user interrupts.
async fn follow(file: &JobStatusFile, printer: &Printer) -> Result<Option<JobStatus>> {
    let mut view = WatchView::new(printer);
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    let mut reads = 0;
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
        // A new job holds the lock for a moment before it replaces the status of the former one.
        if is_live && status.ended.is_some() && reads < MAX_FORMER_READS {
            reads += 1;
            continue;
        }
        if let Some(ended) = &status.ended {
            view.end(&status, ended);
            return Ok(Some(status));
        }
        if !is_live {
            let what =
                format!("{}: process {} exited without writing a result", title(&status), status.process);
            return Err(Error::permanent(what).hint("run the same command again: it continues"));
        }
        view.show(&status);
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

impl<'a> WatchView<'a> {
    fn new(printer: &'a Printer) -> Self {
        let is_drawn = printer.shares_terminal() && !printer.json && !printer.quiet;
        Self { printer, bars: is_drawn.then(|| Bars::new(true)), rates: RateMeter::default(), shown: None }
    }

    fn show(&mut self, status: &JobStatus) {
        let progress = status.progress;
        self.rates.add(Duration::from_secs_f64(status.seconds), progress);
        let state = (progress, status.paused, status.stopping);
        if let Some(bars) = &self.bars {
            bars.show(status.step, &progress, None);
            let in_flight = status.in_flight.iter();
            let texts = in_flight
                .map(|item| format!("{} {:?} for {}", item.kind, item.name, format::seconds(item.seconds)));
            return bars.show_details(speed(status, &self.rates), texts);
        }
        match self.shown.replace(state) {
            None => self.printer.result(&title(status)),
            Some(shown) if shown == state => return,
            Some(_) => {}
        }
        if self.printer.json {
            let per_second = |of: fn(&ProgressSnapshot) -> u64| self.rates.per_second(of);
            let mut object = json!(status);
            object["remaining_seconds"] = json!(self.rates.remaining());
            object["points_per_second"] = json!(per_second(|progress| progress.points));
            object["bytes_per_second"] = json!(per_second(|progress| progress.bytes));
            self.printer.object("progress", &object);
        } else if !self.printer.quiet {
            let percent = (progress.fraction() * 100.0).floor();
            let speed = line::fit(speed(status, &self.rates), usize::MAX);
            let progress = format::progress(&progress);
            self.printer.result(&format!("{percent:>3} % · {progress} · {speed}"));
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
            "counts": status.progress.counts_by_kind(), "seconds": status.seconds });
        printer.object("ended", &object);
        printer.result(&format::progress(&status.progress));
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

/// Details that the counts do not show: remaining time, speed, running items and requests.
fn speed(status: &JobStatus, rates: &RateMeter) -> Vec<(Rank, String)> {
    let mut parts = Vec::new();
    let states = [(status.stopping, "stopping"), (status.paused, "paused")];
    let states = states.into_iter().filter(|(is_so, _)| *is_so);
    parts.extend(states.map(|(_, word)| (Rank::Waiting, word.to_owned())));
    let waiting = status.waiting.as_ref();
    parts.extend(waiting.map(|renew| (Rank::Waiting, format!("waiting for new credentials: {renew}"))));
    let elapsed = format::seconds(status.seconds);
    let time = match rates.remaining() {
        Some(seconds) => format!("{elapsed}, about {} to go", format::seconds(seconds)),
        None => elapsed,
    };
    parts.push((Rank::Runs, time));
    let bytes = format::bytes(rates.per_second(|progress| progress.bytes) as u64);
    let points = rates.per_second(|progress| progress.points);
    parts.push((Rank::Bytes, format!("{points:.0} points/s, {bytes}/s")));
    let in_flight_count = status.in_flight_count;
    let ProgressSnapshot { requests, retries, concurrency, .. } = status.progress;
    let requests = format!("{requests} requests, {retries} retries, at most {concurrency} at once");
    parts.push((Rank::Detail, requests));
    parts.push((Rank::Usual, format!("{in_flight_count} in flight")));
    parts
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::engine::Step;

    fn write(state: &StateDir, process: u32, exit_code: Option<u8>) {
        let ended = exit_code.map(|exit_code| JobResult { exit_code, error: None, hint: None });
        let status = JobStatus {
            process,
            step: Step::Import,
            source: "http://a".to_owned(),
            target: "http://b".to_owned(),
            seconds: 1.0,
            progress: ProgressSnapshot::default(),
            paused: false,
            stopping: false,
            waiting: None,
            in_flight: Vec::new(),
            in_flight_count: 0,
            failures: Vec::new(),
            ended,
        };
        let file = state.job(Step::Import, "http://a", "http://b");
        std::fs::create_dir_all(state.jobs()).unwrap();
        std::fs::write(file, serde_json::to_vec(&status).unwrap()).unwrap();
    }

    /// The watch begins before the job, and the status of a former job with another result is still there.
    #[tokio::test]
    async fn watch_waits_for_a_job_that_starts_now() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        write(&state, 1, Some(0));
        let printer = Printer::new(crate::cli::Output { json: false, quiet: true, verbose: false });
        let job = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let path = state.job(Step::Import, "http://a", "http://b").with_extension("lock");
            let lock = File::create(path).unwrap();
            lock.lock().unwrap();
            tokio::time::sleep(Duration::from_millis(700)).await;
            write(&state, 2, None);
            tokio::time::sleep(Duration::from_millis(700)).await;
            write(&state, 2, Some(4));
            drop(lock);
        };
        let (code, ()) = futures::join!(watch(&state, &printer), job);
        assert_eq!(code.unwrap(), 4);
    }
}
