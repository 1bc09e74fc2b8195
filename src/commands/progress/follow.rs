use std::time::Duration;

use super::reporter::ProgressReporter;
use crate::commands::{Printer, format};
use crate::engine::{Control, Job, Outcome};
use crate::error::Result;

const REFRESH_INTERVAL: Duration = Duration::from_millis(100);

/// Shows a job until it ends and prints its outcome. Ctrl-C, SIGTERM and SIGHUP drain it; a second signal stops it.
pub async fn follow(mut job: Job, printer: &Printer) -> Result<Outcome> {
    let mut reporter = ProgressReporter::new(printer);
    let progress = std::sync::Arc::clone(&job.progress);
    let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
    let mut signals = Signals::new();
    loop {
        tokio::select! {
            event = job.events.recv() => match event {
                Some(event) => reporter.event(&event),
                None => break,
            },
            _ = ticks.tick() => reporter.tick(&progress.read()),
            () = signals.next() => stop(&job.control, &reporter),
        }
    }
    let (repairs, name_taken) = reporter.end();
    let mut outcome = job.outcome().await?;
    if printer.is_demo {
        outcome.files.clear();
    }
    format::outcome(&outcome).iter().for_each(|line| printer.result(line));
    if !printer.is_demo && !outcome.stopped {
        format::repairs(&repairs).iter().for_each(|line| printer.result(line));
    }
    format::summary(&outcome, name_taken, printer.is_demo).iter().for_each(|line| printer.result(line));
    Ok(outcome)
}

fn stop(control: &Control, reporter: &ProgressReporter<'_>) {
    reporter.line(if control.is_stopping() {
        "stopping now"
    } else {
        "stopping: finishing the items in flight first, 30 s at most; press Ctrl-C again to stop at once"
    });
    control.stop();
}

/// Combines the signals that ask the program to stop.
struct Signals {
    #[cfg(unix)]
    all: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Self { all: kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect() }
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let waiting = self.all.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(waiting).await;
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        // Without the handler there is nothing to wait for.
        let _ = tokio::signal::ctrl_c().await;
    }
}
