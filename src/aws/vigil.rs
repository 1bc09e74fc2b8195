use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How often the chain is asked for new credentials while work waits for them.
const EVERY: Duration = Duration::from_secs(5);

/// Who works, and what they wait for. One for all sessions that come from the same chain.
#[derive(Debug)]
pub struct Vigil {
    works: watch::Sender<usize>,
    waiting: watch::Sender<Option<String>>,
}

impl Vigil {
    pub fn new() -> Self {
        Self { works: watch::Sender::new(0), waiting: watch::Sender::new(None) }
    }

    pub fn waiting(&self) -> watch::Receiver<Option<String>> {
        self.waiting.subscribe()
    }

    /// Says what is waited for, until the answer is dropped. None when nobody works: a person who asks a question is
    /// better served by an error at once.
    pub fn begin(&self, what: &str) -> Option<Waiting<'_>> {
        if *self.works.borrow() == 0 {
            return None;
        }
        tracing::warn!("waiting for new AWS credentials: {what}");
        self.waiting.send_replace(Some(what.to_owned()));
        Some(Waiting(self))
    }
}

/// The time in which credentials are waited for.
pub struct Waiting<'a>(&'a Vigil);

impl Waiting<'_> {
    /// Until it is time to ask again. False when the work has been given up meanwhile.
    pub async fn again(&self) -> bool {
        let mut works = self.0.works.subscribe();
        tokio::select! {
            () = tokio::time::sleep(EVERY) => true,
            // The sender lives as long as the vigil: an error cannot be.
            _ = works.wait_for(|works| *works == 0) => false,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_replace(None);
    }
}

/// While one lives, calls that find the credentials expired wait for new ones instead of failing.
#[derive(Debug)]
pub struct Work(Arc<Vigil>);

impl Work {
    pub(super) fn new(vigil: Arc<Vigil>) -> Self {
        vigil.works.send_modify(|works| *works += 1);
        Self(vigil)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.works.send_modify(|works| *works -= 1);
    }
}
