//! Scrolling in the list that has the focus.

use crate::engine::{CheckReport, Step};
use crate::tui::keys::TABLE;
use crate::tui::model::diff_fields;
use crate::tui::model::job::Pane;
use crate::tui::model::layer::Layer;
use crate::tui::model::validation::Drawn;
use crate::tui::model::{CheckState, EndpointState, Model, NameChoice, Overlay, QuitChoice};
use crate::tui::source_tree::SourceTree;

/// The number of rows that the reasons of refused ends need at most, approximately.
const REFUSAL: usize = 16;

/// Approximate number of rows per page. One row less than visible keeps the reader's place.
pub fn page(model: &Model) -> isize {
    isize::try_from(model.size.1.saturating_sub(16).max(5)).unwrap_or(5)
}

/// The first visible row of a list of `length` rows in a window of `height` rows, so that `cursor` is near the middle.
pub fn offset(cursor: usize, length: usize, height: usize) -> usize {
    cursor.saturating_sub(height / 2).min(length.saturating_sub(height))
}

pub fn by(model: &mut Model, rows: isize) {
    match model.layer() {
        Layer::Resume => {
            if let Some(Overlay::Resume(_, start_over)) = &mut model.overlay {
                *start_over = !*start_over;
            }
        }
        Layer::Quit => {
            if let Some(Overlay::Quit(parting)) = &mut model.overlay {
                let at = (*parting as usize).saturating_add_signed(rows);
                *parting = QuitChoice::ALL[at.min(QuitChoice::ALL.len() - 1)];
            }
        }
        Layer::SameNames => {
            if let Some(Overlay::SameNames(choice)) = &mut model.overlay {
                *choice = NameChoice::ALL[moved(*choice as usize, rows, NameChoice::ALL.len())];
            }
        }
        Layer::Confirm => {
            if let Some(Overlay::Confirm(_, agreed)) = &mut model.overlay {
                *agreed = !*agreed;
            }
        }
        Layer::Help => {
            if let Some(Overlay::Help(top)) = &mut model.overlay {
                *top = top.saturating_add_signed(rows).min(TABLE.len());
            }
        }
        Layer::Picture => {
            if let Some(picture) = &mut model.validation.picture
                && let Drawn::Curve(curve) = &picture.drawn
            {
                picture.scroll = moved(picture.scroll, rows, curve.deviations.len());
            }
        }
        Layer::Detail => {
            let lines = diff_fields::length(&model.validation);
            if let Some(at) = &mut model.validation.detail {
                *at = moved(*at, rows, lines);
            }
        }
        _ => by_on_screen(model, rows),
    }
}

fn by_on_screen(model: &mut Model, rows: isize) {
    if model.layer() == Layer::Stores {
        model.stores.cursor = moved(model.stores.cursor, rows, model.stores.rows.len());
        return;
    }
    if let Some(end) = model.asked_side() {
        // At least this many rows are visible. Scrolling further would have no effect.
        let shown = usize::from(model.size.1.saturating_sub(16));
        let side = model.side_mut(end);
        let lines = side.report().map_or(0, CheckReport::lines);
        side.scroll = moved(side.scroll, rows, lines.saturating_sub(shown) + 1);
        return;
    }
    if model.step == Step::Connect {
        let is_refused = |end: &EndpointState| matches!(end.seen, CheckState::Refused(_));
        let lines = match is_refused(&model.source) || is_refused(&model.target) {
            true => REFUSAL,
            false => model.preflight.rows(),
        };
        model.preflight.scroll = moved(model.preflight.scroll, rows, lines);
        return;
    }
    if model.step == Step::App {
        model.apps.cursor = moved(model.apps.cursor, rows, model.apps.rows().len());
        return;
    }
    if model.step == Step::Plan {
        model.selection.tree_mut().into_iter().for_each(|tree: &mut SourceTree| tree.step(rows));
        return;
    }
    if model.step == Step::Validate && model.validation.work.pane == Pane::InFlight {
        let outline = &mut model.validation.outline;
        outline.move_to(moved(outline.cursor(), rows, outline.rows().len()));
        return;
    }
    let log = model.shown_log().len();
    let step = model.step;
    if let Some(work) = model.work_mut(step) {
        let length = match work.pane {
            Pane::InFlight => work.in_flight_count(),
            Pane::Failures => work.failures.len(),
            Pane::Log => log,
        };
        work.cursor = moved(work.cursor, rows, length);
    }
}

fn moved(from: usize, by: isize, length: usize) -> usize {
    from.saturating_add_signed(by).min(length.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_on_show() {
        for length in 0..30 {
            for height in 1..12 {
                for cursor in 0..length {
                    let top = offset(cursor, length, height);
                    assert!((top..top + height).contains(&cursor));
                    assert!(top + height <= length.max(height));
                }
            }
        }
    }
}
