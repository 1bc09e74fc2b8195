//! Dialogs that ask for a line of text. One stays open until what was answered has worked: a dialog that closed over a
//! mistake would let the rest of a text run as commands.

use super::apps;
use super::plan_file;
use crate::engine::validate::Format;
use crate::tui::effect::Effect;
use crate::tui::model::form::Field;
use crate::tui::model::question::{Ask, Question, State};
use crate::tui::model::{Model, Overlay};

pub fn open(model: &mut Model, question: Question, text: &str) {
    let answer = Field::new(text);
    model.overlay = Some(Overlay::Ask(Ask { question, answer, state: State::Typing }));
}

/// Carries the answer out.
pub fn accept(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Ask(ask)) = &mut model.overlay else {
        return Vec::new();
    };
    if ask.state == State::Working {
        return Vec::new();
    }
    ask.state = State::Working;
    let (question, text) = (ask.question, ask.answer.text().trim().to_owned());
    let result = match question {
        _ if text.is_empty() && question != Question::Region => Err("no file was named".to_owned()),
        Question::Report => copy_report(model, &text),
        Question::SavePlan => plan_file::save(model, &text),
        Question::LoadPlan => Ok(vec![Effect::ReadPlan(model.expand(&text))]),
        Question::Region => apps::look_in(model, &text),
    };
    result.unwrap_or_else(|why| {
        failed(model, question, why);
        Vec::new()
    })
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

fn copy_report(model: &Model, to: &str) -> Result<Vec<Effect>, String> {
    let to = model.expand(to);
    match Format::of(&to) {
        Ok(format) => Ok(vec![Effect::Copy { from: model.places.report_as(format), to }]),
        Err(error) => Err(error.get_hint().unwrap_or_default().to_owned()),
    }
}
