//! Whether a request may be sent twice.

/// Whether a request may be sent again when its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    Safe,
    /// It may not: the caller checks the outcome. Refused connections and 429 are still repeated.
    OnlyUnsent,
}
