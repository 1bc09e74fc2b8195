//! Proposes the stores in or below the working directory as the source.

use super::steps;
use crate::engine::{Side, Step};
use crate::tui::effect::Effect;
use crate::tui::model::stores::{FoundStore, StoreContents};
use crate::tui::model::{CheckState, Model};

/// Looks for stores if no source is given.
pub fn search(model: &mut Model) -> Vec<Effect> {
    if !model.source.form.uri().is_empty() {
        return Vec::new();
    }
    model.stores.is_searching = true;
    let access = model.at(Side::Source).access;
    vec![Effect::FindStores { folder: model.places.stores.clone(), access: Box::new(access) }]
}

/// The only store fills the field, and several stores open a list. A text that the user has typed in the meantime
/// stays.
pub fn on_found(model: &mut Model, stores: Vec<FoundStore>) {
    model.stores.is_searching = false;
    model.stores.rows = stores;
    model.stores.cursor = 0;
    let is_empty = model.source.form.uri().is_empty() && matches!(model.source.seen, CheckState::Unchecked);
    if !is_empty || model.step != Step::Check {
        return;
    }
    match &model.stores.rows[..] {
        [] => {}
        [only] => model.source.form.propose_uri(&only.path.clone()),
        _ => model.stores.is_open = true,
    }
}

pub fn on_counted(model: &mut Model, path: &str, contents: StoreContents) {
    if let Some(row) = model.stores.rows.iter_mut().find(|row| row.path == path) {
        row.contents = contents;
    }
}

/// Uses the store at the cursor as the source.
pub fn take(model: &mut Model) -> Vec<Effect> {
    let Some(path) = model.stores.current().map(|row| row.path.clone()) else { return Vec::new() };
    model.stores.is_open = false;
    model.source.form.set_uri(&path);
    steps::check(model, Side::Source)
}

pub fn leave(model: &mut Model) {
    model.stores.is_open = false;
    steps::focus(model);
}
