//! Dialogs that ask for a line of text. A dialog stays open until its answer has been carried out: if it closed after
//! an error, the keys typed next would run as commands.

use crate::tui::model::form::Field;
use crate::tui::model::question::{Ask, Question, State};
use crate::tui::model::{Model, Overlay};

pub fn open(model: &mut Model, question: Question, text: &str) {
    // What is typed replaces the proposal.
    let answer = Field::proposed(text);
    model.overlay = Some(Overlay::Ask(Ask { question, answer, state: State::Typing }));
}

/// The answer has been carried out: the dialog closes.
pub fn done(model: &mut Model, question: Question) {
    if is_open(model, question) {
        model.overlay = None;
    }
}

/// The dialog stays open with the reason and the typed text. If it has been closed in the meantime, only the reason is
/// shown.
pub fn failed(model: &mut Model, question: Question, why: String) {
    match &mut model.overlay {
        Some(Overlay::Ask(ask)) if ask.question == question => ask.state = State::Failed(why),
        _ => model.notice = Some(why),
    }
}

fn is_open(model: &Model, question: Question) -> bool {
    matches!(&model.overlay, Some(Overlay::Ask(ask)) if ask.question == question)
}
