//! The number of planned and ended items of each kind, in the lines that are available.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::engine::{Counts, ProgressSnapshot};
use crate::entities::Kind;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::view::widgets::paint;

/// Width of a number column, and its width in a narrow window.
const NUMBER_WIDTH: usize = 11;
const NARROW: usize = 9;
/// Width of the longest title.
const TITLE_WIDTH: usize = 20;
/// Minimum number of lines for the list below.
const LISTED: usize = 4;
/// Minimum number of lines for the counts.
const MIN_ROWS: usize = 2;

/// Fills the rest of `height` lines after `used` lines: one line per kind, or a compact form if that needs too many
/// lines.
pub fn table(
    model: &Model,
    reading: &ProgressSnapshot,
    width: u16,
    height: u16,
    used: usize,
) -> Vec<Line<'static>> {
    // Two lines show the speed, and one line is the heading of the list.
    let rows = usize::from(height).saturating_sub(used + 2 + 1 + LISTED);
    let width = usize::from(width);
    let is_shown = |kind: &Kind| reading.of(*kind).planned > 0 || kind.is_basic();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(is_shown).collect();
    if kinds.len() >= rows {
        return in_short(model, reading, &kinds, width, rows.max(MIN_ROWS));
    }
    let number = if width >= TITLE_WIDTH + 4 * NUMBER_WIDTH { NUMBER_WIDTH } else { NARROW };
    let heads = ["planned", "done", "failed", "there"].map(|head| text::right(head, number));
    let head = format!("{:<TITLE_WIDTH$}{}", "", heads.concat());
    let mut lines = vec![Line::styled(head, model.look.theme.dim)];
    lines.extend(kinds.into_iter().map(|kind| line(model, kind, reading.of(kind), number)));
    lines
}

fn line(model: &Model, kind: Kind, counts: Counts, number: usize) -> Line<'static> {
    let cell = |count: u64| text::right(&text::number(count), number);
    let failed = if counts.failed > 0 { model.look.theme.bad } else { Style::new() };
    Line::from(vec![
        Span::raw(format!("{:<TITLE_WIDTH$}", kind.title())),
        Span::raw(cell(counts.planned)),
        Span::raw(cell(counts.done)),
        Span::styled(cell(counts.failed), failed),
        Span::raw(cell(counts.skipped)),
    ])
}

/// `runs 681/1,204 (1 failed)`: ended items of planned items. Kinds with failures come first, because the last entries
/// are cut if there is no space.
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
        let ended = format!("{}/{}", text::number(counts.finished()), text::number(counts.planned));
        let (failed, style) = match counts.failed {
            0 => (String::new(), Style::new()),
            failed => (format!(" ({} failed)", text::number(failed)), model.look.theme.bad),
        };
        Span::styled(format!("{} {ended}{failed}", kind.title()), style)
    };
    paint::flow(planned.map(part), width, rows)
}
