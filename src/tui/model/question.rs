//! A dialog that asks for a line of text.

use super::form::Field;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Where to copy the report to.
    Report,
    /// In which AWS region to look for Apps.
    Region,
    /// Where to save the plan.
    SavePlan,
    /// Where the plan is that says what to pick.
    LoadPlan,
}

impl Question {
    pub fn words(self) -> &'static str {
        match self {
            Self::Report => "Copy the report to",
            Self::Region => "AWS region",
            Self::SavePlan => "Save the plan as",
            Self::LoadPlan => "Pick what this plan says",
        }
    }
}

/// A question, and what has been typed so far.
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
    /// It could not be carried out, for this reason.
    Failed(String),
}
