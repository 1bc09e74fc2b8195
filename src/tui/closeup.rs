//! The pane that shows what the cursor is on. One thing is fetched at a time: whoever runs through the list asks for
//! little of what is passed by.

use std::collections::VecDeque;

use super::effect::Effect;
use super::model::Model;
use super::work::ErrorText;
use crate::engine::browse::{DetailKey, Details};
use crate::engine::{Side, Step};
use crate::error::Result;

/// Closeups that are kept for whoever comes back to them.
const KEPT: usize = 32;

#[derive(Default)]
pub struct DetailCache {
    pub open: bool,
    /// Lines that are above the pane.
    pub scroll: usize,
    asked: Option<DetailKey>,
    known: VecDeque<(DetailKey, Result<Details, ErrorText>)>,
}

impl DetailCache {
    /// The pane as it was, with nothing in it.
    pub fn opened(open: bool) -> Self {
        Self { open, ..Self::default() }
    }

    /// None until it has come.
    pub fn of(&self, subject: &DetailKey) -> Option<&Result<Details, ErrorText>> {
        self.known.iter().find(|(known, _)| known == subject).map(|(_, closeup)| closeup)
    }

    pub fn is_fetching(&self) -> bool {
        self.open && self.asked.is_some()
    }
}

pub fn turn(model: &mut Model) {
    let closeups = &mut model.selection.closeups;
    (closeups.open, closeups.scroll) = (!closeups.open, 0);
}

pub fn scroll(model: &mut Model, by: isize) {
    let closeups = &mut model.selection.closeups;
    closeups.scroll = closeups.scroll.saturating_add_signed(by);
}

/// What the pane lacks.
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
    Some(Effect::Closeup { at: model.at(Side::Source), subject })
}

/// What was asked of a source before is no news.
pub fn came(model: &mut Model, of: &str, subject: DetailKey, result: Result<Details>) -> Vec<Effect> {
    if model.selection.of == of {
        let closeups = &mut model.selection.closeups;
        closeups.asked = None;
        closeups.known.push_front((subject, result.map_err(ErrorText::from)));
        closeups.known.truncate(KEPT);
    }
    want(model).into_iter().collect()
}
