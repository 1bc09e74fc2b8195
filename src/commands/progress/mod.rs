//! Shows jobs on the command line: a job of this process until it ends, and with `status --watch` a job of another
//! process. Both show the same [`ProgressSnapshot`](crate::engine::ProgressSnapshot): as bars on a terminal, as plain
//! lines in a log, as JSON lines for a program.

mod bars;
mod follow;
mod line;
mod reporter;
mod watch;

pub use follow::follow;
pub use watch::watch;
