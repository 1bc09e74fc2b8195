use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Multipart uploads that have to be aborted: an upload that is never completed costs money and is easily overlooked.
#[derive(Default)]
pub struct Unfinished(Mutex<JoinSet<()>>);

impl Unfinished {
    /// Aborts an upload in the background. It is called when the owner of the upload is dropped, for any reason.
    pub fn abort(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Without a runtime the process is about to exit. The next run finds the upload.
        if let Ok(runtime) = Handle::try_current() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).spawn_on(work, &runtime);
        }
    }

    /// Waits until all uploads are aborted.
    pub async fn abort_all(&self) {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while all.join_next().await.is_some() {}
    }
}
