//! The selected line of a card in full. The columns cut long names and values; here there is more space.

use ratatui::text::{Line, Span};

use super::differences;
use crate::engine::validate::{FieldDifference, parts};
use crate::tui::diff_tree::NodeKind;
use crate::tui::model::Model;
use crate::tui::model::diff_fields;
use crate::tui::text;
use crate::tui::theme::Look;
use crate::tui::view::widgets::{changed, paint};

/// Width of the labels.
const LABEL_WIDTH: usize = 8;

/// The selected field: each value is cut to the text around the differing part.
pub fn of_field(model: &Model, field: &FieldDifference, width: usize, rows: usize) -> Vec<Line<'static>> {
    let room = width.saturating_sub(LABEL_WIDTH);
    let [source, target] = texts(model.look, field, room * rows * 4 / 5);
    let parts = [("field", field.field.clone()), ("source", source), ("target", target)];
    labelled(model, &parts, width, rows)
}

/// The full path of the file, and all known facts about both sides.
pub fn of_file(model: &Model, node: usize, width: usize, rows: usize) -> Vec<Line<'static>> {
    let outline = &model.validation.outline;
    let Some(file) = outline.difference(node) else {
        let NodeKind::Folder(name) = &outline.node(node).what else {
            return Vec::new();
        };
        let counts = differences::counts(outline.node(node).counts, outline.only());
        return labelled(model, &[("folder", format!("{name}/")), ("within", counts)], width, rows);
    };
    // Checksums come last because each needs its own line.
    let mut fields = diff_fields::fields(file).into_owned();
    fields.sort_by_key(|field| field.field == "sha256");
    let side = |of: fn(&FieldDifference) -> Option<&str>| {
        let words: Vec<String> =
            fields.iter().filter_map(|field| Some(format!("{} {}", field.field, of(field)?))).collect();
        if words.is_empty() { "(absent)".to_owned() } else { words.join(", ") }
    };
    let (source, target) = (side(|field| field.source.as_deref()), side(|field| field.target.as_deref()));
    labelled(model, &[("file", file.path().to_owned()), ("source", source), ("target", target)], width, rows)
}

fn labelled(model: &Model, parts: &[(&str, String)], width: usize, rows: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let mut lines = vec![paint::rule(look, width as u16)];
    for (label, value) in parts {
        let wrapped = text::wrap(value, width.saturating_sub(LABEL_WIDTH));
        for (index, words) in wrapped.into_iter().take(rows).enumerate() {
            let label = if index == 0 { label } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{label:<LABEL_WIDTH$}"), look.theme.dim),
                Span::raw(words),
            ]));
        }
    }
    lines
}

/// Both values in at most `columns` columns. A fifth of the width is reserved for line breaks between words.
fn texts(look: Look, field: &FieldDifference, columns: usize) -> [String; 2] {
    let absent = || "(absent)".to_owned();
    match (&field.source, &field.target) {
        (Some(source), Some(target)) if source == target => [source.clone(), target.clone()],
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
