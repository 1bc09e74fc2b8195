use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Stops and pauses a job. It may be cloned any number of times.
#[derive(Clone)]
pub struct Control {
    pub(super) drain: CancellationToken,
    pub(super) now: CancellationToken,
    pub(super) pause: Arc<watch::Sender<bool>>,
}

impl Control {
    /// After the first call, the job starts no new items and finishes the running items. The second call ends the job
    /// at once.
    pub fn stop(&self) {
        if self.drain.is_cancelled() {
            self.now.cancel();
        }
        self.drain.cancel();
    }

    pub fn is_stopping(&self) -> bool {
        self.drain.is_cancelled()
    }

    pub fn set_paused(&self, paused: bool) {
        self.pause.send_replace(paused);
    }

    pub fn is_paused(&self) -> bool {
        *self.pause.borrow()
    }
}
