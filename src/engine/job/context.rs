use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::failure_groups::{self, FailureCause};
use super::progress::{ItemEnd, Servers};
use crate::engine::state::journal::Journal;
use crate::engine::status::writer::StatusWriter;
use crate::engine::{Event, Progress};
use crate::entities::Kind;
use crate::error::{Class, Code, Error, Result};
use crate::io::Health;
use crate::rest::Side;

/// The number of consecutive items without an answer after which the server itself is checked.
const MAX_UNANSWERED: u32 = 10;

/// The hint for an interrupted job. The next job can continue, because all finished work is in the journal.
pub(in crate::engine) const CONTINUES: &str = "run the same command again: it continues";

/// A cheap request to both ends. It returns an error when one of the ends does not answer.
pub(in crate::engine) type Question = Box<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// The reason why an end can never answer again within this job.
pub(in crate::engine) type LostCheck = Box<dyn Fn() -> Option<Error> + Send + Sync>;

/// The connection between a step and its frontend. This is the only place where items are counted.
pub struct Context {
    events: mpsc::Sender<Event>,
    progress: Arc<Progress>,
    status_writer: Option<Arc<StatusWriter>>,
    drain: CancellationToken,
    pause: watch::Receiver<bool>,
    /// The number of events so far. A growing number shows progress.
    event_count: AtomicU64,
    /// The items in progress, and their names.
    in_flight: Mutex<HashMap<(Kind, String), String>>,
    unanswered: AtomicU32,
    fatal: Mutex<Option<Error>>,
    question: OnceLock<Question>,
    lost: OnceLock<LostCheck>,
    /// Held during the check, so that one task checks for all tasks.
    check_lock: tokio::sync::Mutex<()>,
    /// The items that have failed in this job but may succeed in another job.
    for_now: Mutex<HashSet<(Kind, String)>>,
}

impl Context {
    pub(in crate::engine) fn new(
        events: mpsc::Sender<Event>,
        progress: Arc<Progress>,
        status_writer: Option<Arc<StatusWriter>>,
        drain: CancellationToken,
        pause: watch::Receiver<bool>,
    ) -> Self {
        Self {
            events,
            progress,
            status_writer,
            drain,
            pause,
            event_count: AtomicU64::new(0),
            in_flight: Mutex::default(),
            unanswered: AtomicU32::new(0),
            fatal: Mutex::new(None),
            question: OnceLock::new(),
            lost: OnceLock::new(),
            check_lock: tokio::sync::Mutex::default(),
            for_now: Mutex::default(),
        }
    }

    /// Sets the check that runs before a job is given up. Without a check, the job is given up at once.
    pub(in crate::engine) fn set_server_check(&self, question: Question, lost: LostCheck) {
        // Each job sets them once, at its beginning.
        let _ = self.question.set(question);
        let _ = self.lost.set(lost);
    }

    /// True when the item has failed in this job but may succeed in another job.
    pub(in crate::engine) fn failed_for_now(&self, kind: Kind, id: &str) -> bool {
        self.for_now().contains(&(kind, id.to_owned()))
    }

    /// True when any item of this kind has failed in this job but may succeed in another job.
    pub(in crate::engine) fn any_failed_for_now(&self, of: Kind) -> bool {
        self.for_now().iter().any(|(kind, _)| *kind == of)
    }

    fn for_now(&self) -> MutexGuard<'_, HashSet<(Kind, String)>> {
        self.for_now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Must be called before each new item. Waits while the job is paused. Returns false when the job must not start
    /// any more items.
    pub async fn may_go_on(&self) -> bool {
        let mut pause = self.pause.clone();
        tokio::select! {
            biased;
            () = self.drain.cancelled() => false,
            // An error means that no sender is left to pause or resume the job.
            _ = pause.wait_for(|paused| !paused) => true,
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.drain.is_cancelled()
    }

    pub async fn send(&self, event: Event) {
        if let Some(status_writer) = &self.status_writer {
            status_writer.on_event(&event);
        }
        self.keep_in_flight(&event);
        // The work continues even when the frontend has gone.
        let _ = self.events.send(event).await;
        self.event_count.fetch_add(1, Relaxed);
    }

    fn keep_in_flight(&self, event: &Event) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::ItemStarted { kind, id, name } => {
                in_flight.insert((*kind, id.clone()), name.clone());
            }
            Event::ItemDone { kind, id, .. }
            | Event::ItemSkipped { kind, id, .. }
            | Event::ItemFailed { kind, id, .. } => {
                in_flight.remove(&(*kind, id.clone()));
            }
            _ => {}
        }
    }

    /// The number of events so far, and whether there is a known reason for a lack of progress: the job is paused, it
    /// waits for credentials or a server, or the frontend does not read events.
    pub(in crate::engine) fn moves(&self) -> (u64, bool) {
        let reading = self.progress.read();
        let is_frontend_full = !self.events.is_closed() && self.events.capacity() == 0;
        let is_excused = *self.pause.borrow()
            || reading.waiting
            || is_frontend_full
            || reading.servers.iter().any(|server| server.is_gone());
        (self.event_count.load(Relaxed), is_excused)
    }

    /// Describes some of the items in progress.
    pub(in crate::engine) fn unfinished(&self) -> String {
        const SHOWN: usize = 3;
        let in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> =
            in_flight.iter().map(|((kind, _), name)| format!("{kind} {name:?}")).collect();
        names.sort();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        match (names.is_empty(), more) {
            (true, _) => "no item was started".to_owned(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }

    /// Sends an event when a server goes away and when it is back.
    pub(in crate::engine) async fn servers(&self, now: Servers) {
        let before = self.progress.set_servers(now);
        for (end, (before, now)) in [Side::Source, Side::Target].into_iter().zip(before.into_iter().zip(now))
        {
            let end = end.name();
            match (before, now) {
                (Health::Gone { .. }, Health::Gone { .. }) => {}
                (_, Health::Gone { why, left, seconds }) => {
                    self.send(Event::ServerGone { end, reason: why.to_string(), wait: left + seconds }).await;
                }
                (Health::Gone { seconds, .. }, _) => self.send(Event::ServerBack { end, seconds }).await,
                _ => {}
            }
        }
    }

    pub async fn note(&self, text: impl Into<String>) {
        self.send(Event::Note { text: text.into() }).await;
    }

    /// Reports that the work waits for new credentials. `renew` describes how to renew them. `None` means that the work
    /// no longer waits.
    pub async fn set_waiting(&self, renew: Option<String>) {
        let waited = self.progress.set_waiting(renew.is_some());
        match renew {
            Some(renew) if !waited => self.send(Event::Waiting { renew }).await,
            None if waited => self.send(Event::Resumed).await,
            _ => {}
        }
    }

    pub async fn plan(&self, kind: Kind, count: usize) {
        let count = count as u64;
        self.progress.plan(kind, count);
        self.send(Event::Planned { kind, count }).await;
    }

    pub async fn started(&self, kind: Kind, id: &str, name: &str) {
        self.send(Event::ItemStarted { kind, id: id.to_owned(), name: name.to_owned() }).await;
    }

    pub async fn done(&self, kind: Kind, id: &str, name: &str) {
        self.unanswered.store(0, Relaxed);
        self.progress.end(kind, ItemEnd::Done);
        self.send(Event::ItemDone { kind, id: id.to_owned(), name: name.to_owned() }).await;
    }

    pub async fn skipped(&self, kind: Kind, id: &str, name: &str, reason: &str) {
        self.progress.end(kind, ItemEnd::Skipped);
        let (id, name, reason) = (id.to_owned(), name.to_owned(), reason.to_owned());
        self.send(Event::ItemSkipped { kind, id, name, reason }).await;
    }

    /// Records a failed item in the journal.
    pub async fn fails(
        &self,
        journal: &Journal,
        kind: Kind,
        id: &str,
        name: &str,
        error: &Error,
    ) -> Result<()> {
        let attempts = journal.failed(kind, id, &error.to_string())?;
        let cause = matches!(error.get_code(), Some(Code::NameTaken)).then_some(FailureCause::NameTaken);
        self.failed_after(attempts, kind, id, name, error, cause).await;
        Ok(())
    }

    /// Records an item that failed because its experiment failed with this error. The reason is short, because there may
    /// be very many such items.
    pub async fn fails_with_experiment(
        &self,
        journal: &Journal,
        kind: Kind,
        (id, name): (&str, &str),
        experiment: &str,
        error: &Error,
    ) -> Result<()> {
        let short = Error::new(error.class(), failure_groups::reason(experiment));
        // The code decides whether another job may succeed.
        let short = match error.get_code() {
            Some(code) => short.code(code.clone()),
            None => short,
        };
        let attempts = journal.failed(kind, id, &short.to_string())?;
        let cause = Some(FailureCause::Experiment(experiment.to_owned()));
        self.failed_after(attempts, kind, id, name, &short, cause).await;
        Ok(())
    }

    /// Reports a failed item that is not recorded in the journal. It counts as one attempt.
    pub async fn failed(&self, kind: Kind, id: &str, name: &str, error: &Error) {
        self.failed_after(1, kind, id, name, error, None).await;
    }

    /// Reports a failed item. Ends the job only if every other item would have the same error.
    async fn failed_after(
        &self,
        attempts: u64,
        kind: Kind,
        id: &str,
        name: &str,
        error: &Error,
        cause: Option<FailureCause>,
    ) {
        if !error.is_final() {
            self.for_now().insert((kind, id.to_owned()));
        }
        self.progress.end(kind, ItemEnd::Failed);
        let hint = error.get_hint().map(str::to_owned);
        let (id, name, reason) = (id.to_owned(), name.to_owned(), error.to_string());
        self.send(Event::ItemFailed { kind, id, name, reason, hint, attempts, cause }).await;
        if let Some(lost) = self.lost() {
            return self.give_up(&lost);
        }
        match error.class() {
            Class::Auth | Class::Full => self.give_up(error),
            Class::Transient | Class::Ambiguous
                if self.unanswered.fetch_add(1, Relaxed) + 1 >= MAX_UNANSWERED =>
            {
                self.give_up_unless_answered(error).await;
            }
            _ => {}
        }
    }

    /// Ends the job if one of the ends does not answer. A gateway may give up on some items, such as large files, while
    /// the server behind the gateway works. In that case, these items fail and the other items continue.
    async fn give_up_unless_answered(&self, error: &Error) {
        let _turn = self.check_lock.lock().await;
        // Another task may have received an answer in the meantime.
        if self.is_stopping() || self.unanswered.load(Relaxed) < MAX_UNANSWERED {
            return;
        }
        let answer = match self.question.get() {
            Some(question) => question().await,
            None => Err(error.clone()),
        };
        match answer {
            Ok(()) => self.unanswered.store(0, Relaxed),
            Err(silence) => self.give_up(&silence),
        }
    }

    fn lost(&self) -> Option<Error> {
        self.lost.get().and_then(|lost| lost())
    }

    /// Ends the job with this error: no more items start, and the running items may finish.
    fn give_up(&self, error: &Error) {
        if self.is_stopping() {
            return;
        }
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert_with(|| error.clone());
        self.drain.cancel();
    }

    /// The error that ended the job, if there was one.
    pub(in crate::engine) fn result(&self) -> Result<()> {
        let fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last connection may end after the last item has failed.
        let has_failed = || self.progress.read().counts_by_kind().values().any(|counts| counts.failed > 0);
        match fatal.or_else(|| self.lost().filter(|_| has_failed())) {
            Some(error) => Err(error.and_then(CONTINUES)),
            None => Ok(()),
        }
    }
}
