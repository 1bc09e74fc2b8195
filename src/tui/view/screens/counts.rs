//! How many items of each kind are planned and how they ended, in as many lines as there is room for.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::engine::{Counts, ProgressSnapshot};
use crate::entities::Kind;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::view::widgets::paint;

/// Columns of a number, and where the window is narrow.
const NUMBER: usize = 11;
const NARROW: usize = 9;
/// Columns of the longest title.
const TITLE: usize = 20;
/// Lines of the list below that stay, whatever stands above it.
const LISTED: usize = 4;
/// Lines of counts that stay, however small the window is.
const LEAST: usize = 2;

/// Into what is left of `height` lines when `used` are: a line for each kind, or where that is too much one after the
/// other.
pub fn table(
    model: &Model,
    reading: &ProgressSnapshot,
    width: u16,
    height: u16,
    used: usize,
) -> Vec<Line<'static>> {
    // Two lines tell the speed, one is the heading of the list.
    let rows = usize::from(height).saturating_sub(used + 2 + 1 + LISTED);
    let width = usize::from(width);
    let is_shown = |kind: &Kind| reading.of(*kind).planned > 0 || kind.is_basic();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(is_shown).collect();
    if kinds.len() >= rows {
        return in_short(model, reading, &kinds, width, rows.max(LEAST));
    }
    let number = if width >= TITLE + 4 * NUMBER { NUMBER } else { NARROW };
    let heads = ["planned", "done", "failed", "skipped"].map(|head| text::right(head, number));
    let head = format!("{:<TITLE$}{}", "", heads.concat());
    let mut lines = vec![Line::styled(head, model.look.theme.dim)];
    lines.extend(kinds.into_iter().map(|kind| line(model, kind, reading.of(kind), number)));
    lines
}

fn line(model: &Model, kind: Kind, counts: Counts, number: usize) -> Line<'static> {
    let cell = |count: u64| text::right(&text::number(count), number);
    let failed = if counts.failed > 0 { model.look.theme.bad } else { Style::new() };
    Line::from(vec![
        Span::raw(format!("{:<TITLE$}", kind.title())),
        Span::raw(cell(counts.planned)),
        Span::raw(cell(counts.done)),
        Span::styled(cell(counts.failed), failed),
        Span::raw(cell(counts.skipped)),
    ])
}

/// `runs 681/1,204 (1 failed)`: what has ended, of what is planned. Those first that failed: what there is no room for
/// matters least.
fn in_short(
    model: &Model,
    reading: &ProgressSnapshot,
    kinds: &[Kind],
    width: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    let (failed, fine): (Vec<Kind>, Vec<Kind>) = kinds.iter().partition(|kind| reading.of(**kind).failed > 0);
    let planned = failed.into_iter().chain(fine).filter(|kind| reading.of(*kind).planned > 0);
    let part = |kind: Kind| {
        let counts = reading.of(kind);
        let ended = format!("{}/{}", text::number(counts.ended()), text::number(counts.planned));
        let (failed, style) = match counts.failed {
            0 => (String::new(), Style::new()),
            failed => (format!(" ({} failed)", text::number(failed)), model.look.theme.bad),
        };
        Span::styled(format!("{} {ended}{failed}", kind.title()), style)
    };
    paint::flow(planned.map(part), width, rows)
}
