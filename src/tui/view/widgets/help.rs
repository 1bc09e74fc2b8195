//! The purpose of this step, every active key on its screen, and the meaning of the signs.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{footer, paint, step_help};
use crate::tui::model::Model;
use crate::tui::text;

const WIDTH: u16 = 72;
/// Width of the labels in front of the step description.
const NAMES: usize = 8;

pub fn view(model: &Model, frame: &mut Frame, area: Rect, top: usize) {
    let mut lines = about(model, usize::from(WIDTH.min(area.width)).saturating_sub(4));
    lines.push(Line::default());
    lines.extend(keys(model));
    lines.push(Line::default());
    lines.extend(signs(model));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let title = format!("Help: {} {}", model.step as usize + 1, model.step.title());
    let inside = paint::card(model, frame, area, &title, WIDTH, height.min(area.height - 2));
    let most = lines.len().saturating_sub(usize::from(inside.height));
    let shown = lines.into_iter().skip(top.min(most)).collect();
    paint::lines(frame, inside, shown);
}

fn about(model: &Model, width: usize) -> Vec<Line<'static>> {
    let help = step_help::of(model.step);
    let parts = [("", help.happens), ("writes", help.writes), ("costs", help.costs)];
    let mut lines = Vec::new();
    for (name, words) in parts {
        let indent = if name.is_empty() { 0 } else { NAMES };
        for (index, line) in text::wrap(words, width.saturating_sub(indent)).into_iter().enumerate() {
            let lead = if index == 0 { name } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{lead:indent$}"), model.look.theme.accent),
                Span::raw(line),
            ]));
        }
    }
    lines
}

fn keys(model: &Model) -> Vec<Line<'static>> {
    let hints = footer::hints_below(model);
    let column = hints.iter().map(|hint| text::width(&hint.keys)).max().unwrap_or(0).min(32);
    let line = |hint: &footer::Hint| {
        Line::from(vec![
            Span::styled(text::fit(&hint.keys, column, model.look.glyphs.ellipsis), model.look.theme.accent),
            Span::raw(format!("  {}", hint.words)),
        ])
    };
    hints.iter().map(line).collect()
}

fn signs(model: &Model) -> Vec<Line<'static>> {
    let glyphs = model.look.glyphs;
    vec![
        Line::raw(format!(
            "steps  {} done  {} open  {} blocked  {} running",
            glyphs.ok, glyphs.ready, glyphs.blocked, glyphs.spinner[0]
        )),
        Line::raw(format!(
            "       {} failed  {} outdated  {} not needed",
            glyphs.warn, glyphs.stale, glyphs.unneeded
        )),
        Line::raw(format!(
            "boxes  {} all  {} some  {} none  {} left out",
            glyphs.boxes[0], glyphs.boxes[1], glyphs.boxes[2], glyphs.boxes[3]
        )),
        Line::raw("marks  = same  - missing  + extra  * differs  ! unreadable"),
    ]
}
