//! Blocking work, outside of the threads that poll futures.

use std::thread::Builder;

use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;

use crate::error::{Error, Result};

/// Runs blocking work in a thread of the runtime's pool. The pool is small, so the work must not wait for other work:
/// see [`from_thread`].
pub async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::permanent(e.to_string()))?
}

/// The items that a new thread passes on, at most `ahead` before they are needed. `work` calls its argument with each
/// item; the answer is false when no more items are needed.
///
/// The stream ends with an error when the thread cannot start, or when it panics.
pub fn from_thread<T: Send + 'static>(
    ahead: usize,
    work: impl FnOnce(&dyn Fn(Result<T>) -> bool) + Send + 'static,
) -> BoxStream<'static, Result<T>> {
    let (sender, receiver) = mpsc::channel(ahead);
    let body = move || work(&|item| sender.blocking_send(item).is_ok());
    let thread = match Builder::new().name("reader".to_owned()).spawn(body) {
        Ok(thread) => thread,
        Err(e) => return stream::iter([Err(Error::from(e).at("a thread cannot start"))]).boxed(),
    };
    let received =
        stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
    // The thread has dropped its sender, so it does not have to be waited for.
    let end = stream::once(async move { thread.join().is_err() }).filter_map(|has_failed| async move {
        has_failed.then(|| Err(Error::permanent("this program failed while it was reading")))
    });
    received.chain(end).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn items_arrive_in_order_until_no_more_are_needed() {
        let numbers = from_thread(1, |send| {
            assert!((0..3).all(|number| send(Ok(number))));
        });
        assert_eq!(numbers.map(Result::unwrap).collect::<Vec<_>>().await, [0, 1, 2]);
        let endless = from_thread(1, |send| while send(Ok(7)) {});
        assert_eq!(endless.take(2).count().await, 2);
    }

    #[tokio::test]
    async fn a_failed_thread_does_not_look_like_the_end() {
        let items: Vec<Result<u8>> = from_thread(1, |send| {
            send(Ok(1));
            panic!("a defect");
        })
        .collect()
        .await;
        assert!(items[0].is_ok() && items[1].is_err() && items.len() == 2);
    }
}
