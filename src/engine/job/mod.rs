pub mod context;
pub mod control;
pub mod counts;
pub mod credential_events;
pub mod event;
pub mod failure_groups;
pub mod outcome;
pub mod progress;
pub mod standstill;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::context::CONTINUES;
use self::progress::Servers;
use self::standstill::Standstill;
use super::status::writer::StatusWriter;
use super::{Context, Control, Event, Outcome, Progress, Step};
use crate::error::{Class, Error, Result};
use crate::io::CredentialWait;
use crate::io::Traffic;
use crate::limits;

/// The number of events that may wait for a slow frontend before the work waits too.
const EVENT_CAPACITY: usize = 1_024;
/// How long running items may take to finish after the first stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the cleanup of unfinished work may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the status for other processes is updated.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// How often the counters of the HTTP clients are sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// A step that runs in the background.
pub struct Job {
    pub events: mpsc::Receiver<Event>,
    pub progress: Arc<Progress>,
    pub control: Control,
    handle: JoinHandle<Result<Outcome>>,
}

/// The results of a step besides the counts: notes, files, the result of a comparison.
#[derive(Default)]
pub(super) struct Findings {
    pub notes: Vec<String>,
    pub files: Vec<std::path::PathBuf>,
    pub comparison: Option<super::validate::Totals>,
    pub normalised: super::validate::Remarks,
    pub not_compared: super::validate::Remarks,
}

impl Job {
    /// Runs `work` on tokio. `traffic` reads the counters of the clients of both ends. `credential_waits` are the AWS
    /// credentials that the work may have to wait for. `abort` cleans up unfinished work on the target. `status_writer`
    /// writes the progress for other processes.
    pub(super) fn start<W, Fut>(
        step: Step,
        status_writer: Option<StatusWriter>,
        credential_waits: Vec<CredentialWait>,
        traffic: impl Fn() -> Vec<Traffic> + Send + Sync + 'static,
        abort: impl Future<Output = ()> + Send + 'static,
        work: W,
    ) -> Self
    where
        W: FnOnce(Arc<Context>) -> Fut,
        Fut: Future<Output = Result<Findings>> + Send + 'static,
    {
        let standstill = Standstill::new(limits::STANDSTILL_TIMEOUT);
        Self::start_watched(step, status_writer, credential_waits, traffic, abort, standstill, work)
    }

    fn start_watched<W, Fut>(
        step: Step,
        status_writer: Option<StatusWriter>,
        credential_waits: Vec<CredentialWait>,
        traffic: impl Fn() -> Vec<Traffic> + Send + Sync + 'static,
        abort: impl Future<Output = ()> + Send + 'static,
        standstill: Standstill,
        work: W,
    ) -> Self
    where
        W: FnOnce(Arc<Context>) -> Fut,
        Fut: Future<Output = Result<Findings>> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(EVENT_CAPACITY);
        let (pause, paused) = watch::channel(false);
        let progress = Arc::new(Progress::default());
        // The clients may have worked for an earlier job.
        let before = traffic();
        let traffic =
            move || traffic().iter().zip(&before).map(|(now, before)| now.since(before)).collect::<Vec<_>>();
        let control = Control {
            drain: CancellationToken::new(),
            now: CancellationToken::new(),
            pause: Arc::new(pause),
        };
        let status_writer = status_writer.map(Arc::new);
        let drain = control.drain.clone();
        let context = Context::new(sender, Arc::clone(&progress), status_writer.clone(), drain, paused);
        let context = Arc::new(context);
        // The future is large and is moved several times. It is on the heap, so that these moves do not copy it.
        let work = Box::pin(work(Arc::clone(&context)));
        let (of_progress, of_control) = (Arc::clone(&progress), control.clone());
        let supervisor = Supervisor {
            step,
            progress: of_progress,
            control: of_control,
            context,
            credential_waits,
            standstill,
        };
        let watch = Box::pin(supervisor.watch(traffic, work, abort));
        let handle = tokio::spawn(watched(status_writer, Arc::clone(&progress), control.clone(), watch));
        Self { events, progress, control, handle }
    }

    /// The outcome, after the last event.
    pub async fn outcome(self) -> Result<Outcome> {
        drop(self.events);
        self.handle.await.map_err(|e| Error::permanent(format!("the job ended unexpectedly: {e}")))?
    }
}

/// Writes the progress of the job for other processes, and its result at the end.
async fn watched(
    status_writer: Option<Arc<StatusWriter>>,
    progress: Arc<Progress>,
    control: Control,
    work: impl Future<Output = Result<Outcome>>,
) -> Result<Outcome> {
    let Some(status_writer) = status_writer else {
        return work.await;
    };
    let updates = async {
        loop {
            status_writer.update(&progress.read(), &control);
            tokio::time::sleep(STATUS_INTERVAL).await;
        }
    };
    let result = tokio::select! {
        result = work => result,
        never = updates => never,
    };
    status_writer.finish(&progress.read(), &result);
    result
}

/// The state of the source's server and of the target's server.
fn servers(traffic: &[Traffic]) -> Servers {
    let of = |index: usize| traffic.get(index).map(|traffic| traffic.health).unwrap_or_default();
    [of(0), of(1)]
}

/// Watches the work until its end.
struct Supervisor {
    step: Step,
    progress: Arc<Progress>,
    control: Control,
    context: Arc<Context>,
    credential_waits: Vec<CredentialWait>,
    standstill: Standstill,
}

impl Supervisor {
    async fn watch(
        self,
        traffic: impl Fn() -> Vec<Traffic>,
        work: impl Future<Output = Result<Findings>>,
        abort: impl Future<Output = ()>,
    ) -> Result<Outcome> {
        let Self { step, progress, control, context, credential_waits, mut standstill } = self;
        let started = Instant::now();
        let may_wait: Vec<_> = credential_waits.iter().map(CredentialWait::work).collect();
        let drained = async {
            control.drain.cancelled().await;
            // Work that waits for credentials will not be finished.
            drop(may_wait);
            tokio::select! {
                () = control.now.cancelled() => {}
                () = tokio::time::sleep(DRAIN_TIMEOUT) => {}
            }
        };
        let sampling = async {
            loop {
                let traffic = traffic();
                progress.traffic(&traffic);
                context.servers(servers(&traffic)).await;
                if let Some(error) = standstill.check(&traffic, &context, Instant::now()) {
                    tracing::error!("{error}");
                    return error;
                }
                tokio::time::sleep(SAMPLE_INTERVAL).await;
            }
        };
        let result: Result<Findings> = tokio::select! {
            result = work => result,
            () = drained => Err(Error::stopped()),
            error = sampling => Err(error),
            () = credential_events::forward(&credential_waits, &context) => Err(Error::stopped()),
        };
        if tokio::time::timeout(ABORT_TIMEOUT, abort).await.is_err() {
            tracing::warn!("the cleanup of unfinished work did not finish in time");
        }
        progress.traffic(&traffic());
        context.result()?;
        let stopped = control.is_stopping();
        let findings = match result {
            Err(e) if !stopped && e.class() == Class::Auth => return Err(e.and_then(CONTINUES)),
            Err(e) if !stopped => return Err(e),
            Err(_) => Findings::default(),
            Ok(findings) => findings,
        };
        let outcome = Outcome::new(step, &progress.read(), started.elapsed().as_secs_f64());
        let Findings { notes, files, comparison, normalised, not_compared } = findings;
        Ok(Outcome { stopped, notes, files, comparison, normalised, not_compared, ..outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_without_progress_ends_with_an_error() {
        let standstill = Standstill::new(Duration::from_millis(300));
        let stuck = |context: Arc<Context>| async move {
            context.started(crate::entities::Kind::Run, "1", "adam").await;
            std::future::pending().await
        };
        let traffic = || vec![Traffic::default(); 2];
        let mut job =
            Job::start_watched(Step::Import, None, Vec::new(), traffic, async {}, standstill, stuck);
        while job.events.recv().await.is_some() {}
        let error = job.outcome().await.err().unwrap();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("run \"adam\""), "{error}");
        assert!(error.get_hint().is_some());
    }
}
