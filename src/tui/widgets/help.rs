//! Every key that works on this screen, and what the signs mean.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{footer, paint};
use crate::tui::model::Model;
use crate::tui::text;

pub fn view(model: &Model, frame: &mut Frame, area: Rect, top: usize) {
    let look = model.look;
    let hints = footer::hints_below(model);
    let column = hints.iter().map(|hint| text::width(&hint.keys)).max().unwrap_or(0).min(32);
    let mut lines: Vec<Line> = hints
        .iter()
        .map(|hint| {
            Line::from(vec![
                Span::styled(text::fit(&hint.keys, column, look.glyphs.ellipsis), look.theme.accent),
                Span::raw(format!("  {}", hint.words)),
            ])
        })
        .collect();
    lines.push(Line::default());
    lines.extend(signs(model));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inside = paint::card(model, frame, area, "Keys of this screen", 66, height.min(area.height - 2));
    let most = lines.len().saturating_sub(usize::from(inside.height));
    let shown = lines.into_iter().skip(top.min(most)).collect();
    paint::lines(frame, inside, shown);
}

fn signs(model: &Model) -> Vec<Line<'static>> {
    let glyphs = model.look.glyphs;
    vec![
        Line::raw(format!(
            "steps  {} done  {} open  {} waits for another  {} running",
            glyphs.ok, glyphs.ready, glyphs.blocked, glyphs.spinner[0]
        )),
        Line::raw(format!(
            "       {} not well  {} to be done again  {} not needed",
            glyphs.warn, glyphs.stale, glyphs.unneeded
        )),
        Line::raw(format!(
            "boxes  {} all  {} some  {} none  {} left out",
            glyphs.boxes[0], glyphs.boxes[1], glyphs.boxes[2], glyphs.boxes[3]
        )),
        Line::raw("marks  = same  - missing  + extra  * differs  ! unreadable"),
    ]
}
