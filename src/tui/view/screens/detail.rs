//! One difference: its fields with source and target side by side, the tree of its files, and the full text of the
//! selected line.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{differences, files, selected_value};
use crate::engine::validate::{Difference, FieldDifference, Mark, parts};
use crate::entities::Kind;
use crate::tui::diff_tree::{NodeKind, Row, file_name};
use crate::tui::model::Model;
use crate::tui::model::diff_fields;
use crate::tui::text;
use crate::tui::update::scroll;
use crate::tui::view::widgets::{changed, paint};

/// Below this height the ids are hidden in favour of the fields.
const LOW: u16 = 11;
/// Minimum number of visible lines of the list.
const LISTED: u16 = 3;

pub fn view(model: &Model, frame: &mut Frame, area: Rect, difference: &Difference, at: usize) {
    let inside = paint::card(model, frame, area, &title(difference), area.width, area.height);
    let width = usize::from(inside.width);
    let mut head = head(model, difference, width);
    if inside.height < LOW {
        head.retain(|line| line.width() > 0);
        head.drain(1..3);
    }
    let (fields, files) = (diff_fields::fields(difference), diff_fields::files(&model.validation));
    if fields.is_empty() && files.is_empty() {
        let words = match difference.mark {
            Mark::Same => "The item itself is the same; its differences are below it in the list.",
            _ => "There is nothing on the other side to compare it with.",
        };
        head.push(Line::styled(words, model.look.theme.dim));
        paint::lines(frame, inside, head);
        return;
    }
    let columns = columns(width);
    head.push(titles(model, columns));
    let rows_of_each = if inside.height < 20 { 2 } else { 6 };
    let whole = match fields.get(at) {
        Some(field) => selected_value::of_field(model, field, width, rows_of_each),
        None => match files.get(at - fields.len()) {
            Some(row) => selected_value::of_file(model, row.node, width, rows_of_each),
            None => Vec::new(),
        },
    };
    let room = inside.height.saturating_sub(head.len() as u16 + LISTED).min(inside.height / 2);
    let [top, list, below] = Layout::vertical([
        Constraint::Length(head.len() as u16),
        Constraint::Fill(1),
        Constraint::Max((whole.len() as u16).min(room)),
    ])
    .areas(inside);
    paint::lines(frame, top, head);
    let more = difference.more_fields;
    let height = usize::from(list.height).saturating_sub(usize::from(more > 0)).max(1);
    let length = fields.len() + files.len();
    let first = scroll::offset(at, length, height);
    let line = |index: usize| match fields.get(index) {
        Some(field) => field_line(model, field, index == at, columns),
        None => file_line(model, files[index - fields.len()], index == at, columns),
    };
    let mut lines: Vec<Line> = (first..length.min(first + height)).map(line).collect();
    if more > 0 {
        let words = format!("  {} more fields differ", text::number(more as u64));
        lines.push(Line::styled(words, model.look.theme.dim));
    }
    paint::lines(frame, list, lines);
    paint::lines(frame, below, whole);
}

fn title(difference: &Difference) -> String {
    match (difference.mark, difference.kind) {
        (Mark::Same, Kind::RegisteredModel | Kind::Prompt) => "its versions differ".to_owned(),
        (Mark::Same, _) => "its files differ".to_owned(),
        (mark, _) => format!("{} {}", mark.sign(), mark.word()),
    }
}

fn head(model: &Model, difference: &Difference, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let what = format!("{} {}", difference.kind.words().0, differences::place(difference));
    let id = |label: &str, id: &Option<String>| {
        let id = id.as_deref().unwrap_or(match difference.mark {
            // Only a part of this item is known to differ.
            Mark::Same | Mark::Unreadable => "is not known",
            _ => "is not there",
        });
        Line::styled(text::cut(&format!("{label} id {id}"), width, look.glyphs.ellipsis), look.theme.dim)
    };
    vec![
        Line::raw(text::cut(&what, width, look.glyphs.ellipsis)),
        id("source", &difference.source_id),
        id("target", &difference.target_id),
        doing(model, difference, width),
    ]
}

/// The work on this item, or the reason why an import does not correct it.
fn doing(model: &Model, difference: &Difference, width: usize) -> Line<'static> {
    let Some(pending) = &model.validation.pending else {
        let words = difference.repair().obstacle().unwrap_or_default();
        return Line::styled(text::cut(words, width, model.look.glyphs.ellipsis), model.look.theme.warn);
    };
    let doing = if pending.importing { "imported again, then compared" } else { "compared again" };
    let words = format!("{} {} is being {doing}", paint::spinner(model), pending.name);
    Line::styled(text::cut(&words, width, model.look.glyphs.ellipsis), model.look.theme.accent)
}

/// Widths of the name column and of the column of each side.
fn columns(width: usize) -> [usize; 2] {
    let name = (width / 4).clamp(14, 30);
    [name, width.saturating_sub(name + 1) / 2]
}

fn titles(model: &Model, [name, side]: [usize; 2]) -> Line<'static> {
    let words =
        [text::fit("  field", name, ""), text::fit("source", side + 1, ""), text::fit("target", side, "")];
    Line::styled(words.concat(), model.look.theme.title)
}

fn label(model: &Model, words: &str, chosen: bool, columns: usize) -> Span<'static> {
    let look = model.look;
    let mark = if chosen { look.glyphs.current } else { " " };
    let style = if chosen { look.theme.selected } else { Style::new() };
    Span::styled(text::fit(&format!("{mark} {words}"), columns, look.glyphs.ellipsis), style)
}

fn field_line(
    model: &Model,
    field: &FieldDifference,
    chosen: bool,
    [name, side]: [usize; 2],
) -> Line<'static> {
    let look = model.look;
    let mut spans = vec![label(model, &field.field, chosen, name.saturating_sub(1)), Span::raw(" ")];
    match (&field.source, &field.target) {
        (Some(source), Some(target)) if source == target => {
            spans.push(Span::raw(text::fit(source, side + 1, look.glyphs.ellipsis)));
            spans.push(Span::raw(text::fit(target, side, look.glyphs.ellipsis)));
        }
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

/// A value that is missing on the other side.
fn alone(model: &Model, value: Option<&str>, width: usize) -> Span<'static> {
    let look = model.look;
    match value {
        Some(value) => Span::styled(text::fit(value, width, look.glyphs.ellipsis), look.theme.changed),
        None => Span::styled(text::fit("(absent)", width, look.glyphs.ellipsis), look.theme.dim),
    }
}

/// A folder with the counts of its differences, or a file with its facts on both sides.
fn file_line(model: &Model, row: Row, chosen: bool, [name, side]: [usize; 2]) -> Line<'static> {
    let (look, outline) = (model.look, &model.validation.outline);
    let indent = "  ".repeat(row.depth);
    let node = outline.node(row.node);
    if let NodeKind::Folder(folder) = &node.what {
        let words = format!("{indent}{folder}/");
        let counts = differences::counts(node.counts, outline.only());
        let label = label(model, &words, chosen, name.saturating_sub(1));
        return Line::from(vec![label, Span::styled(format!(" {counts}"), look.theme.dim)]);
    }
    let Some(file) = outline.difference(row.node) else {
        return Line::default();
    };
    let name_of = if file.path().is_empty() { "the list" } else { file_name(file) };
    let words = format!("{indent}{} {name_of}", file.mark.sign());
    let [source, target] = files::sides(look, file);
    let cell = |words: &str, columns| Span::raw(text::fit(words, columns, look.glyphs.ellipsis));
    Line::from(vec![
        label(model, &words, chosen, name.saturating_sub(1)),
        Span::raw(" "),
        cell(&source, side),
        Span::raw(" "),
        cell(&target, side),
    ])
}
