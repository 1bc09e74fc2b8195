//! One difference, field by field, source and target side by side.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::differences;
use crate::engine::validate::{Difference, FieldDifference};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::widgets::{changed, paint};

pub fn view(model: &Model, frame: &mut Frame, area: Rect, difference: &Difference, at: usize) {
    let look = model.look;
    let title = format!("{} {}", difference.mark.sign(), difference.mark.word());
    let inside = paint::card(model, frame, area, &title, area.width, area.height);
    let width = usize::from(inside.width);
    let mut lines = vec![Line::raw(text::cut(
        &format!("{} {}", difference.kind, differences::place(difference)),
        width,
        look.glyphs.ellipsis,
    ))];
    let [name, side] = columns(width);
    lines.push(ids(model, difference, name, side));
    lines.push(Line::default());
    if difference.fields.is_empty() {
        lines.push(Line::styled("There is nothing on the other side to compare it with.", look.theme.dim));
        paint::lines(frame, inside, lines);
        return;
    }
    let head = format!(
        "{}{}{}",
        text::fit("field", name, ""),
        text::fit("source", side + 1, ""),
        text::fit("target", side, "")
    );
    lines.push(Line::styled(head, look.theme.title));
    lines.extend(difference.fields.iter().skip(at).map(|field| row(model, field, name, side)));
    if difference.more_fields > 0 {
        let words = format!("{} more fields differ; the report counts them", difference.more_fields);
        lines.push(Line::styled(words, look.theme.dim));
    }
    paint::lines(frame, inside, lines);
}

/// Of the field's name and of each side.
fn columns(width: usize) -> [usize; 2] {
    let name = (width / 4).clamp(14, 30);
    [name, width.saturating_sub(name + 1) / 2]
}

fn ids(model: &Model, difference: &Difference, name: usize, side: usize) -> Line<'static> {
    let look = model.look;
    let id = |id: &Option<String>| {
        let words = id.as_deref().unwrap_or("is not there");
        text::fit(words, side, look.glyphs.ellipsis)
    };
    Line::styled(
        format!("{}{} {}", text::fit("id", name, ""), id(&difference.source_id), id(&difference.target_id)),
        look.theme.dim,
    )
}

fn row(model: &Model, field: &FieldDifference, name: usize, side: usize) -> Line<'static> {
    let look = model.look;
    let mut spans = vec![Span::raw(format!(
        "{} ",
        text::fit(&field.field, name.saturating_sub(1), look.glyphs.ellipsis)
    ))];
    match (&field.source, &field.target) {
        (Some(source), Some(target)) => {
            let (left, right) = changed::parts(source, target);
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
