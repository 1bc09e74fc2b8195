//! Dialogs that ask for a line of text. One stays open until what was answered has worked: a dialog that closed over a
//! mistake would let the rest of a text run as commands.

use crate::tui::model::form::Field;
use crate::tui::model::question::{Ask, Question, State};
use crate::tui::model::{Model, Overlay};

pub fn open(model: &mut Model, question: Question, text: &str) {
    let answer = Field::new(text);
    model.overlay = Some(Overlay::Ask(Ask { question, answer, state: State::Typing }));
}

/// It has worked: the dialog closes.
pub fn done(model: &mut Model, question: Question) {
    if is_open(model, question) {
        model.overlay = None;
    }
}

/// The dialog stays, with the reason and what was typed. One that was closed meanwhile tells the reason only.
pub fn failed(model: &mut Model, question: Question, why: String) {
    match &mut model.overlay {
        Some(Overlay::Ask(ask)) if ask.question == question => ask.state = State::Failed(why),
        _ => model.notice = Some(why),
    }
}

fn is_open(model: &Model, question: Question) -> bool {
    matches!(&model.overlay, Some(Overlay::Ask(ask)) if ask.question == question)
}
