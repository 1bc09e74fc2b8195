//! A question with one line of text for an answer.

use super::form::Field;

/// Where to copy the report to.
#[derive(Clone, Default)]
pub struct Prompt {
    pub field: Field,
}
