//! The seven screens. Import and export share one.

mod apps;
mod connect;
mod counts;
mod curve;
mod detail;
mod differences;
mod endpoint;
mod files;
mod picked_runs;
mod select;
mod selected_value;
mod stores;
mod totals;
mod transfer;
mod validate;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::engine::Step;
use crate::tui::model::Model;
use crate::tui::model::apps::TargetInput;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    match model.step {
        Step::App if model.apps.way != TargetInput::Address => apps::view(model, frame, area),
        Step::Check if model.stores.is_open => stores::view(model, frame, area),
        Step::Check | Step::App => endpoint::view(model, frame, area),
        Step::Connect => connect::view(model, frame, area),
        Step::Plan => select::view(model, frame, area),
        Step::Export | Step::Import => transfer::view(model, frame, area),
        Step::Validate => validate::view(model, frame, area),
    }
}
