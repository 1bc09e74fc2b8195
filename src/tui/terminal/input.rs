//! Terminal input.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crossterm::event::{Event, poll, read};
use tokio::sync::mpsc;

use crate::error::Result;

/// Maximum number of input events that wait for processing.
const CHANNEL_CAPACITY: usize = 256;
/// Interval at which the thread checks whether it must stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum time for the thread to release the terminal. An incomplete escape sequence can block it longer.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A thread that reads the terminal. crossterm 0.29 blocks on an incomplete escape sequence, and blocks forever on a
/// terminal that is gone. The event loop must not wait for it because it has work to save.
pub struct Keyboard {
    typed: mpsc::Receiver<Result<Event>>,
    closed: Arc<AtomicBool>,
}

impl Keyboard {
    pub fn open() -> Self {
        let (sender, typed) = mpsc::channel(CHANNEL_CAPACITY);
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        thread::spawn(move || listen(&sender, &is_closed));
        Self { typed, closed }
    }

    /// An error means that no more input will come.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        self.typed.recv().await
    }

    /// Releases the terminal, so that another program can read it.
    pub async fn close(mut self) {
        self.closed.store(true, Relaxed);
        let until_gone = async { while self.typed.recv().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, until_gone).await;
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.closed.store(true, Relaxed);
    }
}

fn listen(sender: &mpsc::Sender<Result<Event>>, is_closed: &AtomicBool) {
    while !is_closed.load(Relaxed) {
        let event = match poll(POLL_INTERVAL) {
            Ok(false) => continue,
            Ok(true) => read(),
            Err(error) => Err(error),
        };
        let is_last = event.is_err();
        if sender.blocking_send(event.map_err(Into::into)).is_err() || is_last {
            return;
        }
    }
}
