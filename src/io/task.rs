use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// Work in its own task. It continues while nothing polls this handle, and is cancelled when the handle is dropped.
///
/// A future that is not polled still holds its resources. Streams such as `.buffered(n).flat_map(…)` poll their futures
/// only now and then, so a request in such a future could hold a slot of the server's limit for ever.
pub struct OwnTask<T>(JoinHandle<T>);

impl<T: Send + 'static> OwnTask<T> {
    pub fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl<T> Future for OwnTask<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map_err(|e| Error::permanent(format!("a request broke off inside this program: {e}")))
    }
}

impl<T> Drop for OwnTask<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
