//! The list of what is not the same.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::engine::validate::{Difference, Mark};
use crate::tui::model::Model;
use crate::tui::scroll;
use crate::tui::text;
use crate::tui::widgets::paint;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let (validation, look) = (&model.validation, model.look);
    let shown = validation.shown();
    if shown.is_empty() {
        frame.render_widget(Line::styled("  none", look.theme.dim), area);
        return;
    }
    let note = validation.is_cut();
    let height = usize::from(area.height).saturating_sub(usize::from(note)).max(1);
    let top = scroll::offset(validation.cursor, shown.len(), height);
    let mut lines: Vec<Line> = shown
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(index, difference)| line(model, difference, index == validation.cursor, area.width))
        .collect();
    if note {
        let words = "  these are the first ones; the report has all of them";
        lines.push(Line::styled(words, look.theme.dim));
    }
    paint::lines(frame, area, lines);
}

fn line(model: &Model, difference: &Difference, chosen: bool, width: u16) -> Line<'static> {
    let look = model.look;
    let mark = if chosen { look.glyphs.current } else { " " };
    let (sign, word) = (difference.mark.sign(), difference.mark.word());
    let words = format!("{mark} {sign} {word:<11}{:<11}{}", difference.kind.name(), place(difference));
    let words = match fields(difference) {
        fields if fields.is_empty() => words,
        fields => format!("{words}  {fields}"),
    };
    let words = text::fit(&words, usize::from(width), look.glyphs.ellipsis);
    match chosen {
        true => Line::styled(words, look.theme.selected),
        false => Line::raw(words),
    }
}

/// The experiment, and what it is within.
pub fn place(difference: &Difference) -> String {
    match difference.experiment.as_str() {
        "" => difference.name.clone(),
        experiment if experiment == difference.name => difference.name.clone(),
        experiment => format!("{experiment} / {}", difference.name),
    }
}

fn fields(difference: &Difference) -> String {
    if !matches!(difference.mark, Mark::Differs | Mark::Unreadable) {
        return String::new();
    }
    let names: Vec<&str> = difference.fields.iter().map(|field| field.field.as_str()).collect();
    match difference.more_fields {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
