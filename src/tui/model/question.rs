//! A dialog that asks for a line of text.

use super::form::Field;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The destination for a copy of the report.
    Report,
    /// The AWS region in which to look for Apps.
    Region,
    /// The destination for the plan.
    SavePlan,
    /// The file of the plan that sets the selection.
    LoadPlan,
    /// The text before the names of experiments on the target.
    Prefix,
}

impl Question {
    pub fn words(self) -> &'static str {
        match self {
            Self::Report => "Copy the report to",
            Self::Region => "AWS region",
            Self::SavePlan => "Save the plan as",
            Self::LoadPlan => "Load the selection from",
            Self::Prefix => "Put this text before all names of experiments",
        }
    }
}

/// A question and the text that has been typed so far.
pub struct Ask {
    pub question: Question,
    pub answer: Field,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Typing,
    /// The answer is being carried out.
    Working,
    /// The answer could not be carried out, for this reason.
    Failed(String),
}
