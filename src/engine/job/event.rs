use serde::Serialize;

use super::failure_groups::FailureCause;
use crate::engine::Step;
use crate::engine::validate::Difference;
use crate::entities::Kind;

/// An event of a job. It holds facts only: the counters are in [`Progress`](crate::engine::Progress). Events are never
/// dropped.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    Started {
        step: Step,
        source: String,
        target: String,
    },
    /// The job has found more items.
    Planned {
        kind: Kind,
        count: u64,
    },
    ItemStarted {
        kind: Kind,
        id: String,
        name: String,
    },
    ItemDone {
        kind: Kind,
        id: String,
        name: String,
    },
    ItemSkipped {
        kind: Kind,
        id: String,
        name: String,
        reason: String,
    },
    ItemFailed {
        kind: Kind,
        id: String,
        name: String,
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        /// The number of attempts, in all jobs of this journal.
        attempts: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<FailureCause>,
    },
    Difference(Difference),
    Note {
        text: String,
    },
    /// Credentials have expired: AWS credentials, or the sign-in to a server. All work that needs them waits for new
    /// credentials.
    Waiting {
        /// How to renew the credentials: a command, if there is one.
        renew: String,
    },
    /// New credentials are available.
    Resumed,
    /// A server cannot be reached. All work that needs it waits, and no item fails in the meantime.
    ServerGone {
        /// `source` or `target`.
        end: &'static str,
        reason: String,
        /// How long the job waits for the server, in seconds.
        wait: u64,
    },
    /// The server answers again.
    ServerBack {
        end: &'static str,
        /// How long the server was unreachable, in seconds.
        seconds: u64,
    },
}
