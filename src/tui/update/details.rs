//! The pane with the details of the object at the cursor. Only one object is fetched at a time, so that fast scrolling
//! causes few requests.

use crate::engine::browse::{DetailKey, Details};
use crate::engine::{Side, Step};
use crate::error::Result;
use crate::tui::effect::Effect;
use crate::tui::model::Model;

pub fn turn(model: &mut Model) {
    let closeups = &mut model.selection.closeups;
    (closeups.open, closeups.scroll) = (!closeups.open, 0);
}

pub fn scroll(model: &mut Model, by: isize) {
    let closeups = &mut model.selection.closeups;
    closeups.scroll = closeups.scroll.saturating_add_signed(by);
}

/// The request for the missing details of the pane.
pub fn want(model: &mut Model) -> Option<Effect> {
    let closeups = &model.selection.closeups;
    if model.step != Step::Plan || !closeups.open || closeups.asked.is_some() {
        return None;
    }
    let subject = model.selection.tree()?.subject()?;
    if closeups.of(&subject).is_some() {
        return None;
    }
    model.selection.closeups.asked = Some(subject.clone());
    Some(Effect::LoadDetails { at: model.at(Side::Source), subject })
}

/// Answers from an earlier source are ignored.
pub fn on_loaded(model: &mut Model, of: &str, subject: DetailKey, result: Result<Details>) -> Vec<Effect> {
    if model.selection.of == of {
        model.selection.closeups.add(subject, result);
    }
    want(model).into_iter().collect()
}
