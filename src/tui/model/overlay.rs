//! The dialogs that lie over a screen.

use secrecy::SecretString;

use super::question::Ask;
use crate::engine::Session;

/// What lies over the screen.
pub enum Overlay {
    /// A session was left; the flag says that "start anew" is chosen.
    Resume(Box<Session>, bool),
    Help(usize),
    /// Which answer is chosen.
    Quit(QuitChoice),
    Ask(Ask),
    /// Whether this is to be written to the target; the flag says that yes is chosen.
    Confirm(Write, bool),
    /// Whether to create the App of the form.
    Create,
    /// Opens the UI of an App, once. Never logged.
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

/// What would be written to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// All that was selected.
    Import,
    /// The failed item at the cursor.
    Failed,
    /// The difference at the cursor.
    Difference,
}
