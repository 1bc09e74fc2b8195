//! One difference, field by field, source and target side by side; the chosen field whole.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::differences;
use crate::engine::validate::{Difference, FieldDifference, parts};
use crate::tui::model::Model;
use crate::tui::scroll;
use crate::tui::text;
use crate::tui::theme::Look;
use crate::tui::widgets::{changed, paint};

/// Columns of the labels.
const LABELS: usize = 8;

pub fn view(model: &Model, frame: &mut Frame, area: Rect, difference: &Difference, at: usize) {
    let title = format!("{} {}", difference.mark.sign(), difference.mark.word());
    let inside = paint::card(model, frame, area, &title, area.width, area.height);
    let width = usize::from(inside.width);
    let mut head = head(model, difference, width);
    let Some(chosen) = difference.fields.get(at) else {
        let words = "There is nothing on the other side to compare it with.";
        head.push(Line::styled(words, model.look.theme.dim));
        paint::lines(frame, inside, head);
        return;
    };
    let [name, side] = columns(width);
    head.push(titles(model, name, side));
    let whole = whole(model, chosen, width, if inside.height < 20 { 2 } else { 6 });
    let [top, list, below] = Layout::vertical([
        Constraint::Length(head.len() as u16),
        Constraint::Fill(1),
        Constraint::Max((whole.len() as u16).min(inside.height / 2)),
    ])
    .areas(inside);
    paint::lines(frame, top, head);
    paint::lines(frame, list, rows(model, difference, at, usize::from(list.height), [name, side]));
    paint::lines(frame, below, whole);
}

fn head(model: &Model, difference: &Difference, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let what = format!("{} {}", difference.kind, differences::place(difference));
    let id = |label: &str, id: &Option<String>| {
        let id = id.as_deref().unwrap_or("is not there");
        Line::styled(text::cut(&format!("{label} id {id}"), width, look.glyphs.ellipsis), look.theme.dim)
    };
    vec![
        Line::raw(text::cut(&what, width, look.glyphs.ellipsis)),
        id("source", &difference.source_id),
        id("target", &difference.target_id),
        pending(model, width),
    ]
}

fn pending(model: &Model, width: usize) -> Line<'static> {
    let Some(pending) = &model.validation.pending else {
        return Line::default();
    };
    let doing = if pending.importing { "imported again, then compared" } else { "compared again" };
    let words = format!("{} {} is being {doing}", paint::spinner(model), pending.name);
    Line::styled(text::cut(&words, width, model.look.glyphs.ellipsis), model.look.theme.accent)
}

/// Of the field's name and of each side.
fn columns(width: usize) -> [usize; 2] {
    let name = (width / 4).clamp(14, 30);
    [name, width.saturating_sub(name + 1) / 2]
}

fn titles(model: &Model, name: usize, side: usize) -> Line<'static> {
    let words =
        [text::fit("  field", name, ""), text::fit("source", side + 1, ""), text::fit("target", side, "")];
    Line::styled(words.concat(), model.look.theme.title)
}

fn rows(
    model: &Model,
    difference: &Difference,
    at: usize,
    height: usize,
    columns: [usize; 2],
) -> Vec<Line<'static>> {
    let more = usize::from(difference.more_fields > 0);
    let height = height.saturating_sub(more).max(1);
    let top = scroll::offset(at, difference.fields.len(), height);
    let shown = difference.fields.iter().enumerate().skip(top).take(height);
    let mut lines: Vec<Line> = shown.map(|(index, field)| row(model, field, index == at, columns)).collect();
    if more > 0 {
        let words = format!("  {} more fields differ", text::number(difference.more_fields as u64));
        lines.push(Line::styled(words, model.look.theme.dim));
    }
    lines
}

fn row(model: &Model, field: &FieldDifference, chosen: bool, [name, side]: [usize; 2]) -> Line<'static> {
    let look = model.look;
    let mark = if chosen { look.glyphs.current } else { " " };
    let style = if chosen { look.theme.selected } else { Style::new() };
    let label = text::fit(&format!("{mark} {}", field.field), name.saturating_sub(1), look.glyphs.ellipsis);
    let mut spans = vec![Span::styled(label, style), Span::raw(" ")];
    match (&field.source, &field.target) {
        (Some(source), Some(target)) => {
            let (left, right) = parts(source, target);
            spans.extend(changed::cell(look, &left, side));
            spans.push(Span::raw(" "));
            spans.extend(changed::cell(look, &right, side));
        }
        (source, target) => {
            spans.push(alone(model, source.as_deref(), side));
            spans.push(Span::raw(" "));
            spans.push(alone(model, target.as_deref(), side));
        }
    }
    Line::from(spans)
}

/// A value that the other side does not have.
fn alone(model: &Model, value: Option<&str>, width: usize) -> Span<'static> {
    let look = model.look;
    match value {
        Some(value) => Span::styled(text::fit(value, width, look.glyphs.ellipsis), look.theme.changed),
        None => Span::styled(text::fit("(absent)", width, look.glyphs.ellipsis), look.theme.dim),
    }
}

/// The columns cut long names and values; here there is room for more of them, around what differs.
fn whole(model: &Model, field: &FieldDifference, width: usize, rows: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let room = width.saturating_sub(LABELS);
    let [source, target] = texts(look, field, room * rows * 4 / 5);
    let mut lines = vec![paint::rule(look, width as u16)];
    for (label, value) in [("field", field.field.clone()), ("source", source), ("target", target)] {
        for (index, words) in text::wrap(&value, room).into_iter().take(rows).enumerate() {
            let label = if index == 0 { label } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{label:<LABELS$}"), look.theme.dim),
                Span::raw(words),
            ]));
        }
    }
    lines
}

/// Both values in at most `columns`. Words are kept whole where the lines break: a fifth of the room is for that.
fn texts(look: Look, field: &FieldDifference, columns: usize) -> [String; 2] {
    let absent = || "(absent)".to_owned();
    match (&field.source, &field.target) {
        (Some(source), Some(target)) => {
            let (left, right) = parts(source, target);
            [left, right].map(|parts| {
                let spans = changed::cell(look, &parts, columns);
                spans.iter().map(|span| span.content.as_ref()).collect()
            })
        }
        (source, target) => [source.clone().unwrap_or_else(absent), target.clone().unwrap_or_else(absent)],
    }
}
