//! The pane with the details of the object at the cursor. Only one object is fetched at a time, so that fast scrolling
//! causes few requests.

use crate::engine::browse::{DetailKey, Details};
use crate::engine::{Side, Step};
use crate::error::Result;
use crate::tui::effect::Effect;
use crate::tui::model::Model;

pub fn turn(model: &mut Model) {
    let details = &mut model.selection.details;
    (details.open, details.scroll) = (!details.open, 0);
}

pub fn scroll(model: &mut Model, by: isize) {
    let details = &mut model.selection.details;
    details.scroll = details.scroll.saturating_add_signed(by);
}

/// The request for the missing details of the pane.
pub fn want(model: &mut Model) -> Option<Effect> {
    let details = &model.selection.details;
    if model.step != Step::Plan || !details.open || details.asked.is_some() {
        return None;
    }
    let subject = model.selection.tree()?.subject()?;
    if details.of(&subject).is_some() {
        return None;
    }
    model.selection.details.asked = Some(subject.clone());
    Some(Effect::LoadDetails { at: model.at(Side::Source), subject })
}

/// Answers from an earlier source are ignored.
pub fn on_loaded(model: &mut Model, of: &str, subject: DetailKey, result: Result<Details>) -> Vec<Effect> {
    if model.selection.of == of {
        model.selection.details.add(subject, result);
    }
    want(model).into_iter().collect()
}
