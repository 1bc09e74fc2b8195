//! The active keys, as many as fit. Help and quit are always included.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint;
use crate::tui::keys::{self, Action, Bound, label};
use crate::tui::model::Model;
use crate::tui::text;

/// Rows with the same words are combined into one hint: `↑↓ move`.
pub struct Hint {
    pub keys: String,
    pub words: &'static str,
    action: Action,
}

/// The active keys. Each row shows only its first key.
fn hints(model: &Model) -> Vec<Hint> {
    gather(model, keys::live(model), false)
}

/// The active keys of the screen below the help, with every key.
pub fn hints_below(model: &Model) -> Vec<Hint> {
    gather(model, keys::live_on_screen(model), true)
}

fn gather<'a>(model: &Model, rows: impl Iterator<Item = Bound<'a>>, all: bool) -> Vec<Hint> {
    let glyphs = model.look.glyphs;
    let mut hints: Vec<Hint> = Vec::new();
    for row in rows {
        let keys = keys_of(&row, all, glyphs);
        match hints.iter_mut().find(|hint| hint.words == row.words) {
            Some(hint) if all || is_short(&hint.keys) && is_short(&keys) => {
                if all {
                    hint.keys.push(' ');
                }
                hint.keys.push_str(&keys);
            }
            Some(_) => {}
            None => hints.push(Hint { keys, words: row.words, action: row.action }),
        }
    }
    hints
}

fn is_short(keys: &str) -> bool {
    text::width(keys) == 1
}

fn keys_of(row: &Bound<'_>, all: bool, glyphs: &crate::tui::theme::Glyphs) -> String {
    let labels: Vec<String> = row.keys.iter().map(|key| label(*key, glyphs)).collect();
    match (row.action, all) {
        (Action::Go, _) => "1-7".to_owned(),
        (_, true) => labels.join(" "),
        (_, false) => labels.into_iter().next().unwrap_or_default(),
    }
}

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let width = usize::from(area.width).saturating_sub(2);
    let (last, first): (Vec<Hint>, Vec<Hint>) = hints(model)
        .into_iter()
        // These keys are only listed in the help: they are rarely needed.
        .filter(|hint| !matches!(hint.action, Action::Redraw | Action::Suspend))
        .partition(|hint| hint.words == "help" || hint.words == "quit");
    let kept: usize = last.iter().map(columns).sum();
    let mut lines: Vec<Vec<&Hint>> = vec![Vec::new()];
    let mut used = 0;
    for hint in &first {
        let is_last_line = lines.len() == usize::from(area.height);
        let room = if is_last_line { width.saturating_sub(kept) } else { width };
        if used + columns(hint) > room {
            if is_last_line {
                break;
            }
            lines.push(Vec::new());
            used = 0;
        }
        used += columns(hint);
        if let Some(line) = lines.last_mut() {
            line.push(hint);
        }
    }
    // The gap after the last hint may be cut.
    if used + kept > width + 3 && lines.len() < usize::from(area.height) {
        lines.push(Vec::new());
    }
    if let Some(line) = lines.last_mut() {
        line.extend(&last);
    }
    let lines = lines.into_iter().map(|hints| line_of(model, &hints)).collect();
    paint::lines(frame, area, lines);
}

fn columns(hint: &Hint) -> usize {
    text::width(&hint.keys) + text::width(hint.words) + 3
}

fn line_of(model: &Model, hints: &[&Hint]) -> Line<'static> {
    let theme = model.look.theme;
    let mut spans = vec![Span::raw(" ")];
    for hint in hints {
        spans.push(Span::styled(hint.keys.clone(), theme.accent));
        spans.push(Span::raw(format!(" {}  ", hint.words)));
    }
    Line::from(spans)
}
