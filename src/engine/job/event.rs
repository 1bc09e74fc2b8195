use serde::Serialize;

use crate::engine::Step;
use crate::engine::validate::Difference;
use crate::entities::Kind;

/// What happened. Facts only: counters are in [`Progress`](crate::engine::Progress). Never dropped.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    Started {
        step: Step,
        source: String,
        target: String,
    },
    /// More items are known of.
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
        /// How often it was tried, in all jobs of this journal.
        attempts: u64,
    },
    Difference(Difference),
    Note {
        text: String,
    },
    /// Credentials have ended, those of AWS or the sign-in of a server: everything that needs them waits for new ones.
    Waiting {
        /// What renews them: a command, where there is one.
        renew: String,
    },
    /// There are new ones.
    Resumed,
    /// A server cannot be reached: everything that needs it waits, and nothing fails meanwhile.
    ServerGone {
        /// `source` or `target`.
        end: &'static str,
        reason: String,
        /// How long it is waited for, in seconds.
        wait: u64,
    },
    /// It answers again.
    ServerBack {
        end: &'static str,
        /// How long it was gone.
        seconds: u64,
    },
}
