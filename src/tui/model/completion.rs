//! The completion of a typed path.

use std::path::PathBuf;

use super::Model;
use super::form::Asked;
use crate::engine::{Side, Step};

/// The result of the last completion. It is valid only for its text.
pub struct PathCompletion {
    pub text: String,
    pub state: CompletionState,
}

pub enum CompletionState {
    Reading,
    /// The names that the text may go on with.
    Known(Vec<String>),
    /// The folder cannot be read.
    Failed(String),
}

/// A request for the names in a folder that begin with `start`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionRequest {
    pub text: String,
    pub folder: PathBuf,
    pub start: String,
}

impl Model {
    /// The completion of the text in the source field.
    pub fn completion(&self) -> Option<&CompletionState> {
        let is_typing = self.source.form.focus == Some(Asked::Uri);
        let completion = self.completion.as_ref().filter(|_| is_typing)?;
        (completion.text == self.source.form.uri()).then_some(&completion.state)
    }

    /// The source field has the focus and contains a path.
    pub fn completion_request(&self) -> Option<CompletionRequest> {
        let form = &self.source.form;
        let is_typing = self.step == Step::Check && form.focus == Some(Asked::Uri);
        let (_, path) = form.path().filter(|_| is_typing && self.asked_side() == Some(Side::Source))?;
        let at = path.rfind('/').map_or(0, |slash| slash + 1);
        let folder = self.expand(if at == 0 { "." } else { &path[..at] });
        Some(CompletionRequest { text: form.uri().to_owned(), folder, start: path[at..].to_owned() })
    }
}
