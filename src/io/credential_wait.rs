use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How often the chain is asked for new credentials while work waits for them.
const EVERY: Duration = Duration::from_secs(5);

/// Who works with the credentials of one chain, and what they wait for. It is there before the credentials are: those
/// of a store are looked for when the first file needs them. Clones are one and the same.
#[derive(Clone, Debug)]
pub struct CredentialWait(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    works: watch::Sender<usize>,
    waiting: watch::Sender<Option<String>>,
}

impl Default for CredentialWait {
    fn default() -> Self {
        Self(Arc::new(Inner { works: watch::Sender::new(0), waiting: watch::Sender::new(None) }))
    }
}

impl CredentialWait {
    /// While the answer lives, calls that find the credentials expired wait for new ones instead of failing. Questions
    /// that a person waits for hold none.
    pub fn work(&self) -> WorkPermit {
        self.0.works.send_modify(|works| *works += 1);
        WorkPermit(self.clone())
    }

    pub fn has_work(&self) -> bool {
        *self.0.works.borrow() > 0
    }

    /// Until nobody works any more.
    pub async fn until_idle(&self) {
        let mut works = self.0.works.subscribe();
        // The sender lives as long as the vigil: an error cannot be.
        let _ = works.wait_for(|works| *works == 0).await;
    }

    /// Some(what renews them) while work waits for new credentials.
    pub fn waiting(&self) -> watch::Receiver<Option<String>> {
        self.0.waiting.subscribe()
    }

    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Says what is waited for, until the answer is dropped. None when nobody works: a person who asks a question is
    /// better served by an error at once.
    pub fn begin(&self, what: &str) -> Option<WaitGuard<'_>> {
        if !self.has_work() {
            return None;
        }
        tracing::warn!("waiting for new credentials: {what}");
        self.0.waiting.send_replace(Some(what.to_owned()));
        Some(WaitGuard(self))
    }
}

/// The time in which credentials are waited for.
pub struct WaitGuard<'a>(&'a CredentialWait);

impl WaitGuard<'_> {
    /// Until it is time to ask again. False when the work has been given up meanwhile.
    pub async fn again(&self) -> bool {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => true,
            () = self.0.until_idle() => false,
        }
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.0.waiting.send_replace(None);
    }
}

/// See [`CredentialWait::work`].
#[derive(Debug)]
pub struct WorkPermit(CredentialWait);

impl Drop for WorkPermit {
    fn drop(&mut self) {
        self.0.0.works.send_modify(|works| *works -= 1);
    }
}
