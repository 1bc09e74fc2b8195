use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How often new credentials are requested from the chain while a job waits for them.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Counts the running jobs that use the credentials of one chain, and records what they wait for. It exists before the
/// credentials do: the credentials of a store are loaded when the first file needs them. All clones share one state.
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
    /// While the returned permit exists, calls with expired credentials wait for new ones instead of failing.
    /// Interactive requests hold no permit.
    pub fn work(&self) -> WorkPermit {
        self.0.works.send_modify(|works| *works += 1);
        WorkPermit(self.clone())
    }

    pub fn has_work(&self) -> bool {
        *self.0.works.borrow() > 0
    }

    /// Waits until no job is running.
    pub async fn until_idle(&self) {
        let mut works = self.0.works.subscribe();
        // This cannot fail: the sender lives as long as `self`.
        let _ = works.wait_for(|works| *works == 0).await;
    }

    /// While a job waits for new credentials, this holds the instruction how to renew them.
    pub fn waiting(&self) -> watch::Receiver<Option<String>> {
        self.0.waiting.subscribe()
    }

    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Shows the reason for the wait until the returned guard is dropped. `None` when no job is running: an interactive
    /// request should fail at once.
    pub fn begin(&self, what: &str) -> Option<WaitGuard<'_>> {
        if !self.has_work() {
            return None;
        }
        tracing::warn!("waiting for new credentials: {what}");
        self.0.waiting.send_replace(Some(what.to_owned()));
        Some(WaitGuard(self))
    }
}

/// Exists while a job waits for credentials.
pub struct WaitGuard<'a>(&'a CredentialWait);

impl WaitGuard<'_> {
    /// Waits until the next try. Returns false when all jobs have ended in the meantime.
    pub async fn next_try(&self) -> bool {
        tokio::select! {
            () = tokio::time::sleep(RETRY_INTERVAL) => true,
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
