//! The number of items of each kind by result, in the lines that are available.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::engine::validate::{Mark, Totals};
use crate::entities::Kind;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::view::widgets::paint;

/// Widths of the title column and of the mark columns: 77 in total.
const KIND_WIDTH: usize = 19;
const MARK_WIDTHS: [usize; 5] = [10, 11, 11, 12, 14];
/// Width of a mark that has no space for its word.
const SHORT_WIDTH: usize = 8;

/// At most `rows` lines: one line per kind, or a compact form if that needs too many lines.
pub fn table(model: &Model, totals: &Totals, width: usize, rows: usize) -> Vec<Line<'static>> {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| totals.is_shown(*kind)).collect();
    if kinds.len() >= rows {
        return in_short(model, totals, &kinds, width, rows);
    }
    let mut lines = vec![head(model, width)];
    lines.extend(kinds.iter().map(|kind| line(model, totals, *kind, width)));
    lines
}

/// `runs =20 -3 *1`. Kinds with differences come first, because the last entries are cut if there is no space.
fn in_short(model: &Model, totals: &Totals, kinds: &[Kind], width: usize, rows: usize) -> Vec<Line<'static>> {
    let (differ, same): (Vec<Kind>, Vec<Kind>) = kinds.iter().partition(|kind| differs(totals, **kind));
    let is_counted = |kind: &Kind| Mark::ALL.iter().any(|mark| totals.of(*kind, *mark) > 0);
    let part = |kind: Kind| {
        let marks = Mark::ALL.into_iter().filter(|mark| totals.of(kind, *mark) > 0);
        let words: Vec<String> =
            marks.map(|mark| format!("{}{}", mark.sign(), text::number(totals.of(kind, mark)))).collect();
        let style = if differs(totals, kind) { model.look.theme.bad } else { model.look.theme.dim };
        Span::styled(format!("{} {}", kind.title(), words.join(" ")), style)
    };
    paint::flow(differ.into_iter().chain(same).filter(is_counted).map(part), width, rows)
}

fn differs(totals: &Totals, kind: Kind) -> bool {
    Mark::ALL.into_iter().any(|mark| mark != Mark::Same && totals.of(kind, mark) > 0)
}

fn columns(width: usize) -> [usize; 5] {
    match width >= KIND_WIDTH + MARK_WIDTHS.iter().sum::<usize>() {
        true => MARK_WIDTHS,
        false => [SHORT_WIDTH; 5],
    }
}

fn head(model: &Model, width: usize) -> Line<'static> {
    let columns = columns(width);
    let words = |mark: Mark| match columns == MARK_WIDTHS {
        true => format!("{} {}", mark.sign(), mark.word()),
        false => mark.sign().to_string(),
    };
    let heads = Mark::ALL.iter().zip(columns);
    let head: String = heads.map(|(mark, width)| text::right(&words(*mark), width)).collect();
    Line::styled(format!("{:<KIND_WIDTH$}{head}", ""), model.look.theme.dim)
}

fn line(model: &Model, totals: &Totals, kind: Kind, width: usize) -> Line<'static> {
    let mut spans = vec![Span::raw(format!("{:<KIND_WIDTH$}", kind.title()))];
    for (mark, width) in Mark::ALL.into_iter().zip(columns(width)) {
        let count = totals.of(kind, mark);
        let style = if mark != Mark::Same && count > 0 { model.look.theme.bad } else { Style::new() };
        spans.push(Span::styled(text::right(&text::number(count), width), style));
    }
    Line::from(spans)
}
