use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::beacon::Beacon;
use super::journal::Journal;
use super::progress::End;
use super::{Event, Progress};
use crate::entities::Kind;
use crate::error::{Class, Error, Result};

/// After so many items in a row that a server did not answer for, the rest would not fare better.
const HOPELESS: u32 = 10;

/// What is done is journaled.
pub(super) const CONTINUES: &str = "run the same command again: it continues";

/// What a step tells the outside, and hears from it. The only place where items are counted.
pub struct Context {
    events: mpsc::Sender<Event>,
    progress: Arc<Progress>,
    beacon: Option<Arc<Beacon>>,
    drain: CancellationToken,
    pause: watch::Receiver<bool>,
    unanswered: AtomicU32,
    fatal: Mutex<Option<Error>>,
}

impl Context {
    pub(super) fn new(
        events: mpsc::Sender<Event>,
        progress: Arc<Progress>,
        beacon: Option<Arc<Beacon>>,
        drain: CancellationToken,
        pause: watch::Receiver<bool>,
    ) -> Self {
        let (unanswered, fatal) = (AtomicU32::new(0), Mutex::new(None));
        Self { events, progress, beacon, drain, pause, unanswered, fatal }
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// To be asked before each new item: waits while paused, false when no more are to be begun.
    pub async fn may_go_on(&self) -> bool {
        let mut pause = self.pause.clone();
        tokio::select! {
            biased;
            () = self.drain.cancelled() => false,
            // An error means that nobody can pause or resume any more.
            _ = pause.wait_for(|paused| !paused) => true,
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.drain.is_cancelled()
    }

    pub async fn tell(&self, event: Event) {
        if let Some(beacon) = &self.beacon {
            beacon.hear(&event);
        }
        // A face that has gone away does not stop the work.
        let _ = self.events.send(event).await;
    }

    pub async fn note(&self, text: impl Into<String>) {
        self.tell(Event::Note { text: text.into() }).await;
    }

    /// Tells that the work waits for new credentials, and what renews them; none: that it waits no longer.
    pub async fn waits_for(&self, renew: Option<String>) {
        let waited = self.progress.set_waiting(renew.is_some());
        match renew {
            Some(renew) if !waited => self.tell(Event::Waiting { renew }).await,
            None if waited => self.tell(Event::Resumed).await,
            _ => {}
        }
    }

    pub async fn plan(&self, kind: Kind, count: usize) {
        let count = count as u64;
        self.progress.plan(kind, count);
        self.tell(Event::Planned { kind, count }).await;
    }

    pub async fn started(&self, kind: Kind, id: &str, name: &str) {
        self.tell(Event::ItemStarted { kind, id: id.to_owned(), name: name.to_owned() }).await;
    }

    pub async fn done(&self, kind: Kind, id: &str, name: &str) {
        self.unanswered.store(0, Relaxed);
        self.progress.end(kind, End::Done);
        self.tell(Event::ItemDone { kind, id: id.to_owned(), name: name.to_owned() }).await;
    }

    pub async fn skipped(&self, kind: Kind, id: &str, name: &str, reason: &str) {
        self.progress.end(kind, End::Skipped);
        let (id, name, reason) = (id.to_owned(), name.to_owned(), reason.to_owned());
        self.tell(Event::ItemSkipped { kind, id, name, reason }).await;
    }

    /// A failed item is data, put down in the journal.
    pub async fn fails(
        &self,
        journal: &Journal,
        kind: Kind,
        id: &str,
        name: &str,
        error: &Error,
    ) -> Result<()> {
        let attempts = journal.failed(kind, id, &error.to_string())?;
        self.failed_after(attempts, kind, id, name, error).await;
        Ok(())
    }

    /// What the journal has no line for: it was tried once.
    pub async fn failed(&self, kind: Kind, id: &str, name: &str, error: &Error) {
        self.failed_after(1, kind, id, name, error).await;
    }

    /// Only what would fail every other item too ends the job.
    async fn failed_after(&self, attempts: u64, kind: Kind, id: &str, name: &str, error: &Error) {
        self.progress.end(kind, End::Failed);
        let hint = error.get_hint().map(str::to_owned);
        let (id, name, reason) = (id.to_owned(), name.to_owned(), error.to_string());
        self.tell(Event::ItemFailed { kind, id, name, reason, hint, attempts }).await;
        let hopeless = match error.class() {
            Class::Auth | Class::Full => true,
            Class::Transient | Class::Ambiguous => self.unanswered.fetch_add(1, Relaxed) + 1 >= HOPELESS,
            _ => false,
        };
        if hopeless && !self.is_stopping() {
            self.give_up(error);
        }
    }

    /// Ends the job in an orderly way, with this error.
    fn give_up(&self, error: &Error) {
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert_with(|| error.clone());
        self.drain.cancel();
    }

    /// Why the job had to end, if it had to.
    pub(super) fn verdict(&self) -> Result<()> {
        match self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error.and_then(CONTINUES)),
            None => Ok(()),
        }
    }
}
