//! Which requests may be sent twice.

/// May a request be sent again when it is unknown whether the server carried it out?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    Safe,
    /// No: the caller looks up what became of it. Refused connections and 429 are still repeated.
    OnlyUnsent,
}
