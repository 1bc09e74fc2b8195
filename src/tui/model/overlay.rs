//! The dialogs that lie over a screen.

use secrecy::SecretString;

use super::question::Ask;
use crate::engine::Session;

/// The dialog that covers the screen.
pub enum Overlay {
    /// An earlier session exists. The flag is true if "Start over" is selected.
    Resume(Box<Session>, bool),
    Help(usize),
    /// The selected answer.
    Quit(QuitChoice),
    Ask(Ask),
    /// The choice for names that the target has already, and its selected row.
    SameNames(NameChoice),
    /// Consent to write to the target. The flag is true if the "yes" answer is selected.
    Confirm(Write, bool),
    /// Consent to create the App of the form.
    Create,
    /// A link that opens the UI of an App once. Never logged.
    Link(SecretString),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuitChoice {
    Stay,
    Drain,
    Now,
}

impl QuitChoice {
    pub const ALL: [Self; 3] = [Self::Stay, Self::Drain, Self::Now];
}

/// The rows of the dialog about names that the target has already. The first three exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameChoice {
    Fail,
    Prefix,
    Merge,
    Append,
}

impl NameChoice {
    pub const ALL: [Self; 4] = [Self::Fail, Self::Prefix, Self::Merge, Self::Append];
}

/// The items that would be written to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// All selected items.
    Import,
    /// The failed item at the cursor.
    Failed,
    /// The difference at the cursor.
    Difference,
}
