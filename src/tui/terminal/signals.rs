//! Signals from the operating system to the process.

use crate::error::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Terminate,
    /// The terminal has disconnected.
    HangUp,
    Interrupt,
    /// The process was stopped and has continued.
    Continued,
}

#[cfg(unix)]
pub use unix::{Signals, suspend};

#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use rustix::process;
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    use super::{Result, Signal};

    /// Linux and the BSDs use different numbers for this signal.
    const CONTINUED: i32 = process::Signal::CONT.as_raw();
    /// A stop takes effect immediately or never: without a shell, no other process would continue this one.
    const STOPPED: Duration = Duration::from_millis(300);

    pub struct Signals {
        terminate: Stream,
        hang_up: Stream,
        interrupt: Stream,
        continued: Stream,
    }

    impl Signals {
        pub fn new() -> Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
                interrupt: signal(SignalKind::interrupt())?,
                continued: signal(SignalKind::from_raw(CONTINUED))?,
            })
        }

        pub async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.terminate.recv() => Signal::Terminate,
                _ = self.hang_up.recv() => Signal::HangUp,
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.continued.recv() => Signal::Continued,
            }
        }
    }

    /// Stops this process like Ctrl-Z in a program that does not read keys itself. Returns when the process continues.
    pub async fn suspend(signals: &mut Signals) {
        // A process is always allowed to stop itself.
        let _ = process::kill_process(process::getpid(), process::Signal::TSTP);
        let _ = tokio::time::timeout(STOPPED, signals.continued.recv()).await;
    }
}

#[cfg(not(unix))]
pub use elsewhere::{Signals, suspend};

#[cfg(not(unix))]
mod elsewhere {
    use super::{Result, Signal};

    pub struct Signals;

    impl Signals {
        pub fn new() -> Result<Self> {
            Ok(Self)
        }

        pub async fn next(&mut self) -> Signal {
            match tokio::signal::ctrl_c().await {
                Ok(()) => Signal::Interrupt,
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// This platform has no suspend.
    pub async fn suspend(_: &mut Signals) {}
}
