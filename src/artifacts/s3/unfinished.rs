use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// What was begun and has to be taken back: an upload in parts that nobody completes costs money and is seen by nobody.
#[derive(Default)]
pub struct Unfinished(Mutex<JoinSet<()>>);

impl Unfinished {
    /// Takes something back in the background. Called when its owner is dropped, in whatever way that came.
    pub fn take_back(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Without a runtime the process is at its end, and the next run finds it.
        if let Ok(runtime) = Handle::try_current() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).spawn_on(work, &runtime);
        }
    }

    /// Waits until all of it is taken back.
    pub async fn settle(&self) {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while all.join_next().await.is_some() {}
    }
}
